"""Whose turn it is, and when a wish is heard: in corners."""

import asyncio
import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sample_events import Balance, Deposited

from orchestrix.eventsourcing import (
    Projection,
    ProjectionContext,
    ProjectionEngine,
    StoreUnavailable,
    TransactionEnded,
    on,
)
from orchestrix.memory_store import InMemoryProjections
from orchestrix.messaging import FixedDelay, NoRetry
from orchestrix.projection_runtime import (
    FailurePolicy,
    InvalidRunner,
    InvalidWait,
    NotInTime,
    NotProcessed,
    ProjectionRunner,
    ProjectionsStopped,
    ReadYourWrites,
    RunnerError,
    UnknownProjection,
)
from orchestrix.projection_runtime.to_its_end import to_its_end
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store

PARK_AT_ONCE = FailurePolicy(retry=NoRetry())


class Gate:
    """Lets a handler wait, and tells that it does."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.open.wait()


async def parked_keys(log: Any, case: Any, amounts: tuple[int, ...]) -> ProjectionRunner:
    """Return a runner of a projection that has parked a key for each of the amounts."""
    for amount in amounts:
        await log.deposit(amount, stream_id=f"s-{amount}")
    case.failing = dict.fromkeys(amounts, -1)
    runner = ProjectionRunner(log, [case.engine], on_failure=PARK_AT_ONCE)
    await runner.catch_up()
    return runner


async def test_a_replay_elsewhere_in_the_middle_of_retries_is_no_reason_to_stop(
    log, new_table_case
) -> None:
    store, gate = InMemoryProjections(), Gate()
    case, other = new_table_case(store=store), new_table_case(store=store)
    runner = await parked_keys(log, case, (1, 2, 3))
    for amount in (1, 2, 3):
        await runner.retry("seen", f"s-{amount}")

    async def wait(event: Deposited) -> None:
        if event.amount == 1:
            await gate()
            raise ValueError("not yet")

    case.engine.on(Deposited)(wait)
    case.failing = {}
    async with runner.running():
        await gate.reached.wait()
        replaying = asyncio.create_task(other.engine.replay(await log.read_all()))
        await asyncio.sleep(0)
        gate.open.set()
        await replaying
        await runner.wait_for(await log.deposit(4), timeout=5)
        (status,) = await runner.status()

    assert (status.condition, status.problem) == ("live", None)
    assert await case.rows() == {"account-1": [4], "s-1": [1], "s-2": [2], "s-3": [3]}


@pytest.mark.parametrize("wish", ["stop", "pause"])
async def test_a_wish_is_heard_between_two_keys(log, table_case, wish: str) -> None:
    runner = await parked_keys(log, table_case, (1, 2, 3))
    for amount in (1, 2, 3):
        await runner.retry("seen", f"s-{amount}")
    gate = Gate()
    table_case.engine.on(Deposited)(lambda _: gate())
    table_case.failing = {}
    running = asyncio.create_task(runner.run())
    await gate.reached.wait()
    if wish == "stop":
        runner.stop()
        gate.open.set()
    else:
        await runner.pause("seen")
        gate.open.set()
        async with asyncio.timeout(5):
            while (await runner.status())[0].condition != "paused":  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        runner.stop()
    await running

    assert [each.key for each in await runner.parked("seen")] == ["s-2", "s-3"]


async def test_a_runner_that_is_cancelled_while_it_ends_gives_its_lease_back(
    log, table_case
) -> None:
    gate = Gate()
    release = table_case.store.release_lease

    async def slow(lease: Any) -> None:
        await gate()
        await release(lease)

    table_case.store.release_lease = slow
    runner = ProjectionRunner(log, [table_case.engine])
    running = asyncio.create_task(runner.run())
    await runner.wait_for(await log.deposit(1))
    runner.stop()
    await gate.reached.wait()
    running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    lease = await table_case.store.lease("seen")
    assert lease is not None
    assert lease.holder == ""


@pytest.mark.parametrize("lost", ["release_lease", "take_lease"])
async def test_a_runner_does_not_wait_for_itself(log, table_case, lost: str, caplog) -> None:
    method = getattr(table_case.store, lost)

    async def without_answer(*arguments: Any, **named: Any) -> None:
        setattr(table_case.store, lost, method)
        if lost == "take_lease":
            await method(*arguments, **named)
        raise StoreUnavailable("x", "it is away")

    setattr(table_case.store, lost, without_answer)
    runner = ProjectionRunner(log, [table_case.engine], lease_seconds=3600)
    with caplog.at_level(logging.CRITICAL):
        for amount in (1, 2):
            await log.deposit(amount)
            async with asyncio.timeout(5):
                await runner.catch_up()

    assert await table_case.rows() == {"account-1": [1, 2]}


async def test_what_stopped_here_may_go_on_elsewhere(log, new_table_case, at_once) -> None:
    store, gate = InMemoryProjections(), Gate()
    old, new = new_table_case(store=store), new_table_case(store=store)
    old.failing = {1: -1}
    first = ProjectionRunner(log, [old.engine], on_failure=at_once("stop", 0))
    second = ProjectionRunner(log, [new.engine])
    written = await log.deposit(1)
    with pytest.raises(ProjectionsStopped):
        await first.run()
    with pytest.raises(NotProcessed, match="it is stopped: ValueError: no 1"):
        await first.wait_for(written)

    new.engine.on(Deposited)(lambda _: gate())
    async with second.running():
        await gate.reached.wait()
        waiting = asyncio.create_task(first.wait_for(written))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        gate.open.set()
        await waiting


async def test_what_failed_in_an_earlier_run_is_not_held_against_the_next(log, case, until) -> None:
    case.failing = {1: -1}
    policy = FailurePolicy("stop", retry=FixedDelay(max_retries=3, delay=3600))
    runner = ProjectionRunner(log, [case.engine], on_failure=policy)
    written = await log.deposit(1)
    running = asyncio.create_task(runner.run())
    await until(lambda: runner._followers["balance"].condition == "retrying")
    runner.stop()
    await running

    with pytest.raises(NotInTime):
        await runner.wait_for(written, timeout=0)


async def test_each_start_has_all_of_its_attempts(log, case, at_once) -> None:
    await log.deposit(1)
    case.failing = {1: -1}
    tried: list[int] = []
    add = case.add

    async def count(event: Deposited) -> None:
        tried.append(event.amount)
        await add(event)

    engine = ProjectionEngine("counted", InMemoryProjections())
    engine.on(Deposited)(count)
    runner = ProjectionRunner(log, [engine], on_failure=at_once("stop", 3))
    for _ in range(2):
        with pytest.raises(ProjectionsStopped):
            await runner.catch_up()

    assert len(tried) == 8


@pytest.mark.parametrize("error", [OSError, StoreUnavailable])
async def test_an_event_that_fails_for_the_last_time_stops_whatever_it_fails_with(
    log, case, at_once, error: type[Exception]
) -> None:
    engine = ProjectionEngine("failing", InMemoryProjections())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise OSError(event.amount)

    await log.deposit(1)
    with pytest.raises(ProjectionsStopped, match="OSError: 1"):
        await ProjectionRunner(log, [engine], on_failure=at_once("stop", 2)).catch_up()


async def test_a_block_that_is_cancelled_before_it_begins_leaves_no_runner(log, table_case) -> None:
    runner = ProjectionRunner(log, [table_case.engine])

    async def work() -> None:
        async with runner.running():
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    (status,) = await runner.status()
    assert status.condition == "not running"
    await runner.catch_up()


async def test_a_retry_that_is_asked_for_during_another_one_is_done(log, table_case) -> None:
    runner = await parked_keys(log, table_case, (1,))
    gate, tried = Gate(), list[int]()

    async def wait(event: Deposited) -> None:
        tried.append(event.amount)
        if len(tried) == 1:
            await gate()
            raise ValueError("not yet")

    table_case.engine.on(Deposited)(wait)
    table_case.failing = {}
    async with runner.running():
        await runner.retry("seen", "s-1")
        await gate.reached.wait()
        await runner.retry("seen", "s-1")
        gate.open.set()
        async with asyncio.timeout(5):
            while await runner.parked("seen"):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)

    assert tried == [1, 1]
    assert await table_case.rows() == {"s-1": [1]}


async def test_a_retry_that_was_begun_is_done_although_the_process_ended(log, table_case) -> None:
    runner = await parked_keys(log, table_case, (1,))
    gate = Gate()
    table_case.failing = {}
    hanging = table_case.engine.on(Deposited)(lambda _: gate())
    await runner.retry("seen", "s-1")
    running = asyncio.create_task(runner.run())
    await gate.reached.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert hanging is not None
    gate.open.set()
    await runner.catch_up()

    assert await runner.parked("seen") == []


def test_who_waits_in_one_loop_after_another_is_answered(log, case) -> None:
    runner = ProjectionRunner(log, [case.engine])
    for _ in range(2):
        with pytest.raises(NotInTime):
            asyncio.run(runner.wait_for(3, timeout=0.01))


async def test_what_is_done_to_its_end_ends_as_cancelled() -> None:
    gate = Gate()
    working = asyncio.create_task(to_its_end(gate()))
    await gate.reached.wait()
    for _ in range(2):
        working.cancel()
        await asyncio.sleep(0)
    assert not working.done()
    gate.open.set()

    with pytest.raises(asyncio.CancelledError):
        await working


async def test_who_has_waited_is_forgotten(log, case) -> None:
    runner = ProjectionRunner(log, [case.engine])
    with pytest.raises(NotInTime):
        await runner.wait_for(3, timeout=0)

    assert not runner._arrivals._waiting


def test_a_runner_whose_loop_was_closed_says_so(log, case) -> None:
    runner = ProjectionRunner(log, [case.engine])
    loop = asyncio.new_event_loop()
    running: Any = loop.create_task(runner.run())
    loop.run_until_complete(runner.wait_for(0))
    loop.run_until_complete(asyncio.sleep(0.01))  # until it waits for more
    loop.close()
    runner.stop()
    with pytest.raises(RunnerError, match="the loop of this runner was closed under it"):
        asyncio.run(runner.catch_up())

    left: list[Any] = [running, *runner._reader._tasks]
    with suppress(RuntimeError):
        running.get_coro().close()  # so that the thread that looks after it ends
    for task in left:
        task._log_destroy_pending = False  # else it complains that nobody ended it


async def test_the_place_before_the_first_event_has_been_passed(log, table_case) -> None:
    runner = ProjectionRunner(log, [table_case.engine])
    await runner.wait_for(await log.append("account-1", []), timeout=0)
    await runner.wait_for(0, timeout=0)


async def test_a_class_in_memory_does_not_fit_a_store_that_rolls_back(log) -> None:
    class Sums(Projection, Balance):
        @on(Deposited)
        def sum(self, event: Deposited) -> None:
            self.total += event.amount

    engine = ProjectionEngine("sums", InMemoryProjections())
    engine.register(Sums)
    with pytest.raises(InvalidRunner, match="would roll back one without the other"):
        ProjectionRunner(log, [engine])


def test_a_middleware_that_waits_for_nobody_is_refused(log, case) -> None:
    runner = ProjectionRunner(log, [case.engine])

    async def application(*_: Any) -> None: ...

    with pytest.raises(UnknownProjection, match="ballance"):
        ReadYourWrites(application, runner, ["ballance"])
    with pytest.raises(InvalidWait, match=r"a list of names, as in \['balance'\]"):
        ReadYourWrites(application, runner, "balance")
    with pytest.raises(InvalidWait, match="timeout"):
        ReadYourWrites(application, runner, seconds=-1)


async def test_a_handler_that_ends_its_transaction_stops_its_projection(tmp_path: Path) -> None:
    file = tmp_path / "one.db"
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        engine = ProjectionEngine("p", states)
        calls: list[int] = []

        @engine.on(Deposited)
        def commit(event: Deposited, context: ProjectionContext) -> None:
            calls.append(event.amount)
            context.transaction.execute("CREATE TABLE IF NOT EXISTS seen (amount)")
            context.transaction.execute("INSERT INTO seen VALUES (?)", [event.amount])
            context.transaction.commit()

        await store.append("a", [Deposited(amount=1), Deposited(amount=2)])
        with pytest.raises(ProjectionsStopped) as stopped:
            await ProjectionRunner(store, [engine]).catch_up()

        assert isinstance(stopped.value.causes["p"], TransactionEnded)
        assert "leave that to the engine, and replay" in str(stopped.value.causes["p"])
        assert calls == [1, 2]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT amount FROM seen").fetchall() == [(1,)]
