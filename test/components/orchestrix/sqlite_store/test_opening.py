"""What is opened: new files, old files, and files that are no event store."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import InvalidRange, StorageError, StoreUnavailable, StoreUnusable
from orchestrix.sqlite_store import (
    SQLiteEventStore,
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
    sql,
)
from orchestrix.sqlite_store.connection import Connection
from orchestrix.testing.conformance.event_store import counted, log_of, snapshot_at
from orchestrix.testing.conformance.waiting import soon, until, waiting

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


async def filled(path: Path, count: int = 3) -> str:
    """Make a store with some events; return which it is."""
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(*range(count)))
        return store.store_id


async def refusal(path: Path | str, **options: Any) -> StorageError:
    """Open what must be refused; return how."""
    before = _bytes_of(Path(path))
    with pytest.raises(StorageError) as caught:
        async with open_sqlite_store(path, **options):
            pass

    assert _bytes_of(Path(path)) == before, "it was changed"
    assert str(caught.value).startswith(f"event store {Path(path).absolute()}: ")
    return caught.value


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (OSError, ValueError):  # a name that no file can have
        return None


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def without_privileges() -> Generator[None, None, None]:
    """Root may write everywhere, so be somebody else meanwhile."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


async def test_a_store_opened_again_is_the_same_store(path: Path) -> None:
    first = await filled(path)

    assert await filled(path.with_name("other.db")) != first
    async with open_sqlite_store(str(path)) as store:
        assert store.store_id == first
        assert len(await store.load("a")) == 3


async def test_a_copied_backup_is_the_same_log(path: Path) -> None:
    first = await filled(path)
    shutil.copy(path, path.with_name("backup.db"))

    async with open_sqlite_store(path.with_name("backup.db")) as store:
        assert store.store_id == first


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    await filled(path)


async def test_a_file_begun_and_left_becomes_a_store(path: Path) -> None:
    execute(path, "PRAGMA journal_mode = WAL")
    assert path.stat().st_size

    await filled(path)


async def test_the_path_may_be_relative(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    async with open_sqlite_store(path.name) as store:
        monkeypatch.chdir("/")
        await store.append("a", counted(1))

    assert path.exists()


@pytest.mark.parametrize("name", ["a b.db", "ä?#%41.db", "file:x?mode=ro", "'", "-"])
async def test_the_path_may_have_any_name(tmp_path: Path, name: str) -> None:
    await filled(tmp_path / name)

    assert (tmp_path / name).exists()


async def test_the_newest_events_may_still_be_in_the_write_ahead_log(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(1, 2, 3))
        left = path.with_name("left")
        left.mkdir()
        for name in ("events.db", "events.db-wal"):
            shutil.copy(path.with_name(name), left)

    async with open_sqlite_store(left / "events.db") as store:
        assert len(await store.load("a")) == 3
        await store.append("a", counted(4), expected_version=2)


async def test_a_write_ahead_log_without_its_file_is_not_thrown_away(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(1))
        alone = path.with_name("alone.db")
        shutil.copy(path.with_name("events.db-wal"), alone.with_name("alone.db-wal"))
    error = await refusal(alone)

    assert isinstance(error, StoreUnusable)
    assert "newest events are here in alone.db-wal; bring both together" in error.problem
    assert alone.with_name("alone.db-wal").stat().st_size
    assert not alone.exists()


async def test_a_write_ahead_log_beside_an_empty_file_is_not_thrown_away(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("a", counted(1))
        left = path.with_name("left.db-wal")
        shutil.copy(path.with_name("events.db-wal"), left)
    path.with_name("left.db").touch()
    error = await refusal(path.with_name("left.db"))

    assert isinstance(error, StoreUnusable)
    assert "the file is empty, but its newest events are here in left.db-wal" in error.problem
    assert left.stat().st_size


async def test_a_file_with_two_names_is_refused_since_each_would_have_a_log(path: Path) -> None:
    first = await filled(path)
    path.with_name("hard.db").hardlink_to(path)
    for name in ("events.db", "hard.db"):
        error = await refusal(path.with_name(name))

        assert isinstance(error, StoreUnusable)
        assert "2 names (hard links), and SQLite would keep a log for each" in error.problem
    path.with_name("hard.db").unlink()
    assert await filled(path) == first


async def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    for name in (path, Path(os.devnull)):
        with pytest.raises(StoreUnusable, match="this is a device, a pipe or a socket"):
            await soon(filled(name))


async def test_links_that_lead_in_a_circle_are_refused(path: Path) -> None:
    path.symlink_to(path.with_name("other.db"))
    path.with_name("other.db").symlink_to(path)
    for name in (path, path / "events.db"):
        error = await refusal(name)

        assert isinstance(error, StoreUnavailable)
        assert "symbolic links" in error.problem


async def test_a_relative_path_in_a_folder_that_is_gone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for opened in (open_sqlite_store, open_sqlite_projections):
        with pytest.raises(StoreUnavailable, match=r"event store events.db: No such file"):
            async with opened("events.db"):
                pass


async def test_a_link_leads_to_the_store_and_its_newest_events(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    first = await filled(link)
    async with open_sqlite_store(path) as store:
        assert store.store_id == first
        await store.append("b", counted(1))
        shutil.copy(path.with_name("events.db-wal"), path.with_name("left"))
    path.unlink()
    path.with_name("left").rename(path.with_name("events.db-wal"))
    with pytest.raises(StoreUnusable, match=r"newest events are here in events.db-wal"):
        await filled(link)


async def test_another_applications_log_is_left_alone(path: Path) -> None:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode = WAL", "CREATE TABLE users (name)"):
            connection.execute(statement)
        for name in ("other.db", "other.db-wal"):
            shutil.copy(path.with_name(name), path.with_name(name.replace("other", "events")))
    log = path.with_name("events.db-wal")
    before = log.read_bytes()
    error = await refusal(path)

    assert "another application's database (it has users)" in error.problem
    assert log.read_bytes() == before


async def test_what_a_crash_left_half_written_is_taken_back_before_it_is_looked_at(
    path: Path,
) -> None:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE users (name)")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO users VALUES (?)", [("x" * 1000,)] * 1000)
        for name in ("other.db", "other.db-journal"):
            shutil.copy(path.with_name(name), path.with_name(name.replace("other", "events")))
    with pytest.raises(StoreUnusable, match=r"another application's database \(it has users\)"):
        await filled(path)


async def test_opening_while_another_handle_closes_works(path: Path) -> None:
    async def open_and_close() -> None:
        for _ in range(15):
            async with open_sqlite_store(path) as store:
                await store.append("a", counted(1))

    await soon(asyncio.gather(*(open_and_close() for _ in range(3))))


def test_opening_that_ends_with_the_loop_leaves_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SQLiteEventStore] = []
    begin = SQLiteEventStore.__init__

    def noting(store: SQLiteEventStore, *arguments: Any) -> None:
        begin(store, *arguments)
        made.append(store)

    async def interrupted() -> None:
        asyncio.get_running_loop().create_task(open_sqlite_store(path).__aenter__())
        await asyncio.sleep(0)

    monkeypatch.setattr(SQLiteEventStore, "__init__", noting)
    asyncio.run(interrupted())  # it cancels what is left, and waits for the threads

    assert [store._closed for store in made] == [True]


@pytest.mark.parametrize("name", [":memory:", ":", "a\0b"])
async def test_a_name_that_is_no_file_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = await refusal(name)

    assert "names no file; use InMemoryEventStore" in error.problem
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_is_missing_is_named(path: Path) -> None:
    error = await refusal(path / "events.db")

    assert isinstance(error, StoreUnavailable)
    assert error.problem == f"there is no folder {path}; make it first"


async def test_a_name_that_the_file_system_refuses_is_refused_in_words(tmp_path: Path) -> None:
    error = await refusal(tmp_path / ("x" * 300))

    assert isinstance(error, StoreUnavailable)
    assert error.problem == "File name too long"


async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    error = await refusal(tmp_path)

    assert error.problem == "this is a folder; name a file in it"


@pytest.mark.parametrize("content", [b"hello", b"x" * 5000, b"\0" * 4096, b"SQLite format 3\0"])
async def test_a_file_that_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    error = await refusal(path)

    assert isinstance(error, StoreUnusable)
    assert "no SQLite database; give the store a file of its own" in error.problem


@pytest.mark.parametrize(
    "statements",
    [
        ["PRAGMA user_version = 1"],
        ["PRAGMA user_version = 2"],
        ["PRAGMA user_version = -5"],
        ["PRAGMA encoding = 'UTF-16le'", "CREATE TABLE users (name)", "DROP TABLE users"],
        ["CREATE TABLE sqlitestudio (setting)"],
    ],
)
async def test_a_database_that_shows_another_applications_hand_is_left_alone(
    path: Path, statements: list[str]
) -> None:
    execute(path, *statements)
    for _ in range(2):
        error = await refusal(path)

        assert isinstance(error, StoreUnusable)
        assert "another application's database" in error.problem


async def test_another_applications_database_is_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE users (name)", "CREATE TABLE events (position)")
    error = await refusal(path)

    assert isinstance(error, StoreUnusable)
    assert "another application's database (it has events, users)" in error.problem


async def test_a_database_marked_by_another_application_is_left_alone(path: Path) -> None:
    execute(path, "PRAGMA application_id = 7", "PRAGMA user_version = 1")
    error = await refusal(path)

    assert "another application's database; give the store a file of its own" in error.problem


async def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    await filled(path)
    execute(path, "PRAGMA user_version = 99", "PRAGMA wal_checkpoint(TRUNCATE)")
    error = await refusal(path)

    assert isinstance(error, StoreUnusable)
    known = len(sql.MIGRATIONS)
    assert f"version 99, and this program knows up to {known}; use the newer" in str(error)


async def test_a_store_without_its_identity_is_refused(path: Path) -> None:
    await filled(path)
    execute(path, "DELETE FROM store", "PRAGMA wal_checkpoint(TRUNCATE)")
    error = await refusal(path)

    assert "its table `store` is empty" in error.problem


@pytest.mark.parametrize("end", [600, 4095, 4096, 8192, 100_000, -4097, -4096, -4095, -1])
async def test_a_truncated_file_is_recognised_before_it_gives_a_wrong_answer(
    path: Path, end: int
) -> None:
    await filled(path, 2000)
    whole = path.read_bytes()
    path.write_bytes(whole[:end])

    with pytest.raises(StoreUnusable, match=r"damaged.* restore it from a backup"):
        async with open_sqlite_store(path) as store:
            await log_of(store)
    with pytest.raises(StoreUnusable, match=r"damaged.* restore it from a backup"):
        async with open_sqlite_store(path) as store:
            await store.append("b", counted(1))


async def test_a_page_that_was_overwritten_is_an_error_and_no_answer(path: Path) -> None:
    await filled(path, 2000)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 20_000)

    async with open_sqlite_store(path) as store:
        with pytest.raises(StoreUnusable, match=r"damaged.* with its -wal and -shm"):
            await log_of(store)


async def test_a_file_that_may_only_be_read_can_be_read(shared_folder: Path) -> None:
    path = shared_folder / "events.db"
    await filled(path)
    path.chmod(0o444)
    with without_privileges():
        async with open_sqlite_store(path) as store:
            assert len(await store.load("a")) == 3
            for refused in (store.append("a", counted(4)), store.save_snapshot(snapshot_at(0))):
                with pytest.raises(StoreUnavailable, match="make the file and its folder writable"):
                    await refused
    path.chmod(0o666)

    async with open_sqlite_store(path) as store:
        assert len(await store.load("a")) == 3
        await store.append("a", counted(4), expected_version=2)


async def test_a_store_in_a_folder_that_may_not_be_written_is_refused(
    shared_folder: Path,
) -> None:
    path = shared_folder / "events.db"
    await filled(path)
    path.chmod(0o666)
    shared_folder.chmod(0o555)
    with without_privileges():
        error = await refusal(path)
    shared_folder.chmod(0o777)

    assert isinstance(error, StoreUnavailable)
    assert "make the file and its folder writable" in error.problem
    async with open_sqlite_store(path) as store:
        assert len(await store.load("a")) == 3


async def test_a_new_file_in_a_folder_that_may_not_be_written_is_refused(
    shared_folder: Path,
) -> None:
    shared_folder.chmod(0o555)
    with without_privileges():
        error = await refusal(shared_folder / "new.db")

    assert isinstance(error, StoreUnavailable)
    assert list(shared_folder.iterdir()) == []


async def test_a_file_that_another_program_holds_is_busy(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("CREATE TABLE held (x)")
        error = await refusal(path, busy_timeout=0.05)
        holder.execute("ROLLBACK")

    assert isinstance(error, StoreUnavailable)
    assert "longer than busy_timeout" in error.problem
    await filled(path)


@pytest.mark.parametrize("how", ["BEGIN EXCLUSIVE", "BEGIN"])
async def test_opening_waits_for_another_process_that_makes_the_store(path: Path, how: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(how)
        other.execute("SELECT * FROM sqlite_master")
        opening = await waiting(filled(path))
        other.execute("ROLLBACK")

    await soon(opening)


async def test_a_place_that_allows_no_write_ahead_log_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stubborn(connection: Connection, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return sqlite3.Connection.execute(connection, sql.replace("= WAL", "= DELETE"), *arguments)

    path.touch()
    monkeypatch.setattr(Connection, "execute", stubborn)
    error = await refusal(path)

    assert isinstance(error, StoreUnavailable)
    assert "allows no write-ahead log (SQLite stays in mode 'delete'); use a folder on a local" in (
        error.problem
    )


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({}, (2, 1)),
        ({"synchronous": "FULL"}, (2, 1)),
        ({"synchronous": "NORMAL"}, (1, 0)),
    ],
)
async def test_a_commit_waits_for_the_disk_unless_told(
    path: Path, options: Any, waits: tuple[int, int]
) -> None:
    async with open_sqlite_store(path, **options) as store:
        writer = store._writer._connection
        found = [
            writer.execute(f"PRAGMA {name}").fetchone() for name in ("synchronous", "fullfsync")
        ]

    assert found == [(each,) for each in waits]


@pytest.mark.parametrize("bad", ["OFF", "full", None, 2])
async def test_synchronous_is_full_or_normal(path: Path, bad: Any) -> None:
    with pytest.raises(ValueError, match="'FULL' or 'NORMAL', found"):
        async with open_sqlite_store(path, synchronous=bad):
            pass
    assert not path.exists()


@pytest.mark.parametrize("bad", [-1, "5", None, float("nan")])
async def test_busy_timeout_is_a_number_of_seconds(path: Path, bad: Any) -> None:
    with pytest.raises(InvalidRange, match="busy_timeout is a number of seconds from 0 on"):
        async with open_sqlite_store(path, busy_timeout=bad):
            pass
    assert not path.exists()


@pytest.mark.parametrize(
    ("seconds", "milliseconds"), [(0, 0), (0.05, 50), (1e300, 10**9), (float("inf"), 10**9)]
)
async def test_any_other_busy_timeout_is_taken(
    path: Path, seconds: float, milliseconds: int
) -> None:
    async with open_sqlite_store(path, busy_timeout=seconds) as store:
        writer = store._writer._connection

        assert writer.execute("PRAGMA busy_timeout").fetchone() == (milliseconds,)


@pytest.mark.parametrize(
    ("opening", "cls"),
    [
        (open_sqlite_store, SQLiteEventStore),
        (open_sqlite_projections, SQLiteProjectionStateStore),
    ],
)
async def test_opening_that_is_cancelled_leaves_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, opening: Any, cls: Any
) -> None:
    closed: list[Any] = []
    close = cls.close

    def noting(store: Any) -> None:
        close(store)
        closed.append(store)

    monkeypatch.setattr(cls, "close", noting)
    opened = asyncio.create_task(opening(path).__aenter__())
    await asyncio.sleep(0)
    opened.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opened

    await until(lambda: len(closed) == 1)
    assert not path.with_name("events.db-wal").exists()
    await soon(filled(path))


def test_a_store_is_closed_when_its_block_ends_with_the_loop(path: Path) -> None:
    """At its end asyncio.run cancels every task there is."""
    stores: list[SQLiteEventStore] = []
    appended: list[asyncio.Task[Any]] = []

    async def service(begun: asyncio.Event, stop: asyncio.Event) -> None:
        async with open_sqlite_store(path) as store:
            stores.append(store)
            begun.set()
            await stop.wait()
            appended.append(asyncio.create_task(store.append("a", counted(1))))
            await asyncio.sleep(0)

    async def program(steps: int) -> None:
        begun, stop = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(service(begun, stop))
        await begun.wait()
        stop.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        assert not running.done()

    for steps in range(5):
        asyncio.run(program(steps))

        assert stores[-1]._closed
        assert not path.with_name("events.db-wal").exists()
