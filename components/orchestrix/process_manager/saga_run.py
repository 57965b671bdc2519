"""One execution of a saga: forward through its steps, and back when one fails.

A state is saved before each call and at the end. What a call changed is saved together with the
next one, so the store may know of one call less than were made, and never of one more.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from orchestrix.process_manager.saga_call import Call
from orchestrix.process_manager.saga_errors import CompensationError, SagaFailed
from orchestrix.process_manager.saga_state import SagaState, SagaStatus, SagaStepStatus
from orchestrix.process_manager.saga_step import PlannedStep

_NEVER_DONE = ("pending", "in_progress", "failed")
_TO_UNDO = ("completed", "compensating", "compensation_failed")
_GOING_BACK = (SagaStatus.COMPENSATING, SagaStatus.COMPENSATION_FAILED)


class _ActionFailed(Exception):
    """Tells what an action raised from what a store raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class SagaRun:
    """Takes a saga from a state to an end.

    Args:
        steps: The saga's steps.
        state: Where it stands; `IN_PROGRESS`, or on its way back.
        save: Keeps a state. What it raises is raised here, and ends the run where it is.
    """

    def __init__(
        self,
        steps: Sequence[PlannedStep],
        state: SagaState,
        save: Callable[[SagaState], Awaitable[None]],
    ) -> None:
        self._steps = steps
        self._state = state
        self._keep = save
        ran = [each for each in steps if self._status_of(each).status == "in_progress"]
        self._unknown = ran[0].name if ran else None  # it ran when a process ended, and may be done

    async def go_on(self) -> Any:
        """Do the steps that are not done, and return what the last one returned."""
        if self._state.status in _GOING_BACK:
            known = SagaFailed(self._state.saga_id, self._state.error)
            raise await self._after_undoing(known)
        try:
            return await self._go_forward()
        except _ActionFailed as failed:
            original = failed.error
        except asyncio.CancelledError as error:  # while a state was saved
            if self._unknown is not None:
                raise  # as after a crash: undoing would leave out what that step may have done
            original = error
        raise await self._after_undoing(original)

    async def _go_forward(self) -> Any:
        for index, step in enumerate(self._steps):
            if self._status_of(step).status != "completed":
                began = self._changed(step, status="in_progress", error=None, started_at=_now())
                await self._save(replace(began, current_step_index=index))
                await self._act(step)
        await self._end(SagaStatus.COMPLETED)
        return self._status_of(self._steps[-1]).result

    async def _act(self, step: PlannedStep) -> None:
        try:
            result = await self._call(step, step.action)
        except (Exception, asyncio.CancelledError) as error:
            is_cancelled = isinstance(error, asyncio.CancelledError) and _is_asked_to_end()
            if is_cancelled and step.name == self._unknown:
                raise
            text = _sentence(error)
            self._state = self._changed(step, status="failed", error=text, completed_at=_now())
            raise _ActionFailed(error) from error
        self._state = self._changed(step, status="completed", result=result, completed_at=_now())
        if step.name == self._unknown:
            self._unknown = None

    async def _after_undoing(self, original: BaseException) -> BaseException:
        """Undo what was done, even when cancelled meanwhile; return what is to be raised then."""
        undoing = asyncio.create_task(self._undo(original))
        was_cancelled = await _wait_to_its_end(undoing)
        error = undoing.exception() or original
        must_cancel = was_cancelled or isinstance(original, asyncio.CancelledError)
        if must_cancel and not isinstance(error, asyncio.CancelledError):
            raise asyncio.CancelledError from error
        return error

    async def _undo(self, original: BaseException) -> None:
        failures: dict[str, BaseException] = {}
        error = self._state.error or _sentence(original)
        going_back = SagaStatus.COMPENSATING
        self._state = replace(self._state, status=going_back, error=error, completed_at=None)
        try:
            for step in reversed(self._steps):
                await self._undo_step(step, failures)
            failed = SagaStatus.COMPENSATION_FAILED if failures else SagaStatus.FAILED
            await self._end(failed)
        except Exception as broken:
            _note_what_is_hidden(broken, original, failures)
            raise
        if failures:
            raise CompensationError(self._state.saga_id, original, failures) from original

    async def _undo_step(self, step: PlannedStep, failures: dict[str, BaseException]) -> None:
        if step.compensation is None or self._status_of(step).status not in _TO_UNDO:
            return
        await self._save(self._changed(step, status="compensating", error=None))
        try:
            await self._call(step, step.compensation)
        except (Exception, asyncio.CancelledError) as error:
            if _is_asked_to_end():
                raise
            failures[step.name] = error
            status, text = "compensation_failed", _sentence(error)
        else:
            status, text = "compensated", None
        self._state = self._changed(step, status=status, error=text, completed_at=_now())

    async def _call(self, step: PlannedStep, call: Call) -> Any:
        statuses = self._state.step_statuses.values()
        results = {
            each.step_name: each.result for each in statuses if each.status not in _NEVER_DONE
        }
        offered = {"result": results.get(step.name), "results": MappingProxyType(results)}
        return await call(self._state.arguments, offered)

    async def _end(self, status: SagaStatus) -> None:
        await self._save(replace(self._state, status=status, completed_at=_now()))

    async def _save(self, state: SagaState) -> None:
        await self._keep(state)
        self._state = state

    def _status_of(self, step: PlannedStep) -> SagaStepStatus:
        return self._state.step_statuses[step.name]

    def _changed(self, step: PlannedStep, **changes: Any) -> SagaState:
        changed = replace(self._status_of(step), **changes)
        statuses = {**self._state.step_statuses, step.name: changed}
        return replace(self._state, step_statuses=statuses)


async def _wait_to_its_end(task: asyncio.Task[None]) -> bool:
    """Wait for `task`, also when cancelled; say whether that happened."""
    was_cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            was_cancelled = True
    return was_cancelled


def _is_asked_to_end() -> bool:
    """Say whether the loop ends, rather than something that a compensation waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _note_what_is_hidden(
    broken: Exception, original: BaseException, failures: dict[str, BaseException]
) -> None:
    broken.add_note(f"raised while a saga was compensated for: {_sentence(original)}")
    for step, failure in failures.items():
        broken.add_note(f"the compensation of step {step!r} had failed: {_sentence(failure)}")


def _sentence(error: BaseException) -> str:
    """Return class and text of an exception, whatever its ``__str__`` does."""
    return "".join(traceback.format_exception_only(error)).strip()


def _now() -> datetime:
    return datetime.now(UTC)
