"""Tables in this process's memory, and what a transaction is about to change in one."""

import heapq
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from orchestrix.read_models import (
    Plain,
    SchemaChanged,
    StoredKey,
    StoredRow,
    TableDefinition,
    schema_change,
)


class MemoryTable:
    """Committed rows of one table.

    Attributes:
        definition: Its shape.
        projection_id: Who writes it.
        rows: Key -> row.
    """

    def __init__(self, definition: TableDefinition, projection_id: str) -> None:
        self.definition = definition
        self.projection_id = projection_id
        self.rows: dict[StoredKey, StoredRow] = {}
        self._keys: list[StoredKey] | None = None

    def keys(self) -> list[StoredKey]:
        """Return all keys in their order, and perhaps some of rows that were deleted."""
        if self._keys is None:
            self._keys = sorted(self.rows)  # pyright: ignore[reportArgumentType] - values of one column are of one type
        return self._keys

    def change(self, changes: Mapping[StoredKey, StoredRow | None]) -> None:
        """Put rows, and delete those of keys without one."""
        for key, row in changes.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                if key not in self.rows:
                    self._keys = None
                self.rows[key] = row

    def reshaped(self, definition: TableDefinition) -> "MemoryTable":
        """Return this table in another shape, of which it may be an older one.

        Raises:
            SchemaChanged: It may not.
        """
        stored = self.definition
        if stored == definition:
            return self
        change = schema_change(stored, definition)
        if change.relation == "changed":
            raise SchemaChanged(definition.name, change.differences)
        places = {each.name: place for place, each in enumerate(stored.columns)}
        defaults = {each.name: each.default[0] for each in change.added}
        table = MemoryTable(definition, self.projection_id)
        for key, row in self.rows.items():
            values = (
                row[places[each.name]] if each.name in places else defaults[each.name]
                for each in definition.columns
            )
            table.rows[key] = (*values, row[-1])
        return table


class TableChanges:
    """A table as a transaction sees it: the committed rows, and what it has changed.

    Attributes:
        base: The table that is changed.
        replaces: Whether `base` was made in this transaction, in place of the committed table.
        changes: Key -> row, None where it is deleted.
    """

    def __init__(self, base: MemoryTable, *, replaces: bool) -> None:
        self.base = base
        self.replaces = replaces
        self.changes: dict[StoredKey, StoredRow | None] = {}

    def load(self, keys: Collection[StoredKey]) -> list[StoredRow]:
        """Return the rows of those keys that there are."""
        found = (self._row(each) for each in keys)
        return [each for each in found if each is not None]

    def find(
        self, where: Mapping[str, Plain], after: StoredKey | None, limit: int | None
    ) -> list[StoredRow]:
        """Return rows in the order of their keys; see ``TableRows.find``."""
        names = [each.name for each in self.base.definition.columns]
        wanted = [(names.index(name), value) for name, value in where.items()]
        rows = (self._row(each) for each in self._keys_after(after))
        matching = (
            row
            for row in rows
            if row is not None and all(row[place] == value for place, value in wanted)
        )
        return list(islice(matching, limit))

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(1 for each in self._keys_after(None) if self._row(each) is not None)

    def write(self, rows: Sequence[StoredRow], gone: Collection[StoredKey]) -> None:
        """Delete and put rows."""
        self.changes |= dict.fromkeys(gone)
        places = [
            [each.name for each in self.base.definition.columns].index(name)
            for name in self.base.definition.key
        ]
        for row in rows:
            self.changes[tuple([row[place] for place in places])] = row

    def _row(self, key: StoredKey) -> StoredRow | None:
        return self.changes[key] if key in self.changes else self.base.rows.get(key)

    def _keys_after(self, after: StoredKey | None) -> Iterator[StoredKey]:
        keys, rows = self.base.keys(), self.base.rows
        start = 0 if after is None else bisect_right(keys, after)  # pyright: ignore[reportArgumentType, reportCallIssue] - values of one column are of one type
        new = (key for key in self.changes if key not in rows)
        later = sorted(key for key in new if after is None or key > after)  # pyright: ignore[reportOperatorIssue, reportArgumentType] - the same
        return heapq.merge((key for key in keys[start:] if key in rows), later)  # pyright: ignore[reportArgumentType] - the same
