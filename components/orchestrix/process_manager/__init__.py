"""Processes over several steps, which undo what they did when one of them fails.

Other bricks import from ``orchestrix.process_manager`` only, never from its modules.
"""

from orchestrix.process_manager.dispatch import Send
from orchestrix.process_manager.process import Process, ProcessContext, ProcessStatus
from orchestrix.process_manager.process_errors import (
    CommandsUnanswered,
    HandlerCancelled,
    InvalidProcess,
    OutcomeNotFollowed,
    ProcessError,
    ProcessNotEnded,
    UnknownProcess,
    WrongStatus,
)
from orchestrix.process_manager.process_events import (
    CancellationRequested,
    CompensationFailed,
    ProcessEvent,
    RetryRequested,
    StepCompensated,
    StepCompleted,
    StepFailed,
    StepSent,
    StepSettled,
    StepTimedOut,
)
from orchestrix.process_manager.process_manager import ProcessManager
from orchestrix.process_manager.process_runner import ProcessRunner
from orchestrix.process_manager.process_step import ProcessStep
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
    "CancellationRequested",
    "CommandsUnanswered",
    "CompensationError",
    "CompensationFailed",
    "HandlerCancelled",
    "InMemorySagaStateStore",
    "InvalidArguments",
    "InvalidProcess",
    "InvalidSaga",
    "OutcomeNotFollowed",
    "Process",
    "ProcessContext",
    "ProcessError",
    "ProcessEvent",
    "ProcessManager",
    "ProcessNotEnded",
    "ProcessRunner",
    "ProcessStatus",
    "ProcessStep",
    "RetryRequested",
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
    "Send",
    "StepCompensated",
    "StepCompleted",
    "StepFailed",
    "StepSent",
    "StepSettled",
    "StepStatus",
    "StepTimedOut",
    "UnknownProcess",
    "UnstorableValue",
    "WrongStatus",
]
