"""How far a saga is: a record, from which it can go on in another process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


class SagaStatus(StrEnum):
    """What a saga is doing, or how it ended.

    `COMPLETED`: every step is done. `FAILED`: a step failed or was cancelled, and the steps before
    are undone. `COMPENSATION_FAILED`: the same, but some of them could not be undone.
    """

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    COMPENSATING = "compensating"
    FAILED = "failed"
    COMPENSATION_FAILED = "compensation_failed"


StepStatus = Literal[
    "pending",
    "in_progress",
    "completed",
    "failed",
    "compensating",
    "compensated",
    "compensation_failed",
]
"""`pending`: not begun; `failed`: its action raised or was cancelled; `compensation_failed`: done,
and its compensation raised. A step without compensation stays `completed` when its saga fails."""

ENDED = (SagaStatus.COMPLETED, SagaStatus.FAILED, SagaStatus.COMPENSATION_FAILED)


@dataclass(frozen=True)
class SagaStepStatus:
    """How a step is.

    Attributes:
        step_name: The step.
        status: What it is doing, or how it ended.
        result: What its action returned; None before.
        error: Class and text of what its action, or then its compensation, raised.
        started_at: When its action was called last; UTC.
        completed_at: When its action, or then its compensation, ended; UTC.
    """

    step_name: str
    status: StepStatus = "pending"
    result: Any = None
    error: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SagaState:
    """How far a saga is. What it is made from is copied, so no two states share a dictionary.

    Attributes:
        saga_id: The saga, not empty.
        saga_type: What kind of saga it is.
        status: What it is doing, or how it ended.
        step_statuses: Step -> how it is, in the order of the steps; all of them.
        current_step_index: The step begun last, from 0; when a step failed, that one.
        started_at: When it was first executed; UTC.
        completed_at: When it ended, one way or another; UTC.
        error: Class and text of what it failed for.
        arguments: What it was executed with.
    """

    saga_id: str
    saga_type: str
    status: SagaStatus = SagaStatus.PENDING
    step_statuses: Mapping[str, SagaStepStatus] = field(default_factory=dict[str, SagaStepStatus])
    current_step_index: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Copy what others may change; plain dictionaries, since stores must write them."""
        object.__setattr__(self, "step_statuses", dict(self.step_statuses))
        object.__setattr__(self, "arguments", dict(self.arguments))

    def is_completed(self) -> bool:
        """Say whether the saga has ended, well or not."""
        return self.status in ENDED
