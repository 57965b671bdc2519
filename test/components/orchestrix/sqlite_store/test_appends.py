"""Appends of many tasks: committed together, refused alone, cancelled and repeated."""

import asyncio
import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    ConcurrencyError,
    DuplicateEvent,
    StoreClosed,
    StoreUnavailable,
)
from orchestrix.messaging import Event
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_store, reader
from orchestrix.sqlite_store import store as store_module
from orchestrix.sqlite_store.writer import Job, settle
from orchestrix.testing.conformance.event_store import counted, log_of, pages_of, stream_of
from orchestrix.testing.conformance.waiting import LONG, soon, until, waiting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteEventStore]:
    async with open_sqlite_store(path) as store:
        yield store


class WriteLock:
    """Holds the file's write lock, so that whatever is appended meanwhile waits together."""

    def __init__(self, path: Path, store: SQLiteEventStore) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._queue = store._writer._queue
        self.begun = self.commits = 0
        store._writer._connection.set_trace_callback(self._count)

    async def hold(self, *appends: Any) -> list[Any]:
        """Make the first append wait for the lock, and all others behind it, as tasks."""
        self._connection.execute("BEGIN IMMEDIATE")
        before = self.begun
        first = asyncio.create_task(appends[0])
        await until(lambda: self.begun > before)
        others = [asyncio.create_task(append) for append in appends[1:]]
        await until(lambda: self._queue.qsize() == len(others))
        return [first, *others]

    def release(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def _count(self, statement: str) -> None:
        self.begun += statement == "BEGIN IMMEDIATE"
        self.commits += statement == "COMMIT"


@pytest.fixture
def lock(path: Path, store: SQLiteEventStore) -> Iterator[WriteLock]:
    with closing(WriteLock(path, store)) as lock:
        yield lock


async def together(lock: WriteLock, *appends: Any) -> list[Any]:
    """Make appends wait, the first alone, the others for one commit; return their outcomes."""
    tasks = await lock.hold(*appends)
    lock.release()
    return await soon(asyncio.gather(*tasks, return_exceptions=True))


async def test_appends_that_wait_are_committed_together_in_their_order(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    outcomes = await together(lock, *(store.append("a", counted(each, each)) for each in range(50)))

    assert outcomes == [AppendResult(at + 1, at + 2, at + 1) for at in range(0, 100, 2)]
    assert lock.commits == 2


async def test_a_group_ends_after_a_thousand_events(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    await together(lock, *(store.append("a", counted(*range(250))) for _ in range(9)))

    assert lock.commits == 3


async def test_of_appends_committed_together_each_fails_alone(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    known, repeated, of_others = counted(1), counted(2, 3), counted(4)
    await store.append("a", known)
    await store.append("b", of_others)
    outcomes = await together(
        lock,
        store.append("c", counted(0)),
        store.append("a", counted(5), expected_version=0),
        store.append("a", counted(6), expected_version=0),
        store.append("a", repeated, expected_version=1),
        store.append("a", repeated, expected_version=1),
        store.append("a", of_others),
        store.append("a", known, expected_version=99),
        store.append("d", counted(7, 8), expected_version=NO_STREAM),
        store.append("d", [], expected_version=1),
        store.append("d", [], expected_version=0),
    )

    assert [each if isinstance(each, AppendResult) else type(each) for each in outcomes] == [
        AppendResult(0, 3, 3), AppendResult(1, 4, 4), ConcurrencyError, AppendResult(3, 6, 5),
        AppendResult(3, 6, 5), DuplicateEvent, AppendResult(0, 1, 1), AppendResult(1, 8, 7),
        AppendResult(1, 8, 8), ConcurrencyError,
    ]  # fmt: skip
    assert [each.position for each in await log_of(store)] == list(range(1, 9))
    assert await store.load("a") == [*known, (await store.load("a"))[1], *repeated]


async def test_errors_of_one_group_do_not_share_their_history(
    store: SQLiteEventStore, lock: WriteLock, path: Path
) -> None:
    tasks = await lock.hold(*(store.append("a", counted(each)) for each in range(4)))
    path.rename(path.with_name("moved"))
    lock.release()
    failed = await soon(asyncio.gather(*tasks, return_exceptions=True))
    path.with_name("moved").rename(path)

    assert [type(each) for each in failed] == [StoreUnavailable] * 4
    assert len({id(each) for each in failed}) == 4


async def test_an_append_cancelled_before_its_turn_is_not_written(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    first, second = await lock.hold(*(store.append("a", counted(each)) for each in (1, 2)))
    second.cancel()
    lock.release()
    with pytest.raises(asyncio.CancelledError):
        await second

    assert await soon(first) == AppendResult(0, 1, 1)
    assert len(await store.load("a")) == 1


async def test_an_answer_that_nobody_awaits_keeps_no_other_from_its_task() -> None:
    loop = asyncio.get_running_loop()
    jobs = [Job(("a", "A", 0, "{}", ""), loop, loop.create_future()) for _ in range(3)]
    jobs[0].future.cancel()
    settle(jobs, [AppendResult(0, 1, 1), AppendResult(0, 1, 1), ConcurrencyError("a", 1, 2)])

    assert await soon(jobs[1].future) == AppendResult(0, 1, 1)
    with pytest.raises(ConcurrencyError):
        await soon(jobs[2].future)


@pytest.mark.parametrize("seed", range(5))
async def test_a_cancelled_append_can_be_repeated_and_is_there_once(
    store: SQLiteEventStore, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    appends = {f"s{number}": counted(*range(chance.randint(1, 3))) for number in range(60)}
    tasks = [
        asyncio.create_task(store.append(name, events, expected_version=NO_STREAM))
        for name, events in appends.items()
    ]
    while pending := [task for task in tasks if not task.done()]:
        chance.choice(pending).cancel()
        await asyncio.wait(pending, timeout=0.0005, return_when=asyncio.FIRST_COMPLETED)
    cancelled = sum(task.cancelled() for task in tasks)
    results = await asyncio.gather(
        *(
            store.append(name, events, expected_version=NO_STREAM)
            for name, events in appends.items()
        )
    )

    assert cancelled
    for (name, events), result in zip(appends.items(), results, strict=True):
        found = await stream_of(store, name)
        assert [each.event for each in found] == events
        assert result == AppendResult(len(events) - 1, found[-1].position, found[0].position)
    assert len(await log_of(store)) == sum(map(len, appends.values()))


async def test_closing_writes_what_waits_and_refuses_the_rest(path: Path) -> None:
    answered: list[tuple[str, str]] = []

    async def append_until_closed(store: SQLiteEventStore, name: str) -> None:
        while True:
            events = counted(1)
            await store.append(name, events)
            answered.append((name, events[0].id))

    async with open_sqlite_store(path) as store:
        tasks = [asyncio.create_task(append_until_closed(store, f"s{each}")) for each in range(20)]
        await until(lambda: len(answered) >= 100)
    ended = await soon(asyncio.gather(*tasks, return_exceptions=True))
    async with open_sqlite_store(path) as store:
        log = await log_of(store)

    assert {type(each) for each in ended} == {StoreClosed}
    assert sorted((each.stream_id, each.id) for each in log) == sorted(answered)


async def test_closing_answers_what_waits_behind_a_commit(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    tasks = await lock.hold(*(store.append("a", counted(each)) for each in range(3)))
    closing = asyncio.create_task(asyncio.to_thread(store.close))
    await until(lambda: store._writer._closed)
    lock.release()

    outcomes = await soon(asyncio.gather(*tasks))
    assert outcomes == [AppendResult(at, at + 1, at + 1) for at in range(3)]
    await soon(closing)


async def test_an_append_that_comes_too_late_is_told_and_does_not_wait(
    store: SQLiteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    monkeypatch.setattr(store, "_check_open", lambda: None)  # as if it was open just before
    for late in (store.append("a", counted(1)), store.load("a")):
        with pytest.raises(StoreClosed, match="closed"):
            await soon(late)


async def test_closing_waits_for_what_is_being_read(store: SQLiteEventStore) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def question(connection: sqlite3.Connection) -> str:
        asked.set()
        assert go_on.wait(LONG)
        return connection.execute("SELECT 'read'").fetchone()[0]

    reading = asyncio.create_task(store._reader.ask(question))
    await until(asked.is_set)
    closing = await waiting(asyncio.to_thread(store.close))
    go_on.set()

    assert await soon(reading) == "read"
    await soon(closing)


async def test_a_filtered_page_looks_at_a_limited_part_of_the_log(
    store: SQLiteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_LONGEST_LOOK", 4)
    await store.append("a", counted(*range(9)))
    pages = await pages_of(store, limit=2, types={"none such"})

    assert [page.last_position for page in pages] == [4, 8, 9]
    assert [page.at_end for page in pages] == [False, False, True]
    assert len((await store.read_all(limit=6, types={"conformance.counted"})).events) == 6


async def test_an_append_wakes_those_who_follow_the_same_store_at_once(
    store: SQLiteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PAUSES", (2 * LONG, 2 * LONG))
    waiters = [await waiting(store.wait_for_events(0, 2 * LONG)) for _ in range(2)]
    await store.append("a", counted(1))

    assert await soon(asyncio.gather(*waiters)) == [True, True]


async def test_closing_ends_the_wait_of_those_who_follow(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        waiter = await waiting(store.wait_for_events(0, 2 * LONG))

    with pytest.raises(StoreClosed):
        await soon(waiter)


async def test_an_append_is_answered_although_its_loop_is_gone(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    tasks = await lock.hold(store.append("b", counted(0)))

    def begin_and_leave() -> None:
        loop = asyncio.new_event_loop()
        task: Any = loop.create_task(store.append("a", counted(1)))
        task._log_destroy_pending = False  # that is what this is about
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    await asyncio.to_thread(begin_and_leave)
    lock.release()
    await soon(tasks[0])

    assert await soon(store.append("a", counted(2))) == AppendResult(1, 3, 3)


async def test_threads_with_loops_of_their_own_may_share_a_store(store: SQLiteEventStore) -> None:
    async def work(name: str) -> list[AppendResult]:
        results = [
            await store.append(name, counted(each), expected_version=each - 1) for each in range(30)
        ]
        assert len(await store.load(name)) == 30
        assert await store.wait_for_events(0, LONG)
        return results

    with ThreadPoolExecutor(4) as threads:
        loop = asyncio.get_running_loop()
        works = [
            loop.run_in_executor(threads, lambda name=name: asyncio.run(work(name)))
            for name in "abcd"
        ]
        results = await soon(asyncio.gather(*works, work("e")))

    positions = sorted(result.last_position for each in results for result in each)
    assert positions == list(range(1, 151))


async def test_reading_goes_on_while_a_writer_is_waiting(
    store: SQLiteEventStore, lock: WriteLock
) -> None:
    await store.append("a", counted(1))
    (waiter,) = await lock.hold(store.append("a", counted(2)))

    assert len(await soon(store.load("a"))) == 1
    assert len((await soon(store.read_all())).events) == 1
    lock.release()
    assert (await soon(waiter)).last_version == 1


async def test_events_are_decoded_when_they_are_wanted(store: SQLiteEventStore, path: Path) -> None:
    await store.append("a", [Event(id="good"), Event(id="bad")])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE events SET data = '{' WHERE event_id = 'bad'")
    good, bad = (await store.read_all()).events

    assert good.event.id == "good"
    assert bad.id == "bad"
    with pytest.raises(Exception, match=r"not JSON .*restore the store from a backup"):
        _ = bad.event
