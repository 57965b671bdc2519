"""The tables of read models in one file: as a batch sees and changes them, and as committed."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from orchestrix.read_models import (
    NoBatch,
    Plain,
    RowError,
    SchemaChanged,
    StoredKey,
    StoredRow,
    TableDefinition,
    TableRows,
    TableStorage,
)
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.found_table import FoundTable, found_table
from orchestrix.sqlite_store.problems import explained
from orchestrix.sqlite_store.registered_table import registered
from orchestrix.sqlite_store.table_making import (
    check_free,
    check_name,
    check_owner,
    extend,
    make,
    remake,
)
from orchestrix.sqlite_store.table_queries import NoRows, Queries
from orchestrix.sqlite_store.table_writes import delete_rows, write_rows
from orchestrix.sqlite_store.transaction import transaction
from orchestrix.sqlite_store.write_transaction import WriteTransaction

T = TypeVar("T")

_FEW = 100
"""Keys that are looked up at once on the event loop: a thread would cost more."""


class CommittedRows(TableRows):
    """Reads committed rows, by any task or thread."""

    def __init__(self, connections: Connections, known: dict[str, FoundTable]) -> None:
        self._connections = connections
        self._known = known

    async def load(
        self, definition: TableDefinition, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        def ask(queries: Queries, connection: sqlite3.Connection) -> Sequence[StoredRow]:
            return queries.load(connection, keys)

        if len(keys) <= _FEW:
            return self._asked(definition, ask)
        return await asyncio.to_thread(self._asked, definition, ask)

    async def find(
        self,
        definition: TableDefinition,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        def ask(queries: Queries, connection: sqlite3.Connection) -> Sequence[StoredRow]:
            return queries.find(connection, where, after, limit)

        return await asyncio.to_thread(self._asked, definition, ask)

    async def count(self, definition: TableDefinition) -> int:
        def ask(queries: Queries, connection: sqlite3.Connection) -> int:
            return queries.count(connection)

        return await asyncio.to_thread(self._asked, definition, ask)

    def _asked(
        self, definition: TableDefinition, ask: Callable[[Queries, sqlite3.Connection], T]
    ) -> T:
        with (
            table_problems(definition.name, self._connections.database.path),
            self._connections.borrowed() as connection,
            transaction(connection, "DEFERRED"),
        ):
            return ask(found_table(connection, definition, self._known).queries, connection)


class SQLiteTableStorage(TableStorage):
    """The tables, as one batch sees them.

    Tables are made, extended and emptied when the batch begins to write, so that handlers which
    only read do not run inside the write lock. Nothing here waits.
    """

    def __init__(self, writing: WriteTransaction) -> None:
        self._writing = writing
        self._path = writing.database.path
        self._known: dict[str, FoundTable] = {}
        self._emptied: set[str] = set()  # names, in lower case, of tables that are to be emptied

    async def open(self, definition: TableDefinition, projection_id: str) -> None:
        check_name(definition, self._path)
        with self._reading(definition) as connection:
            if self._is_emptied(definition):
                return
            found = self._found(connection, definition, projection_id)
        if not found.is_ready:
            self._want(definition, partial(self._open, definition, projection_id))

    async def load(
        self, definition: TableDefinition, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        with self._reading(definition) as connection:
            return self._queries(connection, definition).load(connection, keys)

    async def find(
        self,
        definition: TableDefinition,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        with self._reading(definition) as connection:
            return self._queries(connection, definition).find(connection, where, after, limit)

    async def count(self, definition: TableDefinition) -> int:
        with self._reading(definition) as connection:
            return self._queries(connection, definition).count(connection)

    async def write(
        self,
        definition: TableDefinition,
        rows: Sequence[StoredRow],
        gone: Collection[StoredKey],
    ) -> None:
        self._check_open(definition)
        with table_problems(definition.name, self._path):
            self._writing.begin()
        with self._reading(definition) as connection:
            found = found_table(connection, definition, self._known)
            if found.stored is None:
                raise SchemaChanged(definition.name, ["it was made, and is gone"])
            if not found.is_ready:
                extend(connection, found.stored, definition)
            delete_rows(connection, definition, found.stored.table, gone)
            write_rows(connection, definition, found.stored.table, rows)

    async def empty(self, definition: TableDefinition, projection_id: str) -> None:
        check_name(definition, self._path)
        with self._reading(definition) as connection:
            stored = registered(connection, definition.name)
            check_owner(stored, definition.name, projection_id)
        self._emptied.add(definition.name.lower())
        self._want(definition, partial(self._empty, definition, projection_id))

    def _want(
        self, definition: TableDefinition, work: Callable[[sqlite3.Connection], None]
    ) -> None:
        with table_problems(definition.name, self._path):
            self._writing.want(work)

    def _open(
        self, definition: TableDefinition, projection_id: str, connection: sqlite3.Connection
    ) -> None:
        found = self._found(connection, definition, projection_id)
        if found.stored is None:
            make(connection, definition, projection_id, 1)
        elif not found.is_ready:
            extend(connection, found.stored, definition)

    def _empty(
        self, definition: TableDefinition, projection_id: str, connection: sqlite3.Connection
    ) -> None:
        remake(connection, definition, projection_id, self._path)
        self._emptied.discard(definition.name.lower())

    def _found(
        self, connection: sqlite3.Connection, definition: TableDefinition, projection_id: str
    ) -> FoundTable:
        """Return what is stored, or say why it is not for this projection."""
        check_owner(registered(connection, definition.name), definition.name, projection_id)
        found = found_table(connection, definition, self._known)
        if found.stored is None:
            check_free(connection, definition, self._path)
        return found

    def _queries(self, connection: sqlite3.Connection, definition: TableDefinition) -> Queries:
        if self._is_emptied(definition):
            return NoRows()
        return found_table(connection, definition, self._known).queries

    def _is_emptied(self, definition: TableDefinition) -> bool:
        return definition.name.lower() in self._emptied

    def _check_open(self, definition: TableDefinition) -> None:
        if self._writing.is_over:
            raise NoBatch(definition.name)

    @contextmanager
    def _reading(self, definition: TableDefinition) -> Generator[sqlite3.Connection, None, None]:
        self._check_open(definition)
        with table_problems(definition.name, self._path), self._writing.reading() as connection:
            yield connection


@contextmanager
def table_problems(table: str, path: Path) -> Generator[None, None, None]:
    """Turn errors of SQLite into ours.

    Raises:
        RowError: It does not take a row.
        StorageError: Anything else.
    """
    try:
        yield
    except (
        sqlite3.DataError,
        sqlite3.IntegrityError,
        OverflowError,
        UnicodeEncodeError,
    ) as error:
        problem = (
            f"SQLite does not take a value of it ({error}); a row holds up to a gigabyte, and no "
            "constraint but those of this table"
        )
        raise RowError(table, "?", None, problem) from error
    except sqlite3.Error as error:
        raise explained(path, error) from error
