"""A saga's id is executed again: after its end, and after a crash at any point of it."""

import asyncio
from typing import Any

import pytest
from sample_sagas import Diary, Killed, SpiedStore, statuses

from orchestrix.process_manager import (
    CompensationError,
    InMemorySagaStateStore,
    InvalidArguments,
    Saga,
    SagaFailed,
    SagaState,
    SagaStep,
)


async def test_a_completed_saga_is_not_run_again() -> None:
    diary, store = Diary(), SpiedStore()
    saga = diary.saga(store)
    await saga.execute()
    saved = list(store.saved)

    assert await saga.execute() == "c done"
    assert await diary.saga(store).execute() == "c done"
    assert diary.calls == ["a", "b", "c"]
    assert store.saved == saved


async def test_a_failed_saga_is_not_run_again_and_says_so() -> None:
    diary, store = Diary(b=ValueError("no")), InMemorySagaStateStore()
    saga = diary.saga(store)
    with pytest.raises(ValueError, match="no"):
        await saga.execute()
    diary.fails.clear()

    for again in (saga, diary.saga(store)):
        with pytest.raises(SagaFailed, match=r"has failed \(ValueError: no\).*with a new id"):
            await again.execute()
    assert diary.calls == ["a", "b", "undo a"]


async def test_done_steps_are_not_run_again_after_a_crash_and_their_results_are_used() -> None:
    diary, store = Diary(c=Killed()), InMemorySagaStateStore()
    with pytest.raises(Killed):
        await diary.saga(store).execute()
    assert statuses(await store.load_state("1")) == [
        "in_progress",
        "completed",
        "completed",
        "in_progress",
    ]

    seen: list[Any] = []
    last = SagaStep("c", lambda results: seen.append(dict(results)))
    saga = Saga("letters", [diary.step("a"), diary.step("b"), last], store)
    saga.saga_id = "1"
    await saga.execute()

    assert seen == [{"a": "a done", "b": "b done"}]
    assert diary.calls == ["a", "b", "c"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_leaves_a_saga_that_can_go_on(end: type[BaseException]) -> None:
    diary, store = Diary(b=end()), InMemorySagaStateStore()
    with pytest.raises(end):
        asyncio.run(diary.saga(store).execute())
    diary.fails.clear()

    assert asyncio.run(diary.saga(store).execute()) == "c done"
    assert diary.calls == ["a", "b", "b", "c"]


async def test_the_same_object_can_go_on() -> None:
    diary = Diary(b=Killed())
    saga = diary.saga()
    with pytest.raises(Killed):
        await saga.execute()
    diary.fails.clear()

    assert await saga.execute() == "c done"


async def begun_with(store: InMemorySagaStateStore, **arguments: Any) -> tuple[Saga, list[Any]]:
    """Return a saga that was killed in its second step, and what its steps are called with."""
    calls: list[Any] = []

    def pay(amount: int, items: Any = None) -> str:
        calls.append((amount, items))
        if len(calls) == 2:
            raise Killed
        return "paid"

    saga = Saga("order", [SagaStep("pay", pay), SagaStep("again", pay)], store)
    with pytest.raises(Killed):
        await saga.execute(**arguments)
    return saga, calls


async def test_a_saga_goes_on_with_the_arguments_that_it_was_begun_with() -> None:
    saga, calls = await begun_with(InMemorySagaStateStore(), amount=5, items=["pen"])

    assert await saga.execute() == "paid"
    assert calls == [(5, ["pen"])] * 3


async def test_the_same_arguments_may_be_given_again() -> None:
    saga, _ = await begun_with(InMemorySagaStateStore(), amount=5, items=["pen"])

    assert await saga.execute(amount=5, items=["pen"]) == "paid"
    assert await saga.execute(amount=5, items=["pen"]) == "paid"


@pytest.mark.parametrize(
    ("others", "names"),
    [
        ({"amount": 6, "items": ["pen"]}, ("amount",)),
        ({"amount": 5}, ("items",)),
        ({"amount": 5, "items": ["pen"], "extra": None}, ("extra",)),
        ({"amount": 6, "items": []}, ("amount", "items")),
    ],
)
async def test_other_arguments_are_refused_with_their_names(
    others: dict[str, Any], names: tuple[str, ...]
) -> None:
    saga, calls = await begun_with(InMemorySagaStateStore(), amount=5, items=["pen"])

    with pytest.raises(InvalidArguments, match="the saga was begun with others") as refused:
        await saga.execute(**others)
    assert (refused.value.names, len(calls)) == (names, 2)

    await saga.execute()
    with pytest.raises(InvalidArguments, match="or a new saga id"):
        await saga.execute(**others)


async def test_compensating_goes_on_after_a_crash() -> None:
    diary = Diary(**{"d": ValueError("no"), "undo b": Killed()})
    store = InMemorySagaStateStore()
    with pytest.raises(Killed):
        await diary.saga(store, steps="a b c d").execute()
    diary.fails.clear()
    diary.calls.clear()
    saga = diary.saga(store, steps="a b c d")

    with pytest.raises(SagaFailed, match="ValueError: no"):
        await saga.execute()

    assert diary.calls == ["undo b", "undo a"]
    state = saga.get_state()
    assert statuses(state) == ["failed", *["compensated"] * 3, "failed"]
    assert state is not None
    assert state.error == "ValueError: no"


async def test_compensations_that_failed_are_tried_again_when_asked_for() -> None:
    diary = Diary(**{"c": ValueError("no"), "undo b": OSError("gone")})
    store = SpiedStore()
    with pytest.raises(CompensationError):
        await diary.saga(store).execute()
    with pytest.raises(CompensationError, match="the compensation of 'b'") as still:
        await diary.saga(store).execute()
    assert isinstance(still.value.__cause__, SagaFailed)
    diary.fails.clear()

    saga = diary.saga(store)
    with pytest.raises(SagaFailed, match="ValueError: no"):
        await saga.execute()

    assert diary.calls == ["a", "b", "c", "undo b", "undo a", "undo b", "undo b"]
    assert diary.done == set()
    state = saga.get_state()
    assert statuses(state) == ["failed", "compensated", "compensated", "failed"]
    assert state is not None
    assert state.step_statuses["b"].error is None
    meanwhile = store.saved[-2]
    assert statuses(meanwhile) == ["compensating", "compensated", "compensating", "failed"]
    assert (meanwhile.completed_at, meanwhile.step_statuses["b"].error) == (None, None)


def kill(number: int, at: int) -> None:
    if number == at:
        raise Killed


@pytest.mark.parametrize("is_saved", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("fails", "saves"), [({}, 4), ({"c": ValueError("no")}, 6)])
async def test_killed_at_any_save_it_ends_with_all_done_or_nothing(
    fails: dict[str, BaseException], saves: int, is_saved: bool
) -> None:
    for at in range(saves):
        diary, store = Diary(**fails), SpiedStore()

        def strike(number: int, state: SagaState, at: int = at) -> None:
            kill(number, at)

        store.after, store.before = (strike, store.before) if is_saved else (store.before, strike)
        with pytest.raises(Killed):
            await diary.saga(store).execute()
        store.before = store.after = lambda number, state: None

        saga = diary.saga(store)
        if fails:
            with pytest.raises((ValueError, SagaFailed)):
                await saga.execute()
        else:
            assert await saga.execute() == "c done"

        assert diary.done == (set() if fails else {"a", "b", "c"}), at
        assert statuses(saga.get_state())[0] == ("failed" if fails else "completed")
        repeated = [call for call in set(diary.calls) if diary.calls.count(call) > 1]
        assert len(repeated) <= 1, (at, diary.calls)


@pytest.mark.parametrize("where", ["save", "action"])
async def test_cancelled_before_the_call_that_is_made_again_has_ended_it_is_left_as_it_was(
    where: str,
) -> None:
    reached, paid = asyncio.Event(), list[str]()

    class Slow(InMemorySagaStateStore):
        is_slow = False

        async def save_state(self, state: SagaState) -> None:
            if self.is_slow:
                reached.set()
                await asyncio.Event().wait()
            await super().save_state(state)

    store = Slow()

    async def pay() -> None:
        paid.append("paid")
        if len(paid) == 1:
            raise Killed
        if where == "action" and len(paid) == 2:
            reached.set()
            await asyncio.Event().wait()

    def saga() -> Saga:
        made = Saga("payment", [SagaStep("pay", pay, lambda: paid.append("undone"))], store)
        made.saga_id = "1"
        return made

    with pytest.raises(Killed):
        await saga().execute()
    store.is_slow = where == "save"
    again = asyncio.create_task(saga().execute())
    await reached.wait()
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    store.is_slow = False
    last = saga()
    await last.execute()

    assert last.is_successful()
    assert "undone" not in paid
