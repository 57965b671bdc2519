"""Balances of accounts on SQLite, kept by projections in two ways, and what keeps them barely."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Literal

from messages import Deposited
from sqlite_logs import accounts, log_of

from orchestrix.eventsourcing import ProjectionContext, ProjectionEngine
from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.read_models import Table
from orchestrix.sqlite_store import (
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)

Synchronous = Literal["FULL", "NORMAL"]
Make = Callable[[SQLiteProjectionStateStore, str], ProjectionEngine]
"""From a state store and a name to a projection with a read model of that name."""

Rows = Iterator[Sequence[object]]
"""What the bare way writes, a row for each event."""

CHECKPOINT = "UPDATE projections SET last_processed_position = ? WHERE projection_id = 'balances'"

UPSERT = """
    INSERT INTO orchestrix_balances_1 VALUES (?, ?, ?, NULL)
    ON CONFLICT (account) DO UPDATE SET amount = excluded.amount, moves = excluded.moves"""
"""Into the table behind the view ``balances``, with the column that only the store uses."""

_numbers = count(1)


@dataclass
class Balance:
    """A row of the read model that is a table."""

    account: str
    amount: int = 0
    moves: int = 0


def with_sql(states: SQLiteProjectionStateStore, name: str) -> ProjectionEngine:
    """Return a projection that writes with SQL of its own."""
    engine = ProjectionEngine(name, states)
    statement = moving(name)
    made = False

    @engine.on(Deposited)
    async def move(event: Deposited, context: ProjectionContext) -> None:
        nonlocal made
        connection = context.transaction
        if not made:
            connection.execute(making(name))
            made = True
        connection.execute(statement, (event.account_id, event.amount))

    return engine


def with_table(
    states: SQLiteProjectionStateStore,
    name: str,
    *,
    prefetch: bool = False,
    cached_rows: int = 10_000,
) -> ProjectionEngine:
    """Return a projection that writes a declared table."""
    table = Table(
        Balance,
        key="account",
        name=name,
        prefetch={Deposited: lambda event: event.account_id} if prefetch else None,
        cached_rows=cached_rows,
    )
    engine = ProjectionEngine(name, states, tables=[table])

    @engine.on(Deposited)
    async def move(event: Deposited) -> None:
        row = await table.get(event.account_id)
        if row is None:
            table.put(row := Balance(event.account_id))
        row.amount += event.amount
        row.moves += 1

    return engine


def making(name: str) -> str:
    """Return the statement that makes the table of :func:`with_sql`."""
    return f"CREATE TABLE IF NOT EXISTS {name} (account PRIMARY KEY, amount)"


def moving(name: str) -> str:
    """Return the statement by which :func:`with_sql` moves money."""
    return (
        f"INSERT INTO {name} VALUES (?, ?) "  # noqa: S608 - ours
        "ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount"
    )


def caught_up(
    make: Make, events: int, keys: int, page_size: int = 1000, synchronous: Synchronous = "FULL"
) -> Callable[[], float]:
    """Return what lets a runner take a new projection to the head of a log, in the same file."""

    async def run(file: Path) -> float:
        async with (
            open_sqlite_store(file, synchronous=synchronous) as store,
            open_sqlite_projections(file, synchronous=synchronous) as states,
        ):
            engine = make(states, f"balances_{next(_numbers)}")
            runner = ProjectionRunner(store, [engine], page_size=page_size)
            began = perf_counter()
            await runner.catch_up()
            return perf_counter() - began

    return lambda: asyncio.run(run(log_of(events, keys)))


def executed(
    events: int, keys: int, size: int, synchronous: Synchronous = "FULL"
) -> Callable[[], float]:
    """Return what issues the statements of :func:`with_sql`: no events are read, no engine runs."""
    statement = moving("balances")

    def execute(connection: sqlite3.Connection) -> float:
        connection.execute(making("balances"))
        rows = list(zip(accounts(events, keys), range(events), strict=True))
        began = perf_counter()
        for start in range(0, events, size):
            connection.execute("BEGIN IMMEDIATE")
            for row in rows[start : start + size]:
                connection.execute(statement, row)
            connection.execute(CHECKPOINT, (start + size,))
            connection.execute("COMMIT")
        return perf_counter() - began

    return lambda: _on_a_new_file(execute, with_sql, synchronous)


def upserted(
    events: int, keys: int, size: int, synchronous: Synchronous = "FULL"
) -> Callable[[], float]:
    """Return what writes the row that each event leaves into the table of :func:`with_table`."""

    def execute(connection: sqlite3.Connection) -> float:
        rows = list(_totals(events, keys))
        began = perf_counter()
        for start in range(0, events, size):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(UPSERT, rows[start : start + size])
            connection.execute("COMMIT")
        return perf_counter() - began

    return lambda: _on_a_new_file(execute, with_table, synchronous)


def _totals(events: int, keys: int) -> Rows:
    amounts: dict[str, int] = {}
    moves: dict[str, int] = {}
    for amount, account in enumerate(accounts(events, keys)):
        amounts[account] = amounts.get(account, 0) + amount
        moves[account] = moves.get(account, 0) + 1
        yield account, amounts[account], moves[account]


def _on_a_new_file(
    work: Callable[[sqlite3.Connection], float], make: Make, synchronous: Synchronous
) -> float:
    """Do bare `work` on a file that a projection has prepared, but for its events."""

    async def prepare(file: Path) -> None:
        async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
            await ProjectionRunner(store, [make(states, "balances")]).catch_up()

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.db"
        asyncio.run(prepare(file))
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            return work(connection)
