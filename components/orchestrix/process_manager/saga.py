"""Sagas: steps over several systems, all of them done or those that were done undone."""

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import uuid_utils

from orchestrix.process_manager.saga_errors import (
    InvalidArguments,
    InvalidSaga,
    SagaFailed,
    SagaInUse,
    SagaMismatch,
)
from orchestrix.process_manager.saga_run import SagaRun
from orchestrix.process_manager.saga_state import SagaState, SagaStatus, SagaStepStatus
from orchestrix.process_manager.saga_step import SagaStep, check_arguments, check_steps, planned
from orchestrix.process_manager.saga_store import SagaStateStore

_NOT_GIVEN = object()


class Saga:
    """Runs steps one after the other, and undoes those that were done when one fails.

    Its state is saved before each call of an action or a compensation, and at the end. After a
    crash, a saga of the same type, steps and `saga_id` goes on from there: what is known to be
    done is not done again, the call that was being made is made again. So each call is made
    *at least once*, and actions and compensations must bear a second one.

    One process at a time may execute a saga id; nothing keeps two from it.

    Args:
        saga_type: What kind of saga it is, not empty.
        steps: At least one, in their order, with different names.
        state_store: Where its state is kept.

    Raises:
        InvalidSaga: No type, no steps, or two of one name.
    """

    def __init__(
        self, saga_type: str, steps: Sequence[SagaStep], state_store: SagaStateStore
    ) -> None:
        if not saga_type:
            raise InvalidSaga("a saga's type cannot be empty; name what it does")
        check_steps(saga_type, steps)
        self.saga_type = saga_type
        self.steps = tuple(steps)
        self.state_store = state_store
        self._planned = tuple(map(planned, self.steps))
        self._saga_id = str(uuid_utils.uuid7())
        self._state: SagaState | None = None
        self._turn = threading.Lock()

    @property
    def saga_id(self) -> str:
        """The key of its state; UUIDv7 text unless assigned, which must be done first of all.

        Raises:
            InvalidSaga: On assignment: an empty id, or the saga has a state under another one.
        """
        return self._saga_id

    @saga_id.setter
    def saga_id(self, saga_id: str) -> None:
        if not saga_id:
            raise InvalidSaga("a saga's id cannot be empty; its state is found by it")
        if saga_id != self._saga_id and (self._state is not None or self._turn.locked()):
            raise InvalidSaga(
                f"saga {self._saga_id!r} has begun and keeps its id; make another Saga "
                f"for {saga_id!r}"
            )
        self._saga_id = saga_id

    async def initialize(self) -> None:
        """Load the state of its id, or save a first one, which is pending.

        ``execute`` needs no such call.

        Raises:
            SagaMismatch: The id belongs to another kind of saga.
            SagaInUse: It is executed.
        """
        with self._alone():
            if await self._load() is None:
                await self._save(self._first_state())

    async def execute(self, /, **kwargs: Any) -> Any:
        """Do the steps that are not done; return what the last one returned.

        What is done depends on the stored state of the saga's id:

        * none, or pending: every step, with `kwargs`.
        * completed: nothing; the last result is returned as it was stored.
        * in progress, after a crash: the steps not done, beginning with the one that ran.
        * compensating, after a crash, or compensation failed: the compensations not done,
          beginning with the one that ran; then it raises as if the step had failed now.
        * failed: nothing.

        Cancelled, it first undoes the steps that were done, whoever else cancels it meanwhile;
        what ends the program (``KeyboardInterrupt``) leaves the state as after a crash. So does
        an error of the store, also in the middle of compensating: it is raised, nothing more
        is called, and another ``execute`` goes on.

        Args:
            kwargs: What the steps are called with; stored with the state. To go on with a saga
                that has begun, give the same, or nothing.

        Raises:
            Exception: What an action raised, after all that was done before is undone.
            CompensationError: From that: not all of it could be undone.
            SagaFailed: It had failed before, or failed in another process.
            InvalidArguments: The steps cannot be called with `kwargs`, or it was begun with others.
            SagaMismatch: The id belongs to a saga of another type or with other steps.
            SagaInUse: It is executed already.
        """
        with self._alone():
            state = await self._load() or self._first_state()
            arguments = self._arguments(state, kwargs)
            if state.status == SagaStatus.COMPLETED:
                return state.step_statuses[self.steps[-1].name].result
            if state.status == SagaStatus.FAILED:
                raise SagaFailed(self.saga_id, state.error)
            check_arguments(self.saga_id, self._planned, arguments)
            if state.status == SagaStatus.PENDING:
                state = _begun(state, arguments)
            return await SagaRun(self._planned, state, self._save).go_on()

    def get_state(self) -> SagaState | None:
        """Return a copy of the state that this object loaded or saved last; None before."""
        return None if self._state is None else replace(self._state)

    def is_completed(self) -> bool:
        """Say whether it has ended, well or not, as far as this object knows."""
        return self._state is not None and self._state.is_completed()

    def is_successful(self) -> bool:
        """Say whether every step is done, as far as this object knows."""
        return self._state is not None and self._state.status == SagaStatus.COMPLETED

    @contextmanager
    def _alone(self) -> Generator[None, None, None]:
        if not self._turn.acquire(blocking=False):
            raise SagaInUse(self.saga_id)
        try:
            yield
        finally:
            self._turn.release()

    async def _load(self) -> SagaState | None:
        state = await self.state_store.load_state(self.saga_id)
        if state is not None:
            stored = _kind(state.saga_type, state.step_statuses)
            expected = _kind(self.saga_type, [step.name for step in self.steps])
            if stored != expected:
                raise SagaMismatch(self.saga_id, stored, expected)
            self._state = state
        return state

    async def _save(self, state: SagaState) -> None:
        await self.state_store.save_state(state)
        self._state = state

    def _first_state(self) -> SagaState:
        names = [step.name for step in self.steps]
        return SagaState(
            saga_id=self.saga_id,
            saga_type=self.saga_type,
            step_statuses={name: SagaStepStatus(name) for name in names},
        )

    def _arguments(self, state: SagaState, kwargs: dict[str, Any]) -> Mapping[str, Any]:
        """Return what the steps are called with: what was stored, once the saga has begun."""
        if state.status == SagaStatus.PENDING:
            return kwargs
        if kwargs and kwargs != state.arguments:
            problem = (
                "the saga was begun with others; give the same or none to go on with it, or a "
                "new saga id"
            )
            raise InvalidArguments(self.saga_id, _different(kwargs, state.arguments), problem)
        return state.arguments


def _begun(state: SagaState, arguments: Mapping[str, Any]) -> SagaState:
    now = datetime.now(UTC)
    return replace(state, status=SagaStatus.IN_PROGRESS, arguments=arguments, started_at=now)


def _kind(saga_type: str, steps: Mapping[str, object] | Sequence[str]) -> str:
    return f"{saga_type!r} with the steps {', '.join(map(repr, steps))}"


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name in sorted({*one, *other})
        if [one.get(name, _NOT_GIVEN)] != [other.get(name, _NOT_GIVEN)]
    ]
