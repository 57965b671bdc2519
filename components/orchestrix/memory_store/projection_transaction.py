"""One batch of a projection in memory: its rows and its state, committed together."""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

from orchestrix.eventsourcing import NoTransaction
from orchestrix.memory_store.table_changes import MemoryTable, TableChanges
from orchestrix.projection_state import ProjectionState, StateConflict
from orchestrix.read_models import (
    Plain,
    StoredKey,
    StoredRow,
    TableDefinition,
    TableRows,
    TableStorage,
    TableTaken,
    TableTransaction,
)


class Contents:
    """What is committed.

    Attributes:
        states: Projection id -> state.
        tables: Name in lower case -> table.
        gate: Held by whoever looks at rows or changes them.
    """

    def __init__(self) -> None:
        self.states: dict[str, ProjectionState] = {}
        self.tables: dict[str, MemoryTable] = {}
        self.gate = threading.Lock()

    def table(self, definition: TableDefinition) -> MemoryTable:
        """Return the table in the shape of `definition`, an empty one when there is none."""
        found = self.tables.get(definition.name.lower())
        return MemoryTable(definition, "") if found is None else found.reshaped(definition)


class CommittedRows(TableRows):
    """Reads what is committed."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def load(
        self, definition: TableDefinition, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        with self._contents.gate:
            return self._changes(definition).load(keys)

    async def find(
        self,
        definition: TableDefinition,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        with self._contents.gate:
            return self._changes(definition).find(where, after, limit)

    async def count(self, definition: TableDefinition) -> int:
        with self._contents.gate:
            return self._changes(definition).count()

    def _changes(self, definition: TableDefinition) -> TableChanges:
        return TableChanges(self._contents.table(definition), replaces=False)


class MemoryStorage(CommittedRows, TableStorage):
    """The tables as one transaction sees them.

    Attributes:
        changes: Name in lower case -> what it has changed.
    """

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents)
        self.changes: dict[str, TableChanges] = {}

    async def open(self, definition: TableDefinition, projection_id: str) -> None:
        self._check_owner(definition, projection_id)
        with self._contents.gate:
            changes = self._changes(definition)
            stored = self._contents.tables.get(definition.name.lower())
            if changes.base is not stored:
                changes.base.projection_id = projection_id
                changes.replaces = True
            self.changes[definition.name.lower()] = changes

    async def write(
        self,
        definition: TableDefinition,
        rows: Sequence[StoredRow],
        gone: Collection[StoredKey],
    ) -> None:
        with self._contents.gate:
            changes = self._changes(definition)
            changes.write(rows, gone)
            self.changes[definition.name.lower()] = changes

    async def empty(self, definition: TableDefinition, projection_id: str) -> None:
        self._check_owner(definition, projection_id)
        table = MemoryTable(definition, projection_id)
        self.changes[definition.name.lower()] = TableChanges(table, replaces=True)

    def commit(self) -> None:
        """Let everybody see the changes; called by who holds the gate."""
        for name, changes in self.changes.items():
            if changes.replaces:
                self._contents.tables[name] = changes.base
            changes.base.change(changes.changes)

    def check(self) -> None:
        """Check once more, now that it is to be committed, that the tables are ours."""
        for changes in self.changes.values():
            self._check_owner(changes.base.definition, changes.base.projection_id)

    def _changes(self, definition: TableDefinition) -> TableChanges:
        changes = self.changes.get(definition.name.lower())
        if changes is None:
            return super()._changes(definition)
        if changes.base.definition != definition:
            base = changes.base.reshaped(definition)
            moved = TableChanges(base, replaces=True)
            moved.changes = changes.changes
            return moved
        return changes

    def _check_owner(self, definition: TableDefinition, projection_id: str) -> None:
        stored = self._contents.tables.get(definition.name.lower())
        mine = self.changes.get(definition.name.lower())
        for owner in (stored, None if mine is None else mine.base):
            if owner is not None and owner.projection_id != projection_id:
                raise TableTaken(definition.name, owner.projection_id, projection_id)


class MemoryTransaction(TableTransaction):
    """What is saved and written here is seen by others when it commits."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._tables = MemoryStorage(contents)
        self._states: dict[str, ProjectionState] = {}
        self._expected: dict[str, int | None] = {}

    @property
    def connection(self) -> NoReturn:
        raise NoTransaction(
            "InMemoryProjections keeps tables and nothing else, so there is no connection to "
            "write with; declare a Table in the engine's tables=[...], or use "
            "open_sqlite_projections(file)"
        )

    @property
    def tables(self) -> MemoryStorage:
        return self._tables

    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        name = state.projection_id
        if name in self._states:
            self._compare(name, replacing, self._states[name].revision)
        else:
            self._check_revision(name, replacing)
            self._expected[name] = replacing
        self._states[name] = state

    def put(self, state: ProjectionState) -> None:
        """Keep `state`, whatever is stored."""
        self._states[state.projection_id] = state

    def commit(self) -> None:
        """Let everybody see all of it, or nobody anything when somebody else was faster."""
        with self._contents.gate:
            for name, replacing in self._expected.items():
                self._check_revision(name, replacing)
            self._tables.check()
            self._tables.commit()
            self._contents.states |= self._states

    def _check_revision(self, projection_id: str, replacing: int | None) -> None:
        stored = self._contents.states.get(projection_id)
        self._compare(projection_id, replacing, None if stored is None else stored.revision)

    def _compare(self, projection_id: str, replacing: int | None, found: int | None) -> None:
        if found != replacing:
            raise StateConflict(projection_id, replacing, found)
