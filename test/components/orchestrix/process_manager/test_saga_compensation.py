"""A step fails: what was done before is undone."""

from collections.abc import Mapping
from typing import Any

import pytest
from sample_sagas import Diary, SpiedStore, statuses

from orchestrix.process_manager import (
    CompensationError,
    InMemorySagaStateStore,
    Saga,
    SagaStatus,
    SagaStep,
)


def fail(**arguments: Any) -> None:
    raise ValueError("no funds")


async def test_only_completed_steps_are_undone_and_the_last_is_the_first() -> None:
    diary = Diary(c=ValueError("no"))

    with pytest.raises(ValueError, match="no"):
        await diary.saga(steps="a b c d").execute()

    assert diary.calls == ["a", "b", "c", "undo b", "undo a"]


async def test_the_original_error_is_raised_as_it_is() -> None:
    original = ValueError("no")

    with pytest.raises(ValueError, match="no") as raised:
        await Diary(c=original).saga().execute()

    assert raised.value is original
    assert (original.__cause__, original.__context__) == (None, None)


async def test_a_compensation_is_given_the_arguments_of_the_saga() -> None:
    balances = {"ada": 100, "bob": 0}

    def debit(source: str, amount: int) -> None:
        balances[source] -= amount

    def undo_debit(source: str, amount: int) -> None:
        balances[source] += amount

    steps = [SagaStep("debit", debit, undo_debit), SagaStep("credit", fail)]
    with pytest.raises(ValueError, match="no funds"):
        await Saga("transfer", steps, InMemorySagaStateStore()).execute(
            source="ada", target="bob", amount=30
        )

    assert balances == {"ada": 100, "bob": 0}


async def test_a_compensation_may_ask_for_its_own_result_and_for_those_of_the_others() -> None:
    seen: list[Any] = []

    def undo(result: str, results: Mapping[str, str], amount: int) -> None:
        seen.append((result, dict(results), amount))

    steps = [
        SagaStep("one", lambda amount: f"one of {amount}", undo),
        SagaStep("two", lambda amount: f"two of {amount}", undo),
        SagaStep("fail", fail),
    ]
    with pytest.raises(ValueError, match="no funds"):
        await Saga("pay", steps, InMemorySagaStateStore()).execute(amount=5)

    both = {"one": "one of 5", "two": "two of 5"}
    assert seen == [("two of 5", both, 5), ("one of 5", both, 5)]


async def test_a_step_named_result_overwrites_nothing() -> None:
    seen: list[Any] = []

    def undo(result: str, results: Mapping[str, str]) -> None:
        seen.append((result, dict(results)))

    steps = [
        SagaStep("own", lambda: "own", undo),
        SagaStep("result", lambda: "of the step named result"),
        SagaStep("results", lambda: "of the step named results"),
        SagaStep("fail", fail),
    ]
    with pytest.raises(ValueError, match="no funds"):
        await Saga("names", steps, InMemorySagaStateStore()).execute()

    ((result, results),) = seen
    assert result == "own"
    assert results["result"] == "of the step named result"


async def test_a_compensation_with_any_keywords_is_given_the_arguments_only() -> None:
    seen: list[Any] = []
    steps = [SagaStep("one", lambda: 1, lambda **given: seen.append(given)), SagaStep("no", fail)]

    with pytest.raises(ValueError, match="no funds"):
        await Saga("pay", steps, InMemorySagaStateStore()).execute(amount=5)

    assert seen == [{"amount": 5}]


async def test_an_async_compensation_is_awaited() -> None:
    undone: list[int] = []

    async def undo(result: int) -> None:
        undone.append(result)

    steps = [SagaStep("one", lambda: 1, lambda result: undo(result)), SagaStep("fail", fail)]
    with pytest.raises(ValueError, match="no funds"):
        await Saga("pay", steps, InMemorySagaStateStore()).execute()

    assert undone == [1]


async def test_a_compensated_saga_has_failed_and_tells_each_step() -> None:
    store = SpiedStore()
    saga = Diary(c=ValueError("no")).saga(store, steps="a b c d")
    with pytest.raises(ValueError, match="no"):
        await saga.execute()

    assert [statuses(state) for state in store.saved[3:]] == [
        ["compensating", "completed", "compensating", "failed", "pending"],
        ["compensating", "compensating", "compensated", "failed", "pending"],
        ["failed", "compensated", "compensated", "failed", "pending"],
    ]
    state = store.saved[-1]
    assert state.error == state.step_statuses["c"].error == "ValueError: no"
    assert state.completed_at is not None
    assert [each.result for each in state.step_statuses.values()] == [
        "a done",
        "b done",
        None,
        None,
    ]


async def test_a_step_without_compensation_stays_done() -> None:
    saga = Saga("pay", [SagaStep("one", lambda: 1), SagaStep("no", fail)], InMemorySagaStateStore())
    with pytest.raises(ValueError, match="no funds"):
        await saga.execute()

    assert statuses(saga.get_state()) == ["failed", "completed", "failed"]


async def test_a_failed_compensation_is_told_and_the_others_are_called_all_the_same() -> None:
    original, broken = ValueError("no"), ZeroDivisionError("division")
    diary = Diary(**{"d": original, "undo b": broken})
    saga = diary.saga(steps="a b c d")

    with pytest.raises(CompensationError, match="the compensation of 'b'") as raised:
        await saga.execute()

    assert diary.calls == ["a", "b", "c", "d", "undo c", "undo b", "undo a"]
    assert raised.value.__cause__ is raised.value.original_error is original
    assert raised.value.failures == {"b": broken}
    state = saga.get_state()
    assert statuses(state) == [
        "compensation_failed",
        "compensated",
        "compensation_failed",
        "compensated",
        "failed",
    ]
    assert state is not None
    assert state.step_statuses["b"].error == "ZeroDivisionError: division"
    assert (state.error, saga.is_completed(), saga.is_successful()) == (
        "ValueError: no",
        True,
        False,
    )


async def test_several_failed_compensations_are_all_told() -> None:
    diary = Diary(**{"c": ValueError("no"), "undo a": OSError("a"), "undo b": OSError("b")})

    with pytest.raises(CompensationError) as raised:
        await diary.saga().execute()

    assert list(raised.value.failures) == ["b", "a"]


async def test_an_error_that_cannot_be_shown_stops_no_compensation() -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    diary = Diary(b=Unspeakable())
    saga = diary.saga()

    with pytest.raises(Unspeakable):
        await saga.execute()

    assert diary.done == set()
    state = saga.get_state()
    assert state is not None
    assert state.status == SagaStatus.FAILED
    assert "Unspeakable" in (state.error or "")
