"""Where sagas are kept, and what a store that fails leaves behind."""

import pickle
import threading
from typing import Any

import pytest
from sample_sagas import Diary, SpiedStore, statuses

from orchestrix.process_manager import (
    InMemorySagaStateStore,
    Saga,
    SagaFailed,
    SagaState,
    SagaStateStore,
    SagaStep,
    UnstorableValue,
)
from orchestrix.testing.conformance.saga_state_store import SagaStateStoreConformance


class PicklingStore(SagaStateStore):
    """States as bytes, as a cache would keep them."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def load_state(self, saga_id: str) -> SagaState | None:
        kept = self._kept.get(saga_id)
        return None if kept is None else pickle.loads(kept)  # noqa: S301 - our own bytes

    async def save_state(self, state: SagaState) -> None:
        self._kept[state.saga_id] = pickle.dumps(state)


class TestInMemory(SagaStateStoreConformance):
    @pytest.fixture
    def store(self) -> SagaStateStore:
        return InMemorySagaStateStore()


class TestPickling(SagaStateStoreConformance):
    @pytest.fixture
    def store(self) -> SagaStateStore:
        return PicklingStore()


def test_a_store_that_is_not_complete_cannot_be_made() -> None:
    class Half(SagaStateStore):
        async def load_state(self, saga_id: str) -> SagaState | None:
            return None

    incomplete: Any = Half
    with pytest.raises(TypeError, match="save_state"):
        incomplete()


def fail_once(store: SpiedStore, at: int, error: Exception) -> None:
    def strike(number: int, state: SagaState) -> None:
        if number == at:
            store.before = lambda number, state: None
            raise error

    store.before = strike


@pytest.mark.parametrize("at", range(4))
async def test_a_save_that_fails_stops_the_saga_and_undoes_nothing(at: int) -> None:
    diary, store, full = Diary(), SpiedStore(), OSError("disk full")
    fail_once(store, at, full)
    saga = diary.saga(store)

    with pytest.raises(OSError, match="disk full") as raised:
        await saga.execute()

    assert raised.value is full
    assert diary.calls == ["a", "b", "c"][:at]
    assert saga.get_state() == (store.saved[-1] if at else None)

    assert await saga.execute() == "c done"
    assert diary.calls.count("c") == (2 if at == 3 else 1)


@pytest.mark.parametrize("at", range(3, 6))
async def test_a_save_that_fails_while_compensating_stops_it_and_hides_nothing(at: int) -> None:
    diary = Diary(**{"c": ValueError("no"), "undo b": KeyError("gone")})
    store, full = SpiedStore(), OSError("disk full")
    fail_once(store, at, full)
    saga = diary.saga(store)

    with pytest.raises(OSError, match="disk full") as raised:
        await saga.execute()

    assert raised.value is full
    notes = ["raised while a saga was compensated for: ValueError: no"]
    notes += ["the compensation of step 'b' had failed: KeyError: 'gone'"] * (at > 3)
    assert raised.value.__notes__ == notes
    assert diary.calls[3:] == ["undo b", "undo a"][: at - 3]

    diary.fails.pop("undo b")
    with pytest.raises((ValueError, SagaFailed), match="no"):
        await saga.execute()
    assert statuses(saga.get_state())[0] == "failed"
    assert diary.done == set()


async def test_a_store_that_cannot_load_stops_the_saga_before_anything_is_done() -> None:
    class Gone(InMemorySagaStateStore):
        async def load_state(self, saga_id: str) -> SagaState | None:
            raise OSError("gone")

    diary = Diary()
    with pytest.raises(OSError, match="gone"):
        await diary.saga(Gone()).execute()
    assert diary.calls == []


@pytest.mark.parametrize(
    ("action", "arguments", "culprit"),
    [
        (lambda lock: None, {"lock": threading.Lock()}, "argument 'lock'"),
        (threading.Lock, {}, "the result of step 'one'"),
    ],
)
async def test_a_value_that_cannot_be_copied_is_named(
    action: Any, arguments: dict[str, Any], culprit: str
) -> None:
    store = InMemorySagaStateStore()
    saga = Saga("locks", [SagaStep("one", action)], store)

    with pytest.raises(UnstorableValue, match=f"{culprit} cannot be copied") as refused:
        await saga.execute(**arguments)

    assert isinstance(refused.value, TypeError)
    assert isinstance(refused.value.__cause__, TypeError)
    assert await store.load_state(saga.saga_id) == saga.get_state()
