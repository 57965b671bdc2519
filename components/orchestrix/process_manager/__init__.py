"""Processes over several steps: sagas, which undo what they did when one of them fails.

Other bricks import from ``orchestrix.process_manager`` only, never from its modules.
"""

from orchestrix.process_manager.saga import Saga
from orchestrix.process_manager.saga_errors import (
    CompensationError,
    InvalidArguments,
    InvalidSaga,
    SagaError,
    SagaFailed,
    SagaInUse,
    SagaMismatch,
    UnstorableValue,
)
from orchestrix.process_manager.saga_state import SagaState, SagaStatus, SagaStepStatus, StepStatus
from orchestrix.process_manager.saga_step import SagaStep
from orchestrix.process_manager.saga_store import InMemorySagaStateStore, SagaStateStore

__all__ = [
    "CompensationError",
    "InMemorySagaStateStore",
    "InvalidArguments",
    "InvalidSaga",
    "Saga",
    "SagaError",
    "SagaFailed",
    "SagaInUse",
    "SagaMismatch",
    "SagaState",
    "SagaStateStore",
    "SagaStatus",
    "SagaStep",
    "SagaStepStatus",
    "StepStatus",
    "UnstorableValue",
]
