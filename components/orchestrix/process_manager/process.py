"""One process: how far it is, as a row of the manager's table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from orchestrix.messaging import Event

StartT = TypeVar("StartT", bound=Event)


class ProcessStatus(Enum):
    """How a process is."""

    RUNNING = "running"
    """Its steps are being done."""
    COMPENSATING = "compensating"
    """One failed, timed out or was cancelled; what was done before is being undone."""
    PARKED = "parked"
    """A compensation was refused; it waits for somebody to retry or settle it."""
    COMPLETED = "completed"
    """All steps are done: its end."""
    FAILED = "failed"
    """It did not come to be, and everything is undone: its end."""


@dataclass(frozen=True)
class Process:
    """A row that a process manager keeps; read it, and leave writing to the manager.

    Attributes:
        process_id: What its starting event was about.
        status: How it is.
        step: The step that is being done or undone; None at its end.
        due: Whether commands of that step are to be sent.
        completed: The steps that were done, in that order, later undone ones included.
        undone: Those of them that were undone.
        started_position: Where its starting event is.
        cause_position: Where the event is that led to the present step.
        answers: Step -> position of the event that completed it.
        deadline: When the present step is over, by the store's clock; None: never.
        error: Why it did not go on, or, while it is running, why it will be undone as soon as it is
            known whether its commands were taken; None: it goes on.
        started_at: When its starting event was recorded.
        changed_at: When its last change was recorded.
    """

    process_id: str
    status: ProcessStatus
    step: str | None
    due: bool
    started_position: int
    cause_position: int
    started_at: datetime
    changed_at: datetime
    completed: list[str] = field(default_factory=list[str])
    undone: list[str] = field(default_factory=list[str])
    answers: dict[str, int] = field(default_factory=dict[str, int])
    deadline: datetime | None = None
    error: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows: it is completed, or failed and undone.

        A failed one is gone on with if something turns out to have been done after all.
        """
        return self.status in (ProcessStatus.COMPLETED, ProcessStatus.FAILED)


@dataclass
class Timer:
    """A row for each process that waits with a deadline, the earliest first."""

    at: datetime
    process_id: str


@dataclass(frozen=True)
class ProcessContext(Generic[StartT]):
    """What commands are made of: the process as it is when a step begins, or is undone.

    Attributes:
        process_id: The process.
        started: Its starting event.
        answers: Step -> the event that completed it, for steps that wait for one.
        error: Why it is being undone; None while it is not.
    """

    process_id: str
    started: StartT
    answers: Mapping[str, Event]
    error: str | None
