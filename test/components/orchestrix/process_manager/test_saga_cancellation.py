"""A saga is cancelled: it undoes what was done, and is cancelled then."""

import asyncio
from typing import Any

import pytest
from sample_sagas import Diary, SpiedStore, statuses

from orchestrix.process_manager import (
    CompensationError,
    InMemorySagaStateStore,
    Saga,
    SagaFailed,
    SagaState,
    SagaStateStore,
    SagaStep,
)


class Gate:
    """A call that says when it was entered, and waits until it is let through."""

    def __init__(self) -> None:
        self.entered, self.opened = asyncio.Event(), asyncio.Event()
        self.is_through = False

    async def __call__(self) -> None:
        self.entered.set()
        await self.opened.wait()
        self.is_through = True


def gated(diary: Diary, store: SagaStateStore, gate: Gate, undo: Any = None) -> Saga:
    """Return a saga that waits at `gate` after "a"; `undo` compensates "a" in place of its own."""
    first = diary.step("a")
    saga = Saga(
        "gated",
        [SagaStep("a", first.action, undo or first.compensation), SagaStep("wait", gate)],
        store,
    )
    saga.saga_id = "1"
    return saga


async def test_cancelled_it_undoes_what_was_done_and_is_cancelled_then() -> None:
    diary, store, gate = Diary(), InMemorySagaStateStore(), Gate()
    saga = gated(diary, store, gate)
    executing = asyncio.create_task(saga.execute())
    await gate.entered.wait()

    executing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await executing

    assert executing.cancelled()
    assert diary.calls == ["a", "undo a"]
    state = await store.load_state("1")
    assert statuses(state) == ["failed", "compensated", "failed"]
    assert state is not None
    assert "CancelledError" in (state.error or "")
    with pytest.raises(SagaFailed, match="CancelledError"):
        await saga.execute()


async def test_a_timeout_is_a_cancellation() -> None:
    diary = Diary()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await gated(diary, InMemorySagaStateStore(), Gate()).execute()

    assert diary.done == set()


async def test_cancelled_again_it_undoes_all_the_same() -> None:
    diary, store, gate, undoing = Diary(), InMemorySagaStateStore(), Gate(), Gate()
    executing = asyncio.create_task(gated(diary, store, gate, undo=undoing).execute())
    await gate.entered.wait()
    executing.cancel()
    await undoing.entered.wait()

    for _ in range(3):
        executing.cancel()
        await asyncio.sleep(0)
    assert not executing.done()
    undoing.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await executing

    assert undoing.is_through
    assert statuses(await store.load_state("1")) == ["failed", "compensated", "failed"]


async def test_cancelled_while_it_undoes_after_a_failure_it_is_cancelled_then() -> None:
    undoing, store = Gate(), InMemorySagaStateStore()
    steps = [SagaStep("a", lambda: 1, undoing), Diary(b=ValueError("no")).step("b")]
    saga = Saga("letters", steps, store)
    executing = asyncio.create_task(saga.execute())
    await undoing.entered.wait()

    executing.cancel()
    undoing.opened.set()
    with pytest.raises(asyncio.CancelledError) as raised:
        await executing

    assert undoing.is_through
    assert isinstance(raised.value.__cause__, ValueError)
    assert statuses(saga.get_state()) == ["failed", "compensated", "failed"]


async def test_cancelled_it_tells_the_compensations_that_failed() -> None:
    diary, store, gate = Diary(**{"undo a": OSError("gone")}), InMemorySagaStateStore(), Gate()
    executing = asyncio.create_task(gated(diary, store, gate).execute())
    await gate.entered.wait()

    executing.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await executing

    assert isinstance(raised.value.__cause__, CompensationError)
    assert statuses(await store.load_state("1"))[0] == "compensation_failed"


async def test_cancelled_before_a_step_begins_it_undoes_those_before() -> None:
    diary, store = Diary(), SpiedStore()
    saga = diary.saga(store)

    def cancel(number: int, state: SagaState) -> None:
        if state.step_statuses["c"].status == "in_progress":
            raise asyncio.CancelledError

    store.before = cancel
    with pytest.raises(asyncio.CancelledError):
        await saga.execute()

    assert diary.calls == ["a", "b", "undo b", "undo a"]
    assert statuses(saga.get_state()) == ["failed", "compensated", "compensated", "pending"]


async def test_cancelled_while_its_end_is_saved_it_undoes_everything() -> None:
    diary, store = Diary(), SpiedStore()

    def cancel(number: int, state: SagaState) -> None:
        if state.status == "completed":
            raise asyncio.CancelledError

    store.after = cancel
    saga = diary.saga(store)
    with pytest.raises(asyncio.CancelledError):
        await saga.execute()

    assert diary.done == set()
    assert statuses(saga.get_state()) == ["failed", *["compensated"] * 3]


async def test_an_action_whose_own_work_was_cancelled_is_compensated_too() -> None:
    diary = Diary(b=asyncio.CancelledError())

    with pytest.raises(asyncio.CancelledError):
        await diary.saga().execute()

    assert diary.calls == ["a", "b", "undo a"]


async def test_a_compensation_whose_own_work_was_cancelled_has_failed() -> None:
    diary = Diary(**{"c": ValueError("no"), "undo b": asyncio.CancelledError()})

    with pytest.raises(CompensationError) as raised:
        await diary.saga().execute()

    assert diary.calls[-2:] == ["undo b", "undo a"]
    assert list(raised.value.failures) == ["b"]


def test_a_loop_that_ends_while_it_undoes_leaves_a_saga_that_can_go_on() -> None:
    diary, store = Diary(b=ValueError("no")), InMemorySagaStateStore()

    async def interrupted() -> None:
        undoing = Gate()
        steps = [SagaStep("a", diary.step("a").action, undoing), diary.step("b")]
        saga = Saga("letters", steps, store)
        saga.saga_id = "1"
        executing = asyncio.create_task(saga.execute())
        await undoing.entered.wait()
        assert not executing.done()

    asyncio.run(interrupted())

    async def resumed() -> None:
        assert statuses(await store.load_state("1")) == ["compensating", "compensating", "failed"]
        with pytest.raises(SagaFailed, match="ValueError: no"):
            await diary.saga(store, steps="a b").execute()

    asyncio.run(resumed())
    assert diary.calls == ["a", "b", "undo a"]


async def test_a_saga_that_was_cancelled_is_free_for_others() -> None:
    gate = Gate()
    saga = gated(Diary(), InMemorySagaStateStore(), gate)
    executing = asyncio.create_task(saga.execute())
    await gate.entered.wait()
    executing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await executing

    with pytest.raises(SagaFailed):
        await saga.execute()
