"""What a process manager itself writes down: one fact per outcome, in a stream per process."""

from dataclasses import dataclass

from orchestrix.messaging import Event


@dataclass(frozen=True, kw_only=True)
class ProcessEvent(Event, type="orchestrix.process-event"):
    """Something happened to a process.

    Attributes:
        manager: The process manager's name.
        process_id: Which of its processes.
        step: The step meant; empty: the process as a whole.
    """

    manager: str
    process_id: str
    step: str = ""


@dataclass(frozen=True, kw_only=True)
class StepSent(ProcessEvent, type="orchestrix.process-step-sent"):
    """The commands of a step were taken; it is done when its event comes."""


@dataclass(frozen=True, kw_only=True)
class StepCompleted(ProcessEvent, type="orchestrix.process-step-completed"):
    """The commands of a step were taken, and that was all of it."""


@dataclass(frozen=True, kw_only=True)
class StepFailed(ProcessEvent, type="orchestrix.process-step-failed"):
    """A command of a step was refused.

    Attributes:
        error: Why, in a sentence.
        taken: How many commands of the step were taken before.
    """

    error: str
    taken: int = 0


@dataclass(frozen=True, kw_only=True)
class StepTimedOut(ProcessEvent, type="orchestrix.process-step-timed-out"):
    """The event of a step did not come in time."""


@dataclass(frozen=True, kw_only=True)
class StepCompensated(ProcessEvent, type="orchestrix.process-step-compensated"):
    """What a step had done is undone."""


@dataclass(frozen=True, kw_only=True)
class CompensationFailed(ProcessEvent, type="orchestrix.process-compensation-failed"):
    """A command that should undo a step was refused, so somebody has to look at it.

    Attributes:
        error: Why, in a sentence.
    """

    error: str


@dataclass(frozen=True, kw_only=True)
class CancellationRequested(ProcessEvent, type="orchestrix.process-cancellation-requested"):
    """Somebody wants a process to end, and undo what it did.

    Attributes:
        reason: Why.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryRequested(ProcessEvent, type="orchestrix.process-retry-requested"):
    """Somebody wants the compensation of a parked process to be tried again."""


@dataclass(frozen=True, kw_only=True)
class StepSettled(ProcessEvent, type="orchestrix.process-step-settled"):
    """Somebody has undone by hand what a compensation of a parked process should have.

    Attributes:
        reason: What was done.
    """

    reason: str
