"""What an event changes in a process: pure functions from row to row.

An outcome of a step that the process is no longer at says nothing, with one exception: when a
step turns out to be done although the process is being undone, it has to be undone, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrix.messaging import Event
from orchestrix.process_manager.process import Process, ProcessStatus
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
from orchestrix.process_manager.process_step import ProcessStep

RUNNING, COMPENSATING, PARKED, COMPLETED, FAILED = ProcessStatus


@dataclass(frozen=True, slots=True)
class Moment:
    """Where and when an event was recorded."""

    position: int
    at: datetime


class ProcessRules:
    """The steps of a process manager, and how a process goes through them."""

    def __init__(self, steps: Sequence[ProcessStep[Any]]) -> None:
        self.steps = tuple(steps)
        self._names = [each.name for each in self.steps]

    def step(self, name: str | None) -> ProcessStep[Any] | None:
        """Return the step of that name; None: there is none, or no more."""
        return self.steps[self._names.index(name)] if name in self._names else None

    def started(self, process_id: str, moment: Moment) -> Process:
        """Return a new process, at its first step."""
        process = Process(
            process_id=process_id, status=RUNNING, step=None, due=False,
            started_position=moment.position, cause_position=moment.position,
            started_at=moment.at, changed_at=moment.at,
        )  # fmt: skip
        return self._at_step(process, 0, moment)

    def answered(self, process: Process, event: Event, moment: Moment) -> Process:
        """Return the process after an event of the domain; the same if that says nothing."""
        for step in self.steps:
            if isinstance(event, step.completed_by) and step.name not in process.answers:
                answers = {**process.answers, step.name: moment.position}
                process = replace(process, answers=answers, changed_at=moment.at)
                if step.name == process.step or process.status is not RUNNING:
                    process = self._completed(process, step.name, moment)
            elif isinstance(event, step.failed_by) and step.name == process.step:
                process = self._failed(process, f"{event.type} at step {step.name!r}", moment)
        return process

    def followed(self, process: Process, event: ProcessEvent, moment: Moment) -> Process:
        """Return the process after an event of its manager; the same if that says nothing."""
        is_at = event.step == process.step
        match event:
            case StepCompleted() if self.step(event.step) is not None:
                return self._completed(process, event.step, moment)
            case StepSent() if is_at and process.status is RUNNING:
                return replace(process, due=False, changed_at=moment.at)
            case StepFailed() if is_at and process.status is RUNNING:
                return self._refused(process, event, moment)
            case StepFailed(taken=taken) if taken and process.status is not RUNNING:
                return self._completed(process, event.step, moment)
            case StepTimedOut() if is_at and process.status is RUNNING:
                error = f"step {event.step!r} took longer than {self._timeout(event.step)}"
                return self._failed(process, error, moment)
            case CancellationRequested() if process.status is RUNNING:
                return self._failed(process, f"cancelled: {event.reason}", moment)
            case StepCompensated() if process.status is not RUNNING:
                return self._undone(process, event.step, moment)
            case StepSettled() if is_at and process.status is PARKED:
                return self._undone(process, event.step, moment)
            case CompensationFailed() if is_at and process.status is COMPENSATING:
                error = f"{process.error}; then undoing {event.step!r} failed: {event.error}"
                return replace(process, status=PARKED, due=False, error=error, changed_at=moment.at)
            case RetryRequested() if process.status is PARKED:
                return self._undoing(process, moment)
            case _:
                return process

    def _at_step(self, process: Process, index: int, moment: Moment) -> Process:
        """Go to a step, and past those that there is nothing to do for."""
        process = replace(process, changed_at=moment.at, cause_position=moment.position)
        for step in self.steps[index:]:
            if not _has_nothing_to_do(step, process):
                deadline = None if step.timeout is None else moment.at + step.timeout
                due = step.command is not None
                return replace(process, step=step.name, due=due, deadline=deadline)
            process = replace(process, completed=[*process.completed, step.name])
        return replace(process, status=COMPLETED, step=None, due=False, deadline=None)

    def _completed(self, process: Process, name: str, moment: Moment) -> Process:
        if name in process.completed:
            return process
        is_next = process.status is RUNNING and name == process.step
        if process.status is RUNNING and not is_next:
            return process
        process = replace(process, completed=[*process.completed, name])
        if is_next:
            return self._at_step(process, self._names.index(name) + 1, moment)
        if process.status is PARKED:
            return replace(process, changed_at=moment.at)
        return self._undoing(process, moment)

    def _refused(self, process: Process, event: StepFailed, moment: Moment) -> Process:
        if event.taken:  # some of its commands had an effect
            process = replace(process, completed=[*process.completed, event.step])
        return self._failed(process, f"step {event.step!r} failed: {event.error}", moment)

    def _failed(self, process: Process, error: str, moment: Moment) -> Process:
        return self._undoing(replace(process, error=error), moment)

    def _undone(self, process: Process, name: str, moment: Moment) -> Process:
        if name in process.undone or name not in process.completed:
            return process
        process = replace(process, undone=[*process.undone, name], changed_at=moment.at)
        return self._undoing(process, moment) if name == process.step else process

    def _undoing(self, process: Process, moment: Moment) -> Process:
        """Go to the last step that is still to be undone, or to the end."""
        process = replace(
            process, changed_at=moment.at, cause_position=moment.position, deadline=None
        )
        for name in reversed(process.completed):
            step = self.step(name)
            if step is None or step.compensation is None or name in process.undone:
                continue
            return replace(process, status=COMPENSATING, step=name, due=True)
        return replace(process, status=FAILED, step=None, due=False)

    def _timeout(self, name: str) -> object:
        step = self.step(name)
        return None if step is None else step.timeout


def _has_nothing_to_do(step: ProcessStep[Any], process: Process) -> bool:
    has_come = step.name in process.answers
    return has_come or (step.command is None and not step.completed_by)
