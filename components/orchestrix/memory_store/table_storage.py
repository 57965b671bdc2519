"""Tables as one transaction sees them, and as everybody does."""

from collections.abc import Collection, Mapping, Sequence

from orchestrix.memory_store.contents import Contents
from orchestrix.memory_store.table_changes import MemoryTable, TableChanges
from orchestrix.read_models import (
    Plain,
    StoredKey,
    StoredRow,
    TableDefinition,
    TableRows,
    TableStorage,
    TableTaken,
)


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
