"""The runner on SQLite: poison among many, several processes, full disks, handlers that hang."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from children import Balance as MovedBalance
from children import Moved, follow_until_killed, started
from sample_events import Deposited

from orchestrix.eventsourcing import AppendInsideBatch, ProjectionContext, ProjectionEngine
from orchestrix.messaging import FixedDelay, NoRetry
from orchestrix.projection_runtime import FailurePolicy, ProjectionRunner
from orchestrix.read_models import Table
from orchestrix.sqlite_store import (
    SQLiteEventStore,
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)


@dataclass
class Total:
    account: str
    amount: int = 0
    count: int = 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteEventStore]:
    async with open_sqlite_store(path, synchronous="NORMAL") as store:
        yield store


@pytest.fixture
async def states(path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
    async with open_sqlite_projections(path, synchronous="NORMAL") as states:
        yield states


class Totals:
    """Deposits added up per stream; it fails for the amounts in `failing`."""

    def __init__(self, states: SQLiteProjectionStateStore) -> None:
        self.table = Table(Total, key="account", name="totals", indexes=["amount"])
        self.failing: set[int] = set()
        self.engine = ProjectionEngine("totals", states, tables=[self.table])
        self.engine.on(Deposited)(self.add)

    async def add(self, event: Deposited, context: ProjectionContext) -> None:
        assert context.recorded is not None
        account = context.recorded.stream_id
        if (row := await self.table.get(account)) is None:
            self.table.put(row := Total(account))
        row.amount += event.amount
        row.count += 1
        if event.amount in self.failing:
            raise ValueError(f"no {event.amount}")


def rows(path: Path, table: str = "totals") -> dict[str, tuple[int, int]]:
    with closing(sqlite3.connect(path)) as connection:
        views = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        if (table,) not in views.fetchall():
            return {}
        found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - ours
    return {account: (amount, count) for account, amount, count in found}


async def test_one_bad_event_among_ten_thousand_parks_its_key_and_no_other(
    path: Path, store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    for start in range(0, 10_000, 100):
        account = f"account-{start // 100 % 10}"
        await store.append(account, [Deposited(amount=each) for each in range(start, start + 100)])
    totals = Totals(states)
    totals.failing = {4321}
    policy = FailurePolicy(retry=NoRetry())
    runner = ProjectionRunner(store, [totals.engine], on_failure=policy)

    await runner.catch_up()

    (key,), (status,) = await runner.parked("totals"), await runner.status()
    assert (key.key, key.position, key.error) == ("account-3", 4322, "ValueError: no 4321")
    assert (status.checkpoint, status.parked_events, status.lag) == (10_000, key.events, 0)
    assert key.events == 79 + 500
    found = rows(path)
    assert found["account-3"] == (sum([*range(300, 400), *range(1300, 1400), *range(2300, 2400),
                                       *range(3300, 3400), *range(4300, 4321)]), 421)  # fmt: skip
    assert all(count == 1000 for name, (_, count) in found.items() if name != "account-3")

    totals.failing = set()
    await runner.retry("totals", "account-3")
    await runner.catch_up()

    assert await runner.parked("totals") == []
    assert sum(amount for amount, _ in rows(path).values()) == sum(range(10_000))
    state = await states.load_state("totals")
    assert state is not None
    assert (state.applied_count, state.last_processed_position) == (10_000, 10_000)


async def test_a_full_disk_that_a_handler_meets_is_not_the_events_fault(
    store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    engine, full, seen = ProjectionEngine("p", states), [1, 2, 3, 4, 5], list[int]()

    @engine.on(Deposited)
    def write(event: Deposited, context: ProjectionContext) -> None:
        context.transaction.execute("CREATE TABLE IF NOT EXISTS amounts (amount)")
        if full:
            full.pop()
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        seen.append(event.amount)

    await store.append("a", [Deposited(amount=1), Deposited(amount=2)])
    policy = FailurePolicy("skip", retry=NoRetry())

    await ProjectionRunner(store, [engine], on_failure=policy).catch_up()

    assert (full, seen) == ([], [1, 2])


async def test_an_append_from_a_handler_is_refused_and_its_key_parked(
    store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    engine = ProjectionEngine("p", states)

    @engine.on(Deposited)
    async def append(event: Deposited) -> None:
        await store.append("other", [Deposited(amount=1)])

    await store.append("a", [Deposited(amount=1)])
    runner = ProjectionRunner(store, [engine], on_failure=FailurePolicy(retry=NoRetry()))
    await runner.catch_up()

    (key,) = await runner.parked("p")
    assert key.error.startswith(AppendInsideBatch.__name__)
    assert "process manager" in key.error


async def test_a_runner_whose_process_was_killed_is_followed_at_once(
    path: Path, store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    await store.append("account-a", [Moved(account="a", amount=5)])
    child = started(follow_until_killed, path)
    async with asyncio.timeout(20):
        while (lease := await states.lease("balances")) is None or lease.beat < 1:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.01)
    table = Table(MovedBalance, key="account", name="balances", indexes=["amount"])
    engine = ProjectionEngine("balances", states, tables=[table])
    engine.on(Moved)(lambda event: None)
    runner = ProjectionRunner(store, [engine], lease_seconds=3600)
    async with runner.running():
        written = await store.append("account-a", [Moved(account="a", amount=2)])
        await runner.wait_for(written)
        (status,) = await runner.status()
        assert (status.condition, str(child.pid) in str(status.problem)) == ("waiting", True)
        child.kill()
        child.join()
        async with asyncio.timeout(20):
            while (await runner.status())[0].condition != "live":  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.01)

    assert rows(path, "balances") == {"a": (7, 2)}


async def test_a_projection_in_another_process_is_waited_for(
    path: Path, store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    child = started(follow_until_killed, path)
    engine = ProjectionEngine("balances", states)
    engine.on(Moved)(lambda event: None)
    runner = ProjectionRunner(store, [engine])  # which is not run here
    for amount in range(5):
        written = await store.append("account-a", [Moved(account="a", amount=amount)])
        await runner.wait_for(written, timeout=20)
    child.kill()
    child.join()

    assert rows(path, "balances") == {"a": (10, 5)}


@pytest.mark.parametrize("page_size", [1, 2, 7, 1000])
async def test_however_large_the_pages_are_the_rows_are_the_same(
    path: Path, store: SQLiteEventStore, states: SQLiteProjectionStateStore, page_size: int
) -> None:
    for amount in range(60):
        await store.append(f"account-{amount % 7}", [Deposited(amount=amount)])
    totals = Totals(states)
    policy = FailurePolicy(retry=FixedDelay(max_retries=1, delay=0.0))
    totals.failing = {13, 14, 55}
    runner = ProjectionRunner(store, [totals.engine], on_failure=policy, page_size=page_size)
    await runner.catch_up()
    assert len(await runner.parked("totals")) == 2

    totals.failing = set()
    for key in await runner.parked("totals"):
        await runner.retry("totals", key.key)
    await runner.catch_up()

    expected: dict[str, tuple[int, int]] = {}
    for amount in range(60):
        total, count = expected.get(f"account-{amount % 7}", (0, 0))
        expected[f"account-{amount % 7}"] = (total + amount, count + 1)
    assert rows(path) == expected


async def test_a_runner_that_is_cancelled_anywhere_leaves_nothing_half_done(
    path: Path, store: SQLiteEventStore, states: SQLiteProjectionStateStore
) -> None:
    await store.append("a", [Deposited(amount=each) for each in range(100)])
    totals, running, calls = Totals(states), list[asyncio.Task[None]](), 0
    totals.failing = {50}
    policy = FailurePolicy(retry=FixedDelay(max_retries=10**9, delay=0.0))

    @totals.engine.on(Deposited)
    async def cancel(event: Deposited) -> None:
        nonlocal calls
        calls += 1
        if calls % 17 == 0:
            running[-1].cancel()
        await asyncio.sleep(0)

    for _ in range(20):
        runner = ProjectionRunner(store, [totals.engine], on_failure=policy, page_size=10)
        running.append(asyncio.create_task(runner.run()))
        await asyncio.wait(running[-1:], timeout=0.2)
        running[-1].cancel()
        await asyncio.wait(running[-1:])
        state = await states.load_state("totals")
        count = 0 if state is None else state.applied_count
        assert rows(path) == ({"a": (sum(range(count)), count)} if count else {})
    totals.failing = set()

    await ProjectionRunner(store, [totals.engine], on_failure=policy).catch_up()

    assert rows(path) == {"a": (sum(range(100)), 100)}
