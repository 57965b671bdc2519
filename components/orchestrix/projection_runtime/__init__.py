"""Keeping projections up to date: catching up, following, failure policy, waiting for a write."""

from orchestrix.projection_runtime.errors import (
    CheckpointAboveHead,
    InvalidRunner,
    NotInTime,
    NotProcessed,
    ProjectionsStopped,
    RunnerError,
    UnknownProjection,
)
from orchestrix.projection_runtime.failure_policy import Action, FailurePolicy
from orchestrix.projection_runtime.runner import ProjectionRunner
from orchestrix.projection_runtime.status import Condition, ProjectionStatus

__all__ = [
    "Action",
    "CheckpointAboveHead",
    "Condition",
    "FailurePolicy",
    "InvalidRunner",
    "NotInTime",
    "NotProcessed",
    "ProjectionRunner",
    "ProjectionStatus",
    "ProjectionsStopped",
    "RunnerError",
    "UnknownProjection",
]
