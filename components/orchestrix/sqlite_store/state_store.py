"""Projection state in one SQLite file, committed together with the read model beside it."""

import os
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NoReturn, TypeVar

from orchestrix.eventsourcing import checked_seconds
from orchestrix.projection_state import ProjectionState
from orchestrix.read_models import TableDeclaration, TableReader, TableStore
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.blocking import opened
from orchestrix.sqlite_store.connection import Synchronous
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.database import check_synchronous, open_database
from orchestrix.sqlite_store.managed_states import SQLiteManagedStates
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.rows import microseconds
from orchestrix.sqlite_store.state_batch import SQLiteStateBatch
from orchestrix.sqlite_store.state_rows import state_of
from orchestrix.sqlite_store.table_making import check_name
from orchestrix.sqlite_store.table_storage import CommittedRows
from orchestrix.sqlite_store.transaction import transaction

RowT = TypeVar("RowT")


class SQLiteProjectionStateStore(TableStore, SQLiteManagedStates):
    """States of projections, and read models in the same file: exactly once.

    What handlers write to tables, or with ``context.transaction``, a ``sqlite3.Connection``,
    commits with the state or not at all. Each table can be read under its name, a view, by any
    program. SQLite's write lock is taken when a handler first asks for that connection, or when
    the batch ends. The batches of one event loop wait for each other.
    Safe for kill -9 at any moment, and for several processes; each opens the file itself.

    Made by :func:`open_sqlite_projections`.
    """

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._known: dict[str, ProjectionState] = {}
        self._rows = CommittedRows(connections, {})

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        with problems_explained(self._database.path), self._connections.borrowed() as connection:
            return self._load(connection, projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        async with self.transaction(state.projection_id) as transaction:
            transaction.put(state)

    def transaction(self, projection_id: str) -> SQLiteStateBatch:
        return SQLiteStateBatch(projection_id, self._connections, self._lock, self._known)

    def table(self, table: TableDeclaration[RowT]) -> TableReader[RowT]:
        check_name(table.definition, self._database.path)
        return TableReader(table, self._rows)

    def close(self) -> None:
        """Close the file, of which batches that are open keep their connection.

        Called by :func:`open_sqlite_projections`. In a forked process nothing is done.
        """
        self._connections.close()
        self._database.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the projections in {self._database.path} cannot be sent to another process; "
            "send the path, and open it there with open_sqlite_projections"
        )

    def _load(self, connection: sqlite3.Connection, projection_id: str) -> ProjectionState | None:
        found = connection.execute(sql.STATE_REVISION, (projection_id,)).fetchone()
        known = self._known.get(projection_id)
        if known is not None and found == (known.revision, microseconds(known.updated_at)):
            return known
        with transaction(connection, "DEFERRED"):  # row and ids of one moment
            row = connection.execute(sql.LOAD_STATE, (projection_id,)).fetchone()
            ids = connection.execute(sql.EVENT_IDS, (projection_id,)).fetchall()
        if row is None:
            return None
        self._known[projection_id] = state_of(row, (each for (each,) in ids))
        return self._known[projection_id]


@asynccontextmanager
async def open_sqlite_projections(
    path: str | os.PathLike[str], *, synchronous: Synchronous = "FULL", busy_timeout: float = 5.0
) -> AsyncGenerator[SQLiteProjectionStateStore, None]:
    """Open the file `path` for projections, made when missing; close it at the end.

    It may be the file of an event store, or another.

    Args:
        path: See :func:`orchestrix.sqlite_store.open_sqlite_store`.
        synchronous: The same. With ``NORMAL`` the newest batches may be undone when the machine
            goes down: read model and checkpoint together, so they are done again.
        busy_timeout: Seconds to wait for other processes, and other threads of this one, that
            write, at least 0. The event loop stands still meanwhile.

    Raises:
        StoreUnavailable: The file cannot be reached or written.
        StoreUnusable: It is another application's, damaged, or written by a newer program.
        ValueError: `synchronous` or `busy_timeout` is none of those.
    """
    check_synchronous(synchronous)
    seconds = checked_seconds("busy_timeout", busy_timeout)

    def make() -> SQLiteProjectionStateStore:
        return SQLiteProjectionStateStore(Connections(open_database(path, synchronous, seconds)))

    store = await opened(make)
    try:
        yield store
    finally:
        store.close()
