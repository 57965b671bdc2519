"""Sagas whose steps write down what was called, and stores that fail when they are told."""

from collections.abc import Callable
from typing import Any

from orchestrix.process_manager import (
    InMemorySagaStateStore,
    Saga,
    SagaState,
    SagaStateStore,
    SagaStep,
)


class Killed(BaseException):
    """Ends everything at once, as the end of the process would; nothing may catch it."""


class Diary:
    """What was called, in order, and what it left behind.

    `fails` says what a call raises, by its name: the step's, or ``undo`` and the step's.
    """

    def __init__(self, **fails: BaseException) -> None:
        self.calls: list[str] = []
        self.done: set[str] = set()
        self.fails: dict[str, BaseException] = dict(fails)

    def step(self, name: str) -> SagaStep:
        async def action() -> str:
            self._note(name)
            self.done.add(name)
            return f"{name} done"

        def compensation() -> None:
            self._note(f"undo {name}")
            self.done.discard(name)

        return SagaStep(name, action, compensation)

    def saga(self, store: SagaStateStore | None = None, steps: str = "a b c") -> Saga:
        """Return a saga named "1", so that another one can go on with it."""
        store = store or InMemorySagaStateStore()
        saga = Saga("letters", [self.step(name) for name in steps.split()], store)
        saga.saga_id = "1"
        return saga

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.fails:
            raise self.fails[call]


class SpiedStore(SagaStateStore):
    """Keeps every state that was saved; asks `before` and `after` each save, which may raise."""

    def __init__(self) -> None:
        self.inner = InMemorySagaStateStore()
        self.saved: list[SagaState] = []
        self.before: Callable[[int, SagaState], Any] = lambda number, state: None
        self.after: Callable[[int, SagaState], Any] = lambda number, state: None

    async def load_state(self, saga_id: str) -> SagaState | None:
        return await self.inner.load_state(saga_id)

    async def save_state(self, state: SagaState) -> None:
        number = len(self.saved)
        self.before(number, state)
        await self.inner.save_state(state)
        self.saved.append(state)
        self.after(number, state)


def statuses(state: SagaState | None) -> list[str]:
    """Return the status of the saga, and then of each step."""
    assert state is not None
    return [state.status, *(each.status for each in state.step_statuses.values())]
