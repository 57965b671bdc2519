"""Errors, from the ``messaging`` and ``eventsourcing`` bricks."""

from orchestrix.eventsourcing import ConcurrencyError
from orchestrix.messaging import HandlerError, OrchestrixError

__all__ = ["ConcurrencyError", "HandlerError", "OrchestrixError"]
