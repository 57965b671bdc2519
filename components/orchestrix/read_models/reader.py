"""Reading a table's committed rows, outside of batches."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from orchestrix.read_models.declaration import TableDeclaration
from orchestrix.read_models.question import question
from orchestrix.read_models.table_rows import TableRows

RowT = TypeVar("RowT")


class TableReader(Generic[RowT]):
    """Reads the committed rows of one table; each call returns objects of its own.

    Made by a store's ``table(...)``. A table that was never written has no rows.

    Args:
        table: The declaration.
        rows: The store's committed rows.
    """

    def __init__(self, table: TableDeclaration[RowT], rows: TableRows) -> None:
        self._table = table
        self._rows = rows

    async def get(self, *key: Any) -> RowT | None:
        """Return the row with this key, a value for each of its columns; None: there is none.

        Raises:
            SchemaChanged: The stored table has another shape.
            UnreadableRow: What is stored does not fit the row class.
        """
        found = await self._rows.load(self._table.definition, [self._table.codec.key(key)])
        return self._table.codec.decode(found[0]) if found else None

    async def query(
        self,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        after: Any = None,
    ) -> list[RowT]:
        """Return rows, ordered by key; see :meth:`orchestrix.read_models.Table.query`."""
        definition, codec = self._table.definition, self._table.codec
        asked = question(definition, codec, where, limit, after)
        return [codec.decode(each) for each in await self._rows.find(definition, *asked)]

    async def count(self) -> int:
        """Return how many rows there are."""
        return await self._rows.count(self._table.definition)
