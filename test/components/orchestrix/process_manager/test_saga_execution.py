"""A saga that goes well, and what can be seen of it."""

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sample_sagas import Diary, SpiedStore, statuses
from uuid_utils import UUID

from orchestrix.process_manager import (
    InMemorySagaStateStore,
    InvalidSaga,
    Saga,
    SagaInUse,
    SagaMismatch,
    SagaState,
    SagaStatus,
    SagaStep,
    SagaStepStatus,
)


async def test_steps_run_in_order_and_the_last_result_is_returned() -> None:
    diary = Diary()

    assert await diary.saga().execute() == "c done"
    assert diary.calls == ["a", "b", "c"]


async def test_whatever_can_be_awaited_is_awaited() -> None:
    class Later:
        def __await__(self) -> Generator[Any, None, str]:
            yield from asyncio.sleep(0).__await__()
            return "later"

    async def soon() -> str:
        return "soon"

    for action, result in [(Later, "later"), (soon, "soon"), (lambda: soon(), "soon")]:
        saga = Saga("wait", [SagaStep("only", action)], InMemorySagaStateStore())
        assert await saga.execute() == result


async def test_a_finished_saga_is_completed_and_successful() -> None:
    saga = Diary().saga()
    assert (saga.is_completed(), saga.is_successful(), saga.get_state()) == (False, False, None)

    await saga.execute()

    assert (saga.is_completed(), saga.is_successful()) == (True, True)
    assert statuses(saga.get_state()) == ["completed"] * 4


async def test_a_failed_saga_is_completed_and_not_successful() -> None:
    saga = Diary(b=ValueError("no")).saga()

    with pytest.raises(ValueError, match="no"):
        await saga.execute()

    assert (saga.is_completed(), saga.is_successful()) == (True, False)


async def test_the_running_step_is_saved_before_its_action_is_called() -> None:
    store, seen = SpiedStore(), list[list[str]]()
    steps = [SagaStep(name, lambda: seen.append(statuses(store.saved[-1]))) for name in "ab"]

    await Saga("letters", steps, store).execute()

    assert seen == [
        ["in_progress", "in_progress", "pending"],
        ["in_progress", "completed", "in_progress"],
    ]


async def test_a_state_tells_what_was_done_when_and_with_what() -> None:
    before = datetime.now(UTC)
    store = InMemorySagaStateStore()
    saga = Saga("order", [SagaStep("pay", lambda amount: [amount])], store)

    await saga.execute(amount=5)

    state = await store.load_state(saga.saga_id)
    assert state is not None
    assert state == saga.get_state()
    assert (state.saga_id, state.saga_type, state.error) == (saga.saga_id, "order", None)
    assert (state.arguments, state.current_step_index) == ({"amount": 5}, 0)
    (pay,) = state.step_statuses.values()
    assert (pay.step_name, pay.result, pay.error) == ("pay", [5], None)
    times = [before, state.started_at, pay.started_at, pay.completed_at, state.completed_at]
    assert times == sorted(each for each in times if each)
    assert all(each and each.utcoffset() == timedelta(0) for each in times)


async def test_the_index_is_that_of_the_step_begun_last() -> None:
    store = SpiedStore()
    with pytest.raises(ValueError, match="no"):
        await Diary(b=ValueError("no")).saga(store).execute()

    assert [state.current_step_index for state in store.saved] == [0, 1, 1, 1]


def test_an_id_is_a_uuid_of_version_7_unless_it_is_assigned() -> None:
    sagas = [Saga("one", [Diary().step("a")], InMemorySagaStateStore()) for _ in range(2)]

    assert [UUID(saga.saga_id).version for saga in sagas] == [7, 7]
    assert sagas[0].saga_id != sagas[1].saga_id


async def test_an_id_is_kept_once_the_saga_has_begun() -> None:
    saga = Diary().saga()
    saga.saga_id = "2"
    await saga.initialize()
    saga.saga_id = "2"

    with pytest.raises(InvalidSaga, match="saga '2' has begun and keeps its id; make another"):
        saga.saga_id = "3"
    with pytest.raises(InvalidSaga, match="a saga's id cannot be empty"):
        saga.saga_id = ""
    assert saga.saga_id == "2"


async def test_initialize_saves_a_pending_state_that_execute_goes_on_from() -> None:
    diary, store = Diary(), InMemorySagaStateStore()
    await diary.saga(store).initialize()

    assert statuses(await store.load_state("1")) == ["pending"] * 4
    assert await diary.saga(store).execute() == "c done"


async def test_initialize_loads_what_is_there() -> None:
    diary, store = Diary(), InMemorySagaStateStore()
    await diary.saga(store).execute()

    other = diary.saga(store)
    await other.initialize()

    assert other.is_successful()
    assert diary.calls == ["a", "b", "c"]


async def test_who_changes_a_state_that_was_asked_for_changes_no_saga() -> None:
    def meddle() -> None:
        state: Any = saga.get_state()
        state.step_statuses.clear()
        state.arguments["amount"] = 6

    steps = [SagaStep("meddle", meddle), SagaStep("pay", lambda amount: amount)]
    saga = Saga("order", steps, InMemorySagaStateStore())

    assert await saga.execute(amount=5) == 5
    assert statuses(saga.get_state()) == ["completed"] * 3


def test_no_two_states_share_a_dictionary() -> None:
    given = {"a": SagaStepStatus("a")}, {"x": 1}
    state = SagaState(saga_id="1", saga_type="t", step_statuses=given[0], arguments=given[1])
    given[0].clear()
    given[1].clear()

    assert (list(state.step_statuses), state.arguments) == (["a"], {"x": 1})


def test_a_state_starts_as_documented() -> None:
    state = SagaState(saga_id="1", saga_type="t")

    assert (state.status, state.step_statuses, state.is_completed()) == ("pending", {}, False)
    assert SagaStepStatus("a") == SagaStepStatus("a", "pending", None, None, None, None)
    documented = ["pending", "in_progress", "completed", "compensating", "failed"]
    assert {*map(SagaStatus, documented), SagaStatus("compensation_failed")} == set(SagaStatus)


async def test_a_second_execute_of_the_same_object_at_once_is_refused() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()
    calls: list[str] = []

    async def wait() -> str:
        calls.append("wait")
        entered.set()
        await gate.wait()
        return "waited"

    saga = Saga("slow", [SagaStep("wait", wait)], InMemorySagaStateStore())
    first = asyncio.create_task(saga.execute())
    await entered.wait()

    with pytest.raises(SagaInUse, match="is executed already; wait for the end of that call"):
        await saga.execute()
    with pytest.raises(SagaInUse):
        await saga.initialize()
    gate.set()
    assert await first == "waited"
    assert calls == ["wait"]


async def test_several_sagas_at_once_share_a_store() -> None:
    store = InMemorySagaStateStore()

    async def pay(amount: int) -> int:
        await asyncio.sleep(0)
        return amount

    sagas = [Saga("order", [SagaStep("pay", pay)], store) for _ in range(20)]
    results = await asyncio.gather(*(s.execute(amount=n) for n, s in enumerate(sagas)))

    assert results == list(range(20))
    for number, saga in enumerate(sagas):
        state = await store.load_state(saga.saga_id)
        assert state is not None
        assert state.arguments == {"amount": number}


@pytest.mark.parametrize(
    ("saga_type", "steps", "found"),
    [
        ("numbers", "a b c", "this one is 'numbers' with the steps 'a', 'b', 'c'"),
        ("letters", "a b", "this one is 'letters' with the steps 'a', 'b'"),
        ("letters", "a c b", "this one is 'letters' with the steps 'a', 'c', 'b'"),
    ],
)
async def test_an_id_of_another_kind_of_saga_is_refused(
    saga_type: str, steps: str, found: str
) -> None:
    diary, store = Diary(), InMemorySagaStateStore()
    await diary.saga(store).initialize()
    other = Saga(saga_type, [diary.step(name) for name in steps.split()], store)
    other.saga_id = "1"

    with pytest.raises(SagaMismatch, match=f"was begun as 'letters' with the steps.*{found}"):
        await other.execute()
    with pytest.raises(SagaMismatch):
        await other.initialize()
    assert diary.calls == []
