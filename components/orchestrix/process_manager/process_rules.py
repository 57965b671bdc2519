"""What an event changes in a process: pure functions from row to row.

A step is left only when it is known whether its commands were taken: who wants the process to be
undone before that has to wait. An outcome of a step that the process is no longer at says nothing,
with one exception: when a step turns out to be done although the process is being undone, it has
to be undone, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrix.messaging import Event
from orchestrix.process_manager.process import Process, ProcessStatus
from orchestrix.process_manager.process_errors import InvalidProcess
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
        if process.status is COMPLETED:
            return process
        present = self.step(process.step) if process.status is RUNNING else None
        if present is not None and isinstance(event, present.failed_by):
            return self._to_be_undone(process, f"{event.type} at step {present.name!r}", moment)
        name = self._answered_by(process, event)
        if name is None:
            return process
        answers = {**process.answers, name: moment.position}
        process = replace(process, answers=answers, changed_at=moment.at)
        if process.status is not RUNNING:
            return self._late(process, name, moment)
        is_known = name == process.step and not process.due
        return self._done(process, moment) if is_known else process

    def followed(self, process: Process, event: ProcessEvent, moment: Moment) -> Process:
        """Return the process after an event of its manager; the same if that says nothing."""
        is_at = event.step == process.step
        match event, process.status:
            case _, ProcessStatus.COMPLETED:
                return process
            case CancellationRequested(reason=reason), ProcessStatus.RUNNING:
                return self._to_be_undone(process, f"cancelled: {reason}", moment)
            case _, ProcessStatus.RUNNING:
                return self._stepped(process, event, moment) if is_at else process
            case StepCompleted(), _ if self._is_news(process, event):
                return self._late(process, event.step, moment)
            case StepFailed(taken=taken), _ if taken and self._is_news(process, event):
                return self._late(process, event.step, moment)
            case StepCompensated(), _:
                return self._undone(process, event.step, moment)
            case StepSettled(), ProcessStatus.PARKED if is_at:
                return self._undone(process, event.step, moment)
            case CompensationFailed(), ProcessStatus.COMPENSATING if is_at:
                error = f"{process.error}; then undoing {event.step!r} failed: {event.error}"
                return replace(process, status=PARKED, due=False, error=error, changed_at=moment.at)
            case RetryRequested(), ProcessStatus.PARKED:
                return self._undoing(process, moment)
            case _:
                return process

    def _stepped(self, process: Process, event: ProcessEvent, moment: Moment) -> Process:
        """Follow what became of the commands of the present step."""
        match event:
            case StepCompleted():
                return self._done(process, moment)
            case StepSent():
                process = replace(process, due=False, changed_at=moment.at)
                if process.error is not None:
                    return self._failed(process, process.error, moment)
                return self._done(process, moment) if self._is_answered(process) else process
            case StepFailed(error=error, taken=taken):
                if taken:  # some of its commands had an effect
                    process = replace(process, completed=[*process.completed, event.step])
                because = process.error or f"step {event.step!r} failed: {error}"
                return self._failed(process, because, moment)
            case StepTimedOut() if not process.due:
                error = f"step {event.step!r} took longer than {self._timeout(event.step)}"
                return self._failed(process, error, moment)
            case _:
                return process

    def _is_answered(self, process: Process) -> bool:
        """Say whether the present step waits for no event, any more."""
        step = self.step(process.step)
        return process.step in process.answers or (step is not None and not step.completed_by)

    def _answered_by(self, process: Process, event: Event) -> str | None:
        """Return the step that an event completes: the first that waits for such a one."""
        for step in self.steps:
            if isinstance(event, step.completed_by) and step.name not in process.answers:
                return step.name
        return None

    def _is_news(self, process: Process, event: ProcessEvent) -> bool:
        return event.step in self._names and event.step not in process.completed

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

    def _done(self, process: Process, moment: Moment) -> Process:
        """Go on after the present step, or back if that was wished for meanwhile."""
        name = process.step or ""
        if name not in self._names:
            raise InvalidProcess(
                f"process {process.process_id!r} has done its step {name!r}, which is none any "
                "more; give a step that name back"
            )
        process = replace(process, completed=[*process.completed, name])
        if process.error is not None:
            return self._failed(process, process.error, moment)
        return self._at_step(process, self._names.index(name) + 1, moment)

    def _late(self, process: Process, name: str, moment: Moment) -> Process:
        """Undo, first of all, what was done although the process is being undone."""
        if name in process.completed:
            return process
        process = replace(process, completed=[*process.completed, name], changed_at=moment.at)
        return process if process.status is PARKED else self._undoing(process, moment)

    def _to_be_undone(self, process: Process, error: str, moment: Moment) -> Process:
        """Undo a process; but not before it is known whether its commands were taken."""
        if not process.due:
            return self._failed(process, error, moment)
        if process.error is not None:
            return process
        return replace(process, error=error, changed_at=moment.at)

    def _failed(self, process: Process, error: str, moment: Moment) -> Process:
        """Undo what was done, with what was answered although it was not asked for yet."""
        done = process.completed
        early = [each for each in self._names if each in process.answers and each not in done]
        process = replace(process, error=error, completed=[*done, *early])
        return self._undoing(process, moment)

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
            step = self.step(name)  # one that is gone has to be told, not passed over
            needs_nothing = step is not None and step.compensation is None
            if name not in process.undone and not needs_nothing:
                return replace(process, status=COMPENSATING, step=name, due=True)
        return replace(process, status=FAILED, step=None, due=False)

    def _timeout(self, name: str) -> object:
        step = self.step(name)
        return None if step is None else step.timeout


def _has_nothing_to_do(step: ProcessStep[Any], process: Process) -> bool:
    has_come = step.name in process.answers
    return has_come or (step.command is None and not step.completed_by)
