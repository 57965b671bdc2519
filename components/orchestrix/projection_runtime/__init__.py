"""Keeping projections up to date: catching up, following, failure policy, waiting for a write."""

from orchestrix.projection_runtime.errors import (
    CheckpointAboveHead,
    HandlerCancelled,
    InvalidRunner,
    InvalidWait,
    NotInTime,
    NotManaged,
    NotProcessed,
    ProjectionPaused,
    ProjectionsStopped,
    RunnerError,
    TooManyKeys,
    UnknownProjection,
)
from orchestrix.projection_runtime.failure_policy import Action, FailurePolicy
from orchestrix.projection_runtime.read_your_writes import ReadYourWrites, wrote
from orchestrix.projection_runtime.runner import ProjectionRunner
from orchestrix.projection_runtime.status import Condition, ProjectionStatus

__all__ = [
    "Action",
    "CheckpointAboveHead",
    "Condition",
    "FailurePolicy",
    "HandlerCancelled",
    "InvalidRunner",
    "InvalidWait",
    "NotInTime",
    "NotManaged",
    "NotProcessed",
    "ProjectionPaused",
    "ProjectionRunner",
    "ProjectionStatus",
    "ProjectionsStopped",
    "ReadYourWrites",
    "RunnerError",
    "TooManyKeys",
    "UnknownProjection",
    "wrote",
]
