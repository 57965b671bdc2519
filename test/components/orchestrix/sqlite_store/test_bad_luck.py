"""What goes wrong while the store is open: it says so, loses nothing, and goes on."""

import asyncio
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    InvalidAppend,
    StorageError,
    StoreClosed,
    StoreUnavailable,
)
from orchestrix.messaging import Event
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_projections, open_sqlite_store
from orchestrix.sqlite_store.database import Database
from orchestrix.testing.conformance.event_store import NOON, HandClock, counted, log_of, snapshot_at
from orchestrix.testing.conformance.read_model_table import Balance, accounts
from orchestrix.testing.conformance.read_model_table.driver import Driver
from orchestrix.testing.conformance.waiting import LONG, soon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteEventStore]:
    async with open_sqlite_store(path, busy_timeout=0.05) as store:
        yield store


async def test_a_writer_that_never_ends_is_named_and_the_append_can_be_repeated(
    store: SQLiteEventStore, path: Path
) -> None:
    events = counted(1, 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for refused in (store.append("a", events), store.save_snapshot(snapshot_at(0))):
            with pytest.raises(StoreUnavailable, match="longer than busy_timeout; let it finish"):
                await refused
        assert await store.read_all() == await store.read_all(), "readers do not wait"
        holder.execute("ROLLBACK")

    assert await store.append("a", events) == AppendResult(1, 2, 1)


async def test_a_full_database_refuses_and_goes_on_when_there_is_room(
    store: SQLiteEventStore,
) -> None:
    kept = counted(1)
    await store.append("a", kept)
    writer = store._writer._connection
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    big = [Event(data="x" * 100_000)]
    with pytest.raises(StoreUnavailable, match="disk is full; free some space"):
        await store.append("a", big)

    assert await store.load("a") == kept
    writer.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert await store.append("a", big, expected_version=0) == AppendResult(1, 2, 2)


def run(*command: str | Path) -> int:
    """Run a command; return its status."""
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None or run("mount", "-t", "tmpfs", "-o", "size=400k", "x", disk):
        pytest.skip("mounting a small tmpfs needs root: `sudo uv run pytest` tries it")
    yield disk
    run("umount", disk)


async def test_a_full_disk_loses_nothing_that_was_answered(small_disk: Path) -> None:
    path = small_disk / "events.db"
    answered: list[Event] = []
    refused = Event(data="x" * 2000)

    async def append_until_full() -> None:
        nonlocal refused
        while True:
            await store.append("a", [refused])
            answered.append(refused)
            refused = Event(data="x" * 2000)

    async with open_sqlite_store(path) as store:
        with pytest.raises(StoreUnavailable, match="disk"):
            await append_until_full()
        assert await store.load("a") == answered
        assert 10 < len(answered) < 200
    for _ in range(2):  # the next start works while the disk is still full
        async with open_sqlite_store(path) as store:
            assert await store.load("a") == answered
            with pytest.raises(StoreUnavailable, match="disk"):
                await store.append("a", [Event(data="x" * 100_000)])
    run("mount", "-o", "remount,size=2m", small_disk)
    async with open_sqlite_store(path) as store:
        await store.append("a", [refused])
        assert await store.load("a") == [*answered, refused]


async def test_a_disk_that_fills_while_a_table_is_written_keeps_the_last_whole_batch(
    small_disk: Path,
) -> None:
    table = accounts()
    async with open_sqlite_projections(small_disk / "one.db") as states:
        driver, kept, size = Driver(states, table), list[Balance](), 1
        with pytest.raises(StoreUnavailable, match="disk"):  # noqa: PT012 - until it is full
            while True:
                rows = [Balance(f"{number:05}", "x" * size) for number in range(50)]
                async with driver.batch():
                    for row in rows:
                        table.put(row)
                kept, size = rows, size * 2
        assert size > 100
        assert await states.table(table).query() == kept
        revision = (size - 1).bit_length() - 1
        state = await states.load_state("balances")
        assert state is not None
        assert state.revision == revision
        run("mount", "-o", "remount,size=2m", small_disk)
        async with driver.batch():
            table.put(Balance("later"))

        assert await states.table(table).query() == [*kept, Balance("later")]


async def test_a_file_system_that_became_read_only_loses_nothing(small_disk: Path) -> None:
    path, events = small_disk / "events.db", counted(1)
    async with open_sqlite_store(path) as store:
        await store.append("a", events)
    run("mount", "-o", "remount,ro", small_disk)
    with pytest.raises(StoreUnavailable, match="not read-only"):
        async with open_sqlite_store(path):
            pass
    run("mount", "-o", "remount,rw", small_disk)

    async with open_sqlite_store(path) as store:
        assert await store.load("a") == events


async def test_a_new_store_on_a_full_disk_is_made_when_there_is_room(small_disk: Path) -> None:
    (small_disk / "others").write_bytes(b"x" * 396 * 1024)
    path = small_disk / "events.db"
    with pytest.raises(StoreUnavailable, match="disk"):
        async with open_sqlite_store(path):
            pass

    (small_disk / "others").unlink()
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(1))


async def test_a_file_moved_away_is_noticed_and_used_again_when_it_is_back(
    store: SQLiteEventStore, path: Path
) -> None:
    events = counted(1)
    await store.append("a", events)
    await store.load("a")
    path.rename(path.with_name("moved.db"))
    calls = (store.append("a", counted(2)), store.load("a"), store.wait_for_events(5, 0))
    for refused in calls:
        with pytest.raises(StoreUnavailable, match="was moved away or deleted while it was open"):
            await refused

    assert not path.exists()
    path.with_name("moved.db").rename(path)
    assert await store.append("a", counted(2), expected_version=0) == AppendResult(1, 2, 2)


async def test_a_file_moved_away_is_not_made_again(
    store: SQLiteEventStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "check_present", lambda self: None)  # as if just before
    path.rename(path.with_name("moved.db"))
    with pytest.raises(StoreUnavailable, match="it cannot be opened"):
        await store.head()

    assert not path.exists()
    path.with_name("moved.db").rename(path)


async def test_a_file_replaced_by_another_is_not_written(
    store: SQLiteEventStore, path: Path
) -> None:
    await store.append("a", counted(1))
    path.rename(path.with_name("moved.db"))
    path.write_bytes(b"another")
    with pytest.raises(StoreUnavailable, match="was replaced by another while it was open"):
        await store.append("a", counted(2))

    assert path.read_bytes() == b"another"
    path.with_name("moved.db").rename(path)


async def test_an_event_of_twenty_megabytes_is_an_event(store: SQLiteEventStore) -> None:
    large = Event(data={"text": "ä" * 10_000_000})
    await store.append("a", [large, *counted(1)])

    assert (await store.load("a"))[0] == large


async def test_an_event_larger_than_sqlite_can_hold_fails_alone(store: SQLiteEventStore) -> None:
    store._writer._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
    sizes = [1, 1, 20_000, 1, 1]
    outcomes = await asyncio.gather(
        *(store.append(f"s{at}", [Event(data="x" * size)]) for at, size in enumerate(sizes)),
        return_exceptions=True,
    )
    with pytest.raises(InvalidAppend, match="larger than SQLite can hold"):
        await store.save_snapshot(snapshot_at(0, of="x" * 20_000))

    assert [type(each) for each in outcomes] == [
        *[AppendResult] * 2,
        InvalidAppend,
        *[AppendResult] * 2,
    ]
    assert "larger than SQLite can hold, a gigabyte" in str(outcomes[2])
    assert await store.streams() == ["s0", "s1", "s3", "s4"]


class Unit(StrEnum):
    KILO = "kilo"


@dataclass(frozen=True, kw_only=True)
class Rated(Event, type="sqlite-test.rated"):
    rate: float


async def test_an_event_that_could_not_be_read_back_is_refused(store: SQLiteEventStore) -> None:
    good = Rated(rate=0.5)
    with pytest.raises(InvalidAppend, match=r"'a': event .*rate"):
        await store.append("a", [good, Rated(rate=float("nan"))])

    assert await store.head() == 0
    await store.append("a", [good], expected_version=NO_STREAM)
    assert await store.load("a") == [good]


async def test_a_snapshot_that_would_not_be_loaded_as_it_is_is_refused(
    store: SQLiteEventStore,
) -> None:
    class Size(IntEnum):
        SMALL = 1

    for state in ((1, 2), float("nan"), {1: "a"}, Size.SMALL, {Unit.KILO: 1}, defaultdict(list)):
        with pytest.raises(InvalidAppend, match="snapshot of stream 'a' would not be loaded"):
            await store.save_snapshot(snapshot_at(0, of=state))

    assert await store.load_snapshot("a") is None


async def test_a_snapshot_of_any_depth_is_saved_or_refused(store: SQLiteEventStore) -> None:
    async def save_ever_deeper() -> None:
        for depth in range(50, 2000, 50):
            snapshot = snapshot_at(0, of=nested(depth))
            await store.save_snapshot(snapshot)
            assert await store.load_snapshot("a") == snapshot

    with pytest.raises(InvalidAppend, match="snapshot of stream 'a' cannot be stored"):
        await save_ever_deeper()


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


async def test_a_clock_without_an_offset_is_refused_in_words(path: Path) -> None:
    async with open_sqlite_store(path, clock=datetime.now) as store:
        with pytest.raises(ValueError, match="time without an offset; give the store clock="):
            await store.append("a", counted(1))

        assert await store.head() == 0


async def test_a_clock_that_tells_no_time_is_named(path: Path) -> None:
    beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
    for said, error, words in (
        (1.5, TypeError, r"the clock of this store says 1.5, which is no datetime; give the store"),
        (beyond, ValueError, r"the clock of this store says .*9999.*, which is no time in UTC"),
    ):
        told: Any = said
        async with open_sqlite_store(path, clock=lambda told=told: told) as store:
            with pytest.raises(error, match=words):
                await soon(store.append("a", counted(1)))


@pytest.mark.parametrize(
    "error", [OverflowError("leap"), FileNotFoundError("clock"), LookupError()]
)
async def test_what_a_clock_raises_is_told_as_it_is(path: Path, error: Exception) -> None:
    def clock() -> datetime:
        raise error

    async with open_sqlite_store(path, clock=clock) as store:
        with pytest.raises(type(error)) as caught:
            await soon(store.append("a", counted(1)))
        await store.save_snapshot(snapshot_at(0))

    assert caught.value is error
    assert "the clock of this store raised it" in error.__notes__


async def test_a_clock_before_1970_is_a_clock(path: Path) -> None:
    for time in (datetime(1969, 7, 20, tzinfo=UTC), datetime(1969, 7, 21, tzinfo=UTC)):
        async with open_sqlite_store(path, clock=lambda time=time: time) as store:
            await store.append("a", counted(1))

            assert (await log_of(store))[-1].recorded_at == time


async def test_who_waits_while_another_thread_closes_the_store_is_told_that_it_is_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_store(path) as store:
        check = Database.check_present

        def close_first(database: Database) -> None:
            monkeypatch.undo()
            store.close()
            check(database)

        monkeypatch.setattr(Database, "check_present", close_first)
        with pytest.raises(StoreClosed, match="it is closed"):
            await store.wait_for_events(5, 0)


class Oversleeping(BaseException):
    def __init__(self, *, minutes: int) -> None:
        super().__init__(f"{minutes} minutes")


async def test_a_clock_that_has_run_out_is_told_to_all_that_wait(path: Path) -> None:
    times = iter([NOON])
    async with open_sqlite_store(path, clock=lambda: next(times)) as store:
        await store.append("a", counted(1))
        late = [store.append("a", counted(each)) for each in range(3)]
        outcomes = await soon(asyncio.gather(*late, return_exceptions=True))

        assert [type(each) for each in outcomes] == [RuntimeError] * 3
        assert "the clock of this store raised StopIteration" in str(outcomes[0])


async def test_one_bad_snapshot_keeps_no_append_from_being_written(
    store: SQLiteEventStore,
) -> None:
    bad: Any = replace(snapshot_at(0), aggregate_type=None)
    outcomes = await asyncio.gather(
        store.append("a", counted(1)),
        store.save_snapshot(bad),
        store.append("b", counted(2)),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes] == [AppendResult, InvalidAppend, AppendResult]


@pytest.mark.parametrize("how", ["deleted", "replaced"])
@pytest.mark.parametrize("name", ["events.db-wal", "events.db-shm"])
async def test_nothing_is_answered_that_went_into_a_log_which_is_gone(
    store: SQLiteEventStore, path: Path, name: str, how: str
) -> None:
    await store.append("a", counted(1))
    log = path.with_name(name)
    log.rename(path.with_name("moved"))
    if how == "replaced":
        shutil.copy(path.with_name("moved"), log)
    for refused in (store.append("a", counted(2)), store.load("a"), store.wait_for_events(5, 0)):
        with pytest.raises(StoreUnavailable, match=rf"{name} was .*{how}.*Nothing but SQL"):
            await refused

    path.with_name("moved").rename(log)
    assert (await store.append("a", counted(2), expected_version=0)).last_version == 1


async def test_a_log_that_goes_away_during_the_commit_answers_nothing(
    store: SQLiteEventStore, path: Path
) -> None:
    log = path.with_name("events.db-wal")

    def remove(statement: str) -> None:
        if statement == "COMMIT":
            log.rename(path.with_name("moved"))

    store._writer._connection.set_trace_callback(remove)
    with pytest.raises(StoreUnavailable, match=r"events.db-wal was .*repeat what was not answered"):
        await store.append("a", counted(1))

    store._writer._connection.set_trace_callback(None)
    path.with_name("moved").rename(log)


async def test_many_threads_may_look_for_events_at_once(store: SQLiteEventStore) -> None:
    stop = threading.Event()

    async def look() -> None:
        while not stop.is_set():
            await store.wait_for_events(10**9, 0)

    with ThreadPoolExecutor(3) as threads:
        lookers = [threads.submit(asyncio.run, look()) for _ in range(3)]
        for _ in range(200):
            position = (await store.append("a", counted(1))).last_position
            assert await store.wait_for_events(position - 1, 0), "its own append was not seen"
        stop.set()
        for looker in lookers:
            looker.result(LONG)


async def test_a_clock_that_breaks_does_not_stop_the_writer(path: Path) -> None:
    broken = [True]

    def clock() -> datetime:
        if broken:
            raise Oversleeping(minutes=broken.pop() * 5)
        return NOON

    async with open_sqlite_store(path, clock=clock) as store:
        with pytest.raises(Oversleeping, match="5 minutes"):
            await soon(store.append("a", counted(1)))

        assert await soon(store.append("a", counted(1))) == AppendResult(0, 1, 1)


async def test_time_does_not_go_back_when_the_store_is_opened_again(
    path: Path, clock: HandClock
) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(1))
    async with open_sqlite_store(path, clock=clock) as store:  # it is set to the past
        await store.append("a", counted(2))
        first, second = await log_of(store)

    assert first.recorded_at == second.recorded_at > clock()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def test_a_store_cannot_be_pickled(store: SQLiteEventStore, path: Path) -> None:
    with pytest.raises(TypeError, match=f"{path} cannot be sent to another process; send the path"):
        pickle.dumps(store)


CALLS: list[tuple[str, Any]] = [
    ("append", ("a", [])),
    ("read", ("a",)),
    ("read_all", ()),
    ("head", ()),
    ("count_after", (0,)),
    ("streams", ()),
    ("save_snapshot", (snapshot_at(0),)),
    ("load_snapshot", ("a",)),
    ("wait_for_events", (0, 0)),
]


async def test_after_a_fork_the_child_is_told_how_to_start_processes(
    store: SQLiteEventStore, path: Path
) -> None:
    await store.append("a", counted(1))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # nothing of this may return into pytest
        try:
            told = [_told(store, method, arguments) for method, arguments in CALLS]
            os.write(writer, "\n".join(told).encode())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(writer)
    with os.fdopen(reader) as answers:
        told = answers.read().splitlines()
    os.waitpid(child, 0)  # noqa: ASYNC222 - it has answered and ends now

    assert len(told) == len(CALLS)
    for each in told:
        assert each.startswith("StoreClosed")
        assert f"process {os.getpid()} opened it, and this is process {child}; start" in each
    assert (await store.append("a", counted(2), expected_version=0)).last_version == 1


def _told(store: SQLiteEventStore, method: str, arguments: Any) -> str:
    try:
        getattr(store, method)(*arguments).send(None)
    except BaseException as error:  # noqa: BLE001 - it is what is asked for
        return f"{type(error).__name__} {error}"
    return "it waits"


@pytest.mark.parametrize(("method", "arguments"), CALLS)
async def test_after_its_end_it_says_that_it_is_closed(
    path: Path, method: str, arguments: Any
) -> None:
    async with open_sqlite_store(path) as store:
        pass
    with pytest.raises(StoreClosed, match="closed; use it inside `async with open_sqlite_store"):
        await getattr(store, method)(*arguments)

    assert isinstance(store.store_id, str)


def test_the_errors_of_a_storage_survive_pickling() -> None:
    for cls in (StorageError, *StorageError.__subclasses__()):
        error = pickle.loads(pickle.dumps(cls("a.db", "the disk is full")))  # noqa: S301 - ours

        assert (type(error), str(error)) == (cls, "event store a.db: the disk is full")
