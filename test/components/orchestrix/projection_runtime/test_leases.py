"""Of several runners one runs a projection; and anybody can pause it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sample_events import Deposited

from orchestrix.eventsourcing import AppendResult, StoreUnavailable
from orchestrix.memory_store import InMemoryProjections
from orchestrix.projection_runtime import (
    InvalidRunner,
    NotProcessed,
    ProjectionPaused,
    ProjectionRunner,
    ProjectionsStopped,
)
from orchestrix.projection_runtime.tenure import Tenure, is_gone


async def condition_of(runner: ProjectionRunner) -> str:
    (status,) = await runner.status()
    return status.condition


async def until_it_is(condition: str, runner: ProjectionRunner) -> None:
    async with asyncio.timeout(5):
        while await condition_of(runner) != condition:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_the_second_runner_waits_and_names_the_first(log, new_table_case) -> None:
    store = InMemoryProjections()
    first = ProjectionRunner(log, [new_table_case(store=store).engine])
    second = ProjectionRunner(log, [new_table_case(store=store).engine])

    async with first.running():
        await until_it_is("live", first)
        async with second.running():
            await until_it_is("waiting", second)
            (status,) = await second.status()
            await second.wait_for(await log.deposit(1))

    assert f":{os.getpid()}:" in str(status.problem)
    assert str(status.problem).endswith(" runs it")


async def test_the_second_goes_on_where_the_first_stopped(log, new_table_case) -> None:
    store = InMemoryProjections()
    one, two = new_table_case(store=store), new_table_case(store=store)
    first, second = ProjectionRunner(log, [one.engine]), ProjectionRunner(log, [two.engine])

    async with first.running():
        await first.wait_for(await log.deposit(1))
        waiting = asyncio.create_task(second.run())
        await until_it_is("waiting", second)
    await second.wait_for(await log.deposit(2))
    second.stop()
    await waiting

    assert await one.rows() == {"account-1": [1, 2]}


async def test_who_catches_up_leaves_it_to_the_runner_that_is_there(log, new_table_case) -> None:
    store = InMemoryProjections()
    first = ProjectionRunner(log, [new_table_case(store=store).engine])
    second = ProjectionRunner(log, [new_table_case(store=store).engine])
    await log.deposit(1, 2)

    async with first.running():
        await until_it_is("live", first)
        await asyncio.wait_for(second.catch_up(), 5)

    assert await new_table_case(store=store).rows() == {"account-1": [1, 2]}


async def test_a_runner_that_lost_its_lease_waits_like_others(log, new_table_case) -> None:
    case = new_table_case()
    runner = ProjectionRunner(log, [case.engine], lease_seconds=0.03)
    await log.deposit(1)

    async with runner.running():
        await until_it_is("live", runner)
        rival = await case.store.take_lease(
            "seen", "elsewhere:1:1", 3600.0, seen=await case.store.lease("seen")
        )
        await until_it_is("waiting", runner)
        (status,) = await runner.status()
        assert status.problem == "elsewhere:1:1 runs it"
        await log.deposit(2)
        await new_table_case(store=case.store).engine.process_events(await log.read_all())
        await case.store.release_lease(rival)
        await until_it_is("live", runner)
        await runner.wait_for(await log.deposit(3))

    assert await case.rows() == {"account-1": [1, 2, 3]}


async def test_a_lease_is_renewed_for_as_long_as_the_runner_runs(log, table_case) -> None:
    runner = ProjectionRunner(log, [table_case.engine], lease_seconds=0.03)

    async with runner.running():
        async with asyncio.timeout(5):
            while (lease := await table_case.store.lease("seen")) is None or lease.beat < 3:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)

    given_back = await table_case.store.lease("seen")
    assert given_back is not None
    assert given_back.holder == ""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_lease_that_is_not_renewed_can_be_taken_after_its_time() -> None:
    store, clock = InMemoryProjections(), Clock()
    await store.take_lease("p", "elsewhere:1:1", 10.0, seen=None)
    tenure = Tenure(store, "p", 5.0, clock)

    assert await tenure.take() == "elsewhere:1:1"
    clock.now = 9.9
    assert await tenure.take() == "elsewhere:1:1"
    clock.now = 10.0
    assert await tenure.take() is None
    assert tenure.is_held


async def test_a_lease_that_is_renewed_cannot_be_taken() -> None:
    store, clock = InMemoryProjections(), Clock()
    lease = await store.take_lease("p", "elsewhere:1:1", 10.0, seen=None)
    tenure = Tenure(store, "p", 5.0, clock)

    for _ in range(5):
        assert await tenure.take() == "elsewhere:1:1"
        clock.now += 9.0
        assert lease is not None
        lease = await store.renew_lease(lease)


async def test_a_lease_that_came_too_late_is_given_back_all_the_same() -> None:
    store, answered = InMemoryProjections(), asyncio.Event()
    take_lease = store.take_lease

    async def slow(*arguments: Any, **options: Any) -> Any:
        lease = await take_lease(*arguments, **options)
        await answered.wait()
        return lease

    store.take_lease = slow  # type: ignore[method-assign]
    tenure = Tenure(store, "p", 5.0)
    taking = asyncio.create_task(tenure.take())
    await asyncio.wait([taking], timeout=0.01)
    taking.cancel()
    await asyncio.wait([taking])

    await tenure.give_back()

    lease = await store.lease("p")
    assert lease is not None
    assert lease.holder == ""


async def test_the_lease_of_a_process_that_is_gone_is_free() -> None:
    store = InMemoryProjections()
    ended = subprocess.Popen([sys.executable, "-c", ""])  # noqa: ASYNC220 - it ends at once
    ended.wait()
    await store.take_lease("p", holder_of(ended.pid), 3600.0, seen=None)

    assert await Tenure(store, "p", 5.0).take() is None


async def test_the_lease_of_a_runner_that_was_left_behind_in_this_process_is_free() -> None:
    store = InMemoryProjections()
    await Tenure(store, "p", 3600.0).take()

    assert await Tenure(store, "p", 3600.0).take() is None


def holder_of(pid: int) -> str:
    tenure = Tenure(InMemoryProjections(), "p", 5.0)
    return tenure._holder.replace(f":{os.getpid()}:", f":{pid}:")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
async def test_a_process_that_has_ended_and_nobody_asked_how_is_gone() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])  # noqa: ASYNC220 - it ends at once
    try:
        async with asyncio.timeout(10):
            while not is_gone(holder_of(ended.pid)):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.01)
    finally:
        ended.wait()


def test_another_process_with_our_number_is_not_known_to_be_gone() -> None:
    ours = holder_of(os.getpid())
    place = ours.rpartition(":")[0]

    assert is_gone(ours), "its tenure was collected"
    assert not is_gone(f"{place}:00000000-1")


@pytest.mark.parametrize("holder", ["elsewhere:1:1", "nonsense", "", "a:b:c"])
def test_of_a_holder_elsewhere_nothing_is_known(holder: str) -> None:
    assert not is_gone(holder)


def test_a_living_process_is_not_gone() -> None:
    assert not is_gone(holder_of(os.getppid()))


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_projection_that_is_paused_waits_to_be_resumed(
    log, table_case, is_running: bool
) -> None:
    runner = ProjectionRunner(log, [table_case.engine])
    if not is_running:
        await runner.pause("seen")
    async with runner.running():
        if is_running:
            await runner.wait_for(await log.deposit(0))
            await runner.pause("seen")
        await until_it_is("paused", runner)
        written = await log.deposit(1)
        with pytest.raises(NotProcessed, match="it is paused"):
            await runner.wait_for(written)
        await runner.resume("seen")
        await runner.wait_for(written)


async def test_a_paused_projection_does_not_catch_up(log, table_case) -> None:
    await log.deposit(1)
    runner = ProjectionRunner(log, [table_case.engine])
    await runner.pause("seen")

    with pytest.raises(ProjectionsStopped, match="is paused; resume it to go on") as raised:
        await asyncio.wait_for(runner.catch_up(), 5)

    assert isinstance(raised.value.causes["seen"], ProjectionPaused)
    assert await table_case.rows() == {}


@pytest.mark.parametrize("state", ["waiting", "paused"])
async def test_a_runner_that_waits_can_be_stopped(log, table_case, state: str) -> None:
    if state == "paused":
        await table_case.store.set_desired_status("seen", "paused")
    else:
        await table_case.store.take_lease("seen", "elsewhere:1:1", 3600.0, seen=None)
    runner = ProjectionRunner(log, [table_case.engine])
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0)
    await until_it_is(state, runner)

    runner.stop()
    await asyncio.wait_for(running, 5)

    assert await condition_of(runner) == ("paused" if state == "paused" else "not running")


async def test_a_write_is_told_when_any_of_its_events_is_set_aside(log, table_case) -> None:
    table_case.failing = {2: -1}
    runner = ProjectionRunner(log, [table_case.engine])

    async with runner.running():
        with pytest.raises(
            NotProcessed,
            match="set aside with the key 'account-1', which is retrying since position 2 failed: "
            "ValueError: no 2",
        ):
            await runner.wait_for(await log.deposit(1, 2, 3))
        await runner.wait_for(await log.deposit(4, stream_id="other"))
        with pytest.raises(NotProcessed, match="since position 2 failed"):
            await runner.wait_for(await log.deposit(5))


@pytest.mark.parametrize("name", ["lease_seconds", "stall_seconds"])
@pytest.mark.parametrize("seconds", [0, -1.0, True, float("inf"), float("nan"), "1"])
def test_times_are_numbers_above_0(log, table_case, name: str, seconds: Any) -> None:
    with pytest.raises(InvalidRunner, match=f"{name} is a number of seconds above 0"):
        ProjectionRunner(log, [table_case.engine], **{name: seconds})


async def test_a_store_that_was_away_is_no_problem_any_more(log, table_case, monkeypatch) -> None:
    runner = ProjectionRunner(log, [table_case.engine])
    desired_status, away = table_case.store.desired_status, [1, 2]

    async def flaky(projection_id: str) -> str:
        if away:
            away.pop()
            raise StoreUnavailable("elsewhere", "it is away")
        return await desired_status(projection_id)

    async with runner.running():
        await until_it_is("live", runner)
        monkeypatch.setattr(table_case.store, "desired_status", flaky)
        async with asyncio.timeout(5):
            while away:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        await until_it_is("live", runner)
        (status,) = await runner.status()

    assert status.problem is None


async def test_a_write_is_told_as_set_aside_before_all_of_it_was_reached(log, table_case) -> None:
    table_case.failing, table_case.hanging = {1: -1}, {2}
    runner = ProjectionRunner(log, [table_case.engine], page_size=1)
    running = asyncio.create_task(runner.run())

    with pytest.raises(NotProcessed, match="since position 1 failed"):
        await runner.wait_for(await log.append("x", [Deposited(amount=1), Deposited(amount=3)]))
    with pytest.raises(NotProcessed, match="since position 1 failed"):
        await runner.wait_for(
            AppendResult(last_version=0, last_position=9, first_position=1), timeout=5
        )
    running.cancel()
    await asyncio.wait([running])
