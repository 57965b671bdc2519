"""A projection with SQL of its own on SQLite, beside its bare statements and `eventsourcing`."""

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from measure import Work
from messages import Deposited
from sqlite_events import FEW, MANY, PAGE, appended, empty, peer

from orchestrix.eventsourcing import ProjectionContext, ProjectionEngine
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store

TABLE = "CREATE TABLE balances (account PRIMARY KEY, amount)"
MOVE = """
    INSERT INTO balances VALUES (?, ?)
    ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount"""
CHECKPOINT = "UPDATE projections SET last_processed_position = ? WHERE projection_id = 'balances'"


def works() -> list[Work]:
    """What is measured here."""
    found = [
        Work(
            f"SQLite projection, own SQL, batches of {size}",
            count := FEW if size == 1 else MANY,
            _projected(size, count),
            _executed(size, count),
            0.4 if size == PAGE else None,
        )
        for size in (1, 10, 100, 1000, 10_000)
    ]
    if find_spec("eventsourcing") is not None:
        name = "SQLite projection, own SQL, beside eventsourcing 9.5.6"
        theirs = peer([sys.executable], "project", str(FEW))
        found.append(Work(name, FEW, _projected(PAGE, FEW), theirs, 20))
    return found


def _projected(size: int, count: int) -> Callable[[], float]:
    async def run(file: Path) -> float:
        async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
            await appended(PAGE, count)(store)
            engine = _engine(ProjectionEngine("balances", states))
            began = perf_counter()
            position, at_end = 0, False
            while not at_end:
                page = await store.read_all(after_position=position, limit=size)
                await engine.process_events(page)
                position, at_end = page.last_position, page.at_end
            return perf_counter() - began

    def projected() -> float:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "events.db"
            with closing(sqlite3.connect(empty(file))) as connection:
                connection.execute(TABLE)
            return asyncio.run(run(file))

    return projected


def _engine(engine: ProjectionEngine) -> ProjectionEngine:
    @engine.on(Deposited)
    async def move(event: Deposited, context: ProjectionContext) -> None:
        context.transaction.execute(MOVE, (event.account_id, event.amount))

    return engine


def _executed(size: int, count: int) -> Callable[[], float]:
    """Issue the same statements and nothing else: no events are read, no engine runs."""

    def execute() -> float:
        with tempfile.TemporaryDirectory() as folder:
            file = empty(Path(folder) / "events.db")
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                connection.execute(TABLE)
                began = perf_counter()
                for start in range(0, count, size):
                    connection.execute("BEGIN IMMEDIATE")
                    for at in range(start, min(start + size, count)):
                        connection.execute(MOVE, (f"account-{at % 100}", at))
                    connection.execute(CHECKPOINT, (start + size,))
                    connection.execute("COMMIT")
                return perf_counter() - began

    return execute
