"""The SQLite store, beside raw `sqlite3`, `aiosqlite` and the `eventsourcing` library.

Each side writes to a file of its own on the same disk, with ``synchronous=FULL`` unless its name
says otherwise. Raw sides get rows that were made before the clock started.
"""

import asyncio
import importlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from measure import Work
from messages import Deposited

from orchestrix.messaging import Event
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_store

MANY = 20_000
FEW = 2_000
TASKS = 100
PAGE = 1000

PEER = Path(__file__).with_name("peer_eventsourcing.py")
ALPHA = "10.0.0a7"

INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
FETCH = "SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?"

Row = tuple[Any, ...]


def works() -> list[Work]:
    """What is measured here; what others do only where they are installed."""
    at_once = "SQLite append, 100 tasks at once, beside"
    alone = "SQLite append, 1 at a time,"
    return [
        _work(
            "SQLite append, 1000 per commit",
            MANY,
            _Files(appended(PAGE, MANY), _executed(PAGE, MANY)),
            goal=0.75,
        ),
        _work(
            f"{at_once} a commit each", FEW, _Files(_appended_at_once, _executed(1, FEW)), goal=8
        ),
        _work(f"{alone} FULL", FEW, _Files(appended(1, FEW), _executed(1, FEW))),
        _work(f"{alone} NORMAL", FEW, _Files(appended(1, FEW), _executed(1, FEW), "NORMAL")),
        *_reading(),
        *_beside_aiosqlite(at_once),
        *_beside_eventsourcing(),
    ]


class _Files:
    """Two ways of doing work on a new file, each a call that returns its seconds."""

    def __init__(
        self,
        ours: Callable[[SQLiteEventStore], Awaitable[float]],
        reference: Callable[[sqlite3.Connection], float],
        synchronous: Any = "FULL",
    ) -> None:
        self._ours = ours
        self._reference = reference
        self._synchronous = synchronous

    def ours(self) -> float:
        async def run(file: Path) -> float:
            async with open_sqlite_store(file, synchronous=self._synchronous) as store:
                return await self._ours(store)

        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(run(Path(folder) / "events.db"))

    def reference(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            file = empty(Path(folder) / "events.db")
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                return self._reference(connection)


def _work(name: str, count: int, files: _Files, goal: float | None = None) -> Work:
    return Work(name, count, files.ours, files.reference, goal)


def empty(file: Path) -> Path:
    """Make a store, so that the raw sides have the same schema."""

    async def make() -> None:
        async with open_sqlite_store(file):
            pass

    asyncio.run(make())
    return file


def _events(count: int) -> list[Event]:
    return [Deposited(account_id=f"account-{each % 100}", amount=each) for each in range(count)]


def _rows(count: int) -> list[Row]:
    return [
        (
            at + 1, f"account-{at // PAGE % 100}", at, event.id, event.type, 1, None,
            1_700_000_000_000_000, None, msgspec.json.encode(event).decode(),
        )
        for at, event in enumerate(_events(count))
    ]  # fmt: skip


def appended(size: int, count: int) -> Callable[[SQLiteEventStore], Awaitable[float]]:
    """Return what appends `count` events, `size` with each call."""

    async def append(store: SQLiteEventStore) -> float:
        events = _events(count)
        began = perf_counter()
        for start in range(0, count, size):
            await store.append(f"account-{start // PAGE % 100}", events[start : start + size])
        return perf_counter() - began

    return append


async def _appended_at_once(store: SQLiteEventStore) -> float:
    events = _events(FEW)

    async def append(task: int) -> None:
        for at in range(task, FEW, TASKS):
            await store.append(f"account-{task}", events[at : at + 1])

    began = perf_counter()
    await asyncio.gather(*map(append, range(TASKS)))
    return perf_counter() - began


def _executed(size: int, count: int) -> Callable[[sqlite3.Connection], float]:
    def execute(connection: sqlite3.Connection) -> float:
        rows = _rows(count)
        began = perf_counter()
        for start in range(0, count, size):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, rows[start : start + size])
            connection.execute("COMMIT")
        return perf_counter() - began

    return execute


def _reading() -> list[Work]:
    def fetch(connection: sqlite3.Connection) -> float:
        _executed(PAGE, MANY)(connection)
        _fetched(connection)  # both sides have read it once before the clock starts
        return _fetched(connection)

    return [
        _work("SQLite read_all, decoded", MANY, _Files(_read(decode=True), fetch), goal=0.35),
        _work("SQLite read_all, not decoded", MANY, _Files(_read(decode=False), fetch)),
    ]


def _read(*, decode: bool) -> Callable[[SQLiteEventStore], Awaitable[float]]:
    async def read(store: SQLiteEventStore) -> float:
        await appended(PAGE, MANY)(store)
        await read_once(store)
        return await read_once(store)

    async def read_once(store: SQLiteEventStore) -> float:
        began = perf_counter()
        position, at_end = 0, False
        while not at_end:
            page = await store.read_all(after_position=position)
            position, at_end = page.last_position, page.at_end
            if decode:
                for each in page.events:
                    _ = each.event
        return perf_counter() - began

    return read


def _fetched(connection: sqlite3.Connection) -> float:
    began = perf_counter()
    position = 0
    while rows := connection.execute(FETCH, (position, PAGE)).fetchall():
        position = rows[-1][0]
    return perf_counter() - began


def _beside_aiosqlite(name: str) -> list[Work]:
    if find_spec("aiosqlite") is None:
        return []
    aiosqlite: Any = importlib.import_module("aiosqlite")

    async def append(file: Path) -> float:
        rows = _rows(FEW)
        lock = asyncio.Lock()
        async with aiosqlite.connect(file, isolation_level=None) as connection:

            async def append_some(task: int) -> None:
                for row in rows[task::TASKS]:
                    async with lock:
                        await connection.execute("BEGIN IMMEDIATE")
                        await connection.execute(INSERT, row)
                        await connection.execute("COMMIT")

            began = perf_counter()
            await asyncio.gather(*map(append_some, range(TASKS)))
            return perf_counter() - began

    def reference() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(append(empty(Path(folder) / "events.db")))

    ours = _Files(_appended_at_once, _executed(1, 1)).ours
    return [Work(f"{name} aiosqlite", FEW, ours, reference, 15)]


def _beside_eventsourcing() -> list[Work]:
    if find_spec("eventsourcing") is None:
        return []
    works: list[Work] = []
    for version, command in _peers().items():
        for size, count in ((1, FEW), (100, MANY)):
            title = f"SQLite append, {size} per call, beside eventsourcing {version}"
            ours = _Files(appended(size, count), _executed(1, 1)).ours
            works.append(Work(title, count, ours, peer(command, "append", str(size), str(count))))
        title = f"SQLite read_all, decoded, beside eventsourcing {version}"
        ours = _Files(_read(decode=True), _executed(1, 1)).ours
        works.append(Work(title, MANY, ours, peer(command, "read", str(MANY))))
    return works


def _peers() -> dict[str, list[str]]:
    uv = os.environ.get("UV", "uv")
    with_alpha = f"eventsourcing=={ALPHA}"
    isolated = [uv, "run", "--quiet", "--isolated", "--no-project", "--with", with_alpha]
    return {"9.5.6": [sys.executable], ALPHA: [*isolated, "--with", "msgspec", "python"]}


def peer(command: Sequence[str], *arguments: str) -> Callable[[], float]:
    """Return what another library does in a process of its own."""
    return lambda: answer_of([*command, str(PEER), *arguments])[0]


def answer_of(command: Sequence[str]) -> list[float]:
    """Return the numbers that a command prints."""
    output = subprocess.check_output(command, text=True)
    return [float(word) for word in output.split()]


def bytes_per_event() -> dict[str, float]:
    """Return how large a file of many events is, for each event."""

    async def append(file: Path) -> None:
        async with open_sqlite_store(file) as store:
            await appended(PAGE, MANY)(store)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.db"
        asyncio.run(append(file))
        sizes = {"orchestrix": file.stat().st_size / MANY}
    if find_spec("eventsourcing") is not None:
        for version, command in _peers().items():
            sizes[f"eventsourcing {version}"] = answer_of([*command, str(PEER), "read", str(MANY)])[
                1
            ]
    json = sum(len(msgspec.json.encode(event)) for event in _events(100)) / 100
    return {"JSON of the event alone": json, **sizes}
