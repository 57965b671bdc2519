"""Sagas, from the ``process_manager`` brick."""

from orchestrix.process_manager import (
    InMemorySagaStateStore,
    Saga,
    SagaState,
    SagaStateStore,
    SagaStatus,
    SagaStep,
    SagaStepStatus,
)

__all__ = [
    "InMemorySagaStateStore",
    "Saga",
    "SagaState",
    "SagaStateStore",
    "SagaStatus",
    "SagaStep",
    "SagaStepStatus",
]
