"""Errors and retry policies, from the ``messaging`` brick."""

from orchestrix.messaging import (
    ExponentialBackoff,
    FixedDelay,
    LinearBackoff,
    NoRetry,
    OrchestrixError,
    RetryPolicy,
    retry_sync,
)

__all__ = [
    "ExponentialBackoff",
    "FixedDelay",
    "LinearBackoff",
    "NoRetry",
    "OrchestrixError",
    "RetryPolicy",
    "retry_sync",
]
