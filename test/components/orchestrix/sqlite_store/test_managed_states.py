"""Leases, parked events and desired statuses on SQLite: the suite of managed stores."""

import asyncio
import contextvars
import os
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from children import started
from remote_store import RemoteStates, serve_projections, wait_until_served

from orchestrix.eventsourcing import InvalidAppend, NoTransaction, StoreClosed, StoreUnavailable
from orchestrix.projection_state import ManagedStateStore, NotParked, ParkedEvents
from orchestrix.sqlite_store import SQLiteProjectionStateStore, open_sqlite_projections
from orchestrix.sqlite_store.managed_states import SQLiteManagedStates
from orchestrix.testing.conformance.managed_state_store import (
    CHANGES,
    NOW,
    WRITES,
    ManagedStateStoreConformance,
    everything,
    lease_of,
    names,
    parked,
    positions,
    prepare,
    set_aside,
    state,
    taken,
)
from orchestrix.testing.conformance.waiting import LONG, SHORT, soon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
    async with open_sqlite_projections(path, synchronous="NORMAL") as store:
        yield store


class TestManagedStatesOnSQLite(ManagedStateStoreConformance):
    @pytest.fixture
    def store(self, store: SQLiteProjectionStateStore) -> ManagedStateStore:
        return store


class TestManagedStatesOfTwoHandles(TestManagedStatesOnSQLite):
    """What one handle does, the other sees."""

    @pytest.fixture
    async def rival(self, store: ManagedStateStore, path: Path) -> AsyncIterator[ManagedStateStore]:
        async with open_sqlite_projections(path, synchronous="NORMAL") as rival:
            yield rival


class TestManagedStatesOfTwoProcesses(TestManagedStatesOnSQLite):
    """What one process does, the other sees."""

    cannot: ClassVar[dict[str, str]] = {
        "test_of_two_batches_that_start_from_one_state_one_sets_its_event_aside": (
            "a batch is not sent to another process"
        )
    }

    @pytest.fixture
    async def rival(self, store: ManagedStateStore, path: Path) -> AsyncIterator[Any]:
        child = started(serve_projections, path.with_name("rival"), path)
        await wait_until_served(path.with_name("rival"), LONG)
        yield RemoteStates(path.with_name("rival"))
        child.kill()
        child.join()


def outside(work: Any) -> "asyncio.Task[Any]":
    """Start a task that is no part of the batch in which it is started."""
    return contextvars.Context().run(asyncio.get_running_loop().create_task, work)


def is_locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
        return False


async def test_everything_survives_reopening(path: Path) -> None:
    async with open_sqlite_projections(path) as store:
        await prepare(store)
        await store.request("p", "b", "discard", "why")
        await store.renew_lease(lease_of("p"))
        before = await everything(store)
    async with open_sqlite_projections(path) as store:
        assert await everything(store) == before
        await store.release_lease(lease_of("p"))
        freed = await store.lease("p")
    async with open_sqlite_projections(path) as store:
        assert await store.lease("p") == freed == lease_of("p", holder="", beat=1)


# locks


@pytest.mark.parametrize("write", [each for each in WRITES if each != "save_state"])
async def test_a_change_does_not_wait_for_a_batch_that_has_not_begun_to_write(
    store: SQLiteProjectionStateStore, path: Path, write: str
) -> None:
    await prepare(store)
    await store.save_state(state(4, "q"))
    before = await everything(store)
    async with store.transaction("p") as transaction:
        assert len(await transaction.parked.keys()) == 2
        assert not is_locked(path)
        await soon(outside(WRITES[write](store)))
        assert await everything(store) != before


@pytest.mark.parametrize("write", WRITES)
async def test_a_change_waits_for_a_batch_that_writes_and_the_loop_goes_on(
    store: SQLiteProjectionStateStore, path: Path, write: str
) -> None:
    await prepare(store)
    async with store.transaction("q") as transaction:
        await transaction.parked.answer("a", "retry")
        assert is_locked(path)
        before = await everything(store, "p")
        waiting = outside(WRITES[write](store))
        ended, _ = await asyncio.wait([waiting], timeout=SHORT)
        assert not ended, "it waits for the batch"
        assert await everything(store, "p") == before

    await soon(waiting)
    assert await everything(store, "p") != before


def test_changes_that_wait_leave_a_thread_for_the_commit_of_the_batch(path: Path) -> None:
    async def work() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with open_sqlite_projections(path) as store, open_sqlite_projections(path) as other:
            async with store.transaction("p") as transaction:
                _ = transaction.connection
                handles = (store, other) * 4
                leases = [
                    outside(each.take_lease(f"{number}", "one", 10, seen=None))
                    for number, each in enumerate(handles)
                ]
                await asyncio.wait(leases, timeout=SHORT)
            assert await soon(asyncio.gather(*leases)) == [lease_of(f"{n}") for n in range(8)]

    asyncio.run(work())


@contextmanager
def writing_elsewhere(path: Path) -> Generator[Callable[[], None], None, None]:
    """A batch of another loop that writes, until what is yielded is called."""
    began, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        async with open_sqlite_projections(path) as store, store.transaction("else") as transaction:
            _ = transaction.connection
            began.set()
            await asyncio.to_thread(go_on.wait, LONG)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert began.wait(LONG)
    yield go_on.set
    go_on.set()
    thread.join(LONG)


async def test_a_change_that_waits_for_another_loop_waits_for_no_handler_of_its_own(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    with writing_elsewhere(path) as let_go:
        async with store.transaction("p"):
            taking = outside(store.take_lease("p", "one", 10, seen=None))
            ended, _ = await asyncio.wait([taking], timeout=SHORT)
            assert not ended, "it waits for the batch of the other loop"
            let_go()
            assert await soon(taking) == lease_of("p")


def test_changes_that_wait_for_another_loop_keep_one_thread_busy(path: Path) -> None:
    async def work() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        async with open_sqlite_projections(path) as store:
            with writing_elsewhere(path) as let_go:
                leases = [
                    outside(store.take_lease(f"{number}", "one", 10, seen=None))
                    for number in range(4)
                ]
                await asyncio.wait(leases, timeout=SHORT)
                await soon(asyncio.to_thread(lambda: None))
                let_go()
                assert await soon(asyncio.gather(*leases)) == [lease_of(f"{n}") for n in range(4)]

    asyncio.run(work())


async def test_an_event_that_is_given_up_again_is_listed_as_it_was_the_last_time(
    store: SQLiteProjectionStateStore,
) -> None:
    for reason in ("one", "two"):
        await set_aside(store, "k", 1)
        async with store.transaction("p") as transaction:
            assert await transaction.parked.discard("k", reason, NOW) == 1

    assert [each.reason for each in await store.discarded_events("p")] == ["two"]


async def test_a_change_is_committed_in_a_thread(
    store: SQLiteProjectionStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    change = SQLiteManagedStates._change

    def noted(states: SQLiteManagedStates, work: Callable[[sqlite3.Connection], Any]) -> Any:
        threads.append(threading.current_thread())
        return change(states, work)

    monkeypatch.setattr(SQLiteManagedStates, "_change", noted)
    await taken(store)

    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_a_change_that_is_cancelled_is_made_or_not_and_holds_no_lock(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    for turns in range(20):
        name = f"{turns}"
        taking = asyncio.create_task(store.take_lease(name, "one", 10, seen=None))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])

        assert not is_locked(path)
        assert await store.lease(name) in (None, lease_of(name))
        await soon(taken(store, "two", name))


async def test_a_change_that_is_cancelled_while_a_batch_writes_is_not_made(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    async with store.transaction("p") as transaction:
        _ = transaction.connection
        taking = outside(store.take_lease("p", "one", 10, seen=None))
        await asyncio.wait([taking], timeout=SHORT)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking

    assert await store.lease("p") is None
    await soon(taken(store))


async def test_another_process_that_writes_too_long_is_told(path: Path) -> None:
    async with open_sqlite_projections(path, busy_timeout=0.05) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="longer than busy_timeout"):
                await taken(store)
            with pytest.raises(StoreUnavailable, match="longer than busy_timeout"):
                await set_aside(store, "k", 1)
            assert await store.lease("p") is None
            other.execute("ROLLBACK")

        await soon(taken(store))


async def test_a_change_that_is_refused_holds_no_lock(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    with pytest.raises(NotParked):
        await store.request("p", "k", "retry")

    assert not is_locked(path)
    await soon(taken(store))


async def test_only_changes_begin_the_transaction_of_a_batch(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    for name, change in CHANGES.items():
        await prepare_anew(store)
        async with store.transaction("p") as transaction:
            await transaction.parked.keys()
            assert not is_locked(path)
            await change(transaction)
            assert is_locked(path), name


async def prepare_anew(store: ManagedStateStore) -> None:
    async with store.transaction("p") as transaction:
        await transaction.parked.clear()
    await set_aside(store, "a", 1, 3, 5)
    await set_aside(store, "b", 2)


# what handlers do to the connection, and what cannot be stored


def row_as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def exploding(content: bytes) -> str:
    raise KeyError(content)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("row_factory", row_as_dict), ("text_factory", bytes), ("text_factory", exploding)],
)
async def test_a_handler_may_set_how_it_reads(
    store: SQLiteProjectionStateStore, setting: str, value: Any
) -> None:
    await set_aside(store, "k", 1, 2, 3)
    async with store.transaction("p") as transaction:
        setattr(transaction.connection, setting, value)
        await transaction.parked.add([("k", 4)])
        await transaction.parked.release("k", 1)
        (found,) = await transaction.parked.keys()
        assert found == parked("k", 2, attempts=0, delay=0, events=3)
        assert await transaction.parked.discard("k", "why", NOW) == 3
        assert getattr(transaction.connection, setting) == value


async def test_what_sqlite_cannot_hold_is_told(store: SQLiteProjectionStateStore) -> None:
    calls: list[Callable[[ParkedEvents], Awaitable[None]]] = [
        lambda it: it.save(parked("\ud800")),
        lambda it: it.save(parked(position=2**63)),
        lambda it: it.save(parked(attempts=2**63)),
    ]
    for call in calls:
        with pytest.raises(InvalidAppend, match=r"cannot be stored|than SQLite can hold"):
            async with store.transaction("p") as transaction:
                await call(transaction.parked)
    for call in (store.set_desired_status("\ud800", "paused"), store.lease("\ud800")):
        with pytest.raises(InvalidAppend, match="lone surrogate"):
            await call

    assert await names(store) == []


async def test_numbers_beyond_those_of_sqlite_are_limits_and_no_errors(
    store: SQLiteProjectionStateStore,
) -> None:
    await set_aside(store, "k\0k", 1, 2**63 - 1, delay=10**300)
    assert await positions(store, "k\0k") == [1, 2**63 - 1]
    found = await store.parked_between("p", 2, 2**70)
    assert found == parked("k\0k", 1, events=2, delay=1e300)
    assert await store.parked_between("p", 2**63 - 1, 2**63) == found
    assert await store.parked_between("p", 2**70, 2**71) is None
    assert (await store.take_lease("p", "one", 10**300, seen=None)) == await store.lease("p")
    async with store.transaction("p") as transaction:
        await transaction.parked.release("k\0k", 2**70)

    assert await names(store) == []


# the end


async def test_parked_events_are_of_no_use_when_their_batch_has_ended(
    store: SQLiteProjectionStateStore, path: Path
) -> None:
    async with store.transaction("p") as transaction:
        late = transaction
    for change in CHANGES.values():
        with pytest.raises(NoTransaction, match="has ended; write in the handler"):
            await change(late)
    with pytest.raises(NoTransaction):
        await late.parked.keys()
    assert not is_locked(path)


READS: list[Callable[[ManagedStateStore], Awaitable[Any]]] = [
    lambda it: it.parked_keys("p"),
    lambda it: it.parked_positions("p", "k"),
    lambda it: it.parked_between("p", 1, 2),
    lambda it: it.discarded_events("p"),
    lambda it: it.desired_status("p"),
    lambda it: it.lease("p"),
]


async def test_after_its_end_it_says_that_it_is_closed(path: Path) -> None:
    async with open_sqlite_projections(path) as store:
        pass
    for call in (*READS, *WRITES.values()):
        with pytest.raises(StoreClosed, match="closed; use it inside its `async with` block"):
            await call(store)


async def test_a_forked_child_is_told(store: SQLiteProjectionStateStore) -> None:
    await prepare(store)
    calls = (*READS, *WRITES.values())
    async with store.transaction("p") as transaction:
        _ = transaction.connection
        answers, answer = os.pipe()
        child = os.fork()
        if child == 0:  # nothing of this may return into pytest
            try:
                told = [_told(call, store) for call in calls]
                os.write(answer, "\n".join(told).encode())
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        os.close(answer)
        with os.fdopen(answers) as read:
            told = read.read().splitlines()
        os.waitpid(child, 0)  # noqa: ASYNC222 - it has answered and ends now

    assert told[: len(READS)] == ["StoreClosed"] * len(READS)
    assert set(told[len(READS) :]) == {"BatchInsideBatch", "StoreClosed"}


def _told(call: Callable[[ManagedStateStore], Any], store: ManagedStateStore) -> str:
    try:
        call(store).send(None)
    except BaseException as error:  # noqa: BLE001 - it is what is asked for
        return type(error).__name__
    return "it waits"
