"""The port for reading a table's rows."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from orchestrix.read_models.definition import Plain, StoredKey, StoredRow, TableDefinition


class TableRows(Protocol):
    """Reads stored rows: the committed ones, or those that a transaction sees.

    Each method raises SchemaChanged where the stored table has another shape than `definition`.
    A table that is not stored has no rows, and columns that are not stored yet their defaults.
    """

    @abstractmethod
    async def load(
        self, definition: TableDefinition, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        """Return the rows of those `keys` that there are, in any order; any number of keys."""
        ...

    @abstractmethod
    async def find(
        self,
        definition: TableDefinition,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        """Return the rows in which every column of `where` has its value, ordered by key.

        Text is ordered by code points, as Python does.

        Args:
            definition: The table.
            where: None as a value: the column holds none. Empty: all rows.
            after: Only rows whose key is greater (exclusive).
            limit: The most rows to return, at least 0; None: all.
        """
        ...

    @abstractmethod
    async def count(self, definition: TableDefinition) -> int:
        """Return how many rows there are."""
        ...
