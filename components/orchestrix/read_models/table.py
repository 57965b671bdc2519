"""A declared table: what handlers read and write, wherever it is kept."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from orchestrix.eventsourcing import ReadModel
from orchestrix.messaging import Event
from orchestrix.projection_state import ProjectionStateStore
from orchestrix.read_models.declaration import TableDeclaration
from orchestrix.read_models.errors import NoBatch, NoTableStore
from orchestrix.read_models.open_table import Batch, OpenTable
from orchestrix.read_models.prefetch import KeyFunction
from orchestrix.read_models.question import question
from orchestrix.read_models.storage import TableStore

RowT = TypeVar("RowT")


class Table(TableDeclaration[RowT], ReadModel):
    """A table of typed rows that a projection writes, declared once, at the top of a module.

    It holds nothing itself: in the handlers of an engine that declares it in ``tables=[...]`` it
    stands for that engine's table, in the batch that is under way. Rows are loaded once for a
    batch, shared by its handlers, changed in place or put, and written at the batch's end when
    their stored form has changed. A row is good until its handler returns; later handlers get it
    again. Elsewhere read with ``store.table(...)``.

    Columns hold str, int of 64 bits, float, bool, bytes, Decimal, datetime with an offset (which
    comes back in UTC), date, UUID, Enum (by value where all values are str or all are int, else by
    name) and each of these or None; anything else that msgspec carries is stored as JSON text,
    with sets, and dicts beside them, sorted. Rows are read back by calling the class, so that its
    ``__post_init__`` runs; defaults made by a factory are made twice when the table is declared.

    Args:
        row_class: A dataclass. A frozen one is changed by :meth:`put`.
        key: The column, or columns, that tell rows apart: str, int, bool, UUID, date, datetime
            or Enum, never None.
        name: The name in the store; None: that of the class, in snake_case. At most 48 ASCII
            letters, digits and underscores.
        indexes: Columns to search by, each a column or several; the types of a key, or None.
        prefetch: Class of events, subclasses included -> function of the event that returns the
            key its handlers will ask for (for several columns a tuple), an iterable of keys, or
            None. The rows of a whole slice are then loaded at once.
        cached_rows: The most rows kept in memory between two slices of a batch, and from batch to
            batch, at least 1.

    Raises:
        TableDeclarationError: No store could keep such a table.
    """

    def __init__(
        self,
        row_class: type[RowT],
        *,
        key: str | Sequence[str],
        name: str | None = None,
        indexes: Sequence[str | Sequence[str]] = (),
        prefetch: Mapping[type[Event], KeyFunction] | None = None,
        cached_rows: int = 10_000,
    ) -> None:
        super().__init__(
            row_class,
            key=key,
            name=name,
            indexes=indexes,
            prefetch=prefetch,
            cached_rows=cached_rows,
        )
        self._batches: ContextVar[Batch[RowT] | None] = ContextVar(self.name, default=None)

    async def get(self, *key: Any) -> RowT | None:
        """Return the row with this key, a value for each of its columns; None: there is none.

        The same object for everybody who asks in this batch.

        Raises:
            NoBatch: No batch is under way here.
            QueryError: Another number of values than the key has columns.
            RowError: A value of the wrong type.
            UnreadableRow: What is stored does not fit the row class.
            SchemaChanged: The stored table has another shape.
            TableTaken: It belongs to another projection.
            CrossSegmentWrite: An event of another segment key changed this row.
        """
        batch = self._batch()
        row = await batch.table.get(self.codec.key(key))
        if not batch.is_open:  # it ended while we waited
            raise NoBatch(self.name)
        return row

    def put(self, row: RowT) -> None:
        """Let `row` be the row with its key, in place of an older one.

        Its key is looked at now, its other values at the batch's end.

        Raises:
            NoBatch: No batch is under way here.
            RowError: Not a row of this table, or its key cannot be stored.
            CrossSegmentWrite: The row belongs to another segment key; also at the batch's end,
                for a row that was not read before.
        """
        self._batch().table.put(row)

    def delete(self, *key: Any) -> None:
        """Delete the row with this key, if there is one. Raises as :meth:`get` and :meth:`put`."""
        self._batch().table.delete(self.codec.key(key))

    async def query(
        self,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        after: Any = None,
    ) -> list[RowT]:
        """Return the rows whose columns have these values, ordered by key.

        They are those of the batch, with all that its handlers have changed, which is written for
        that: each call looks at every row in use.

        Args:
            where: Column -> value, for the first columns of the key or of an index; None or
                empty: all rows.
            limit: The most rows to return, at least 0; None: all.
            after: Only rows with a greater key (exclusive): a value, or a tuple for several
                columns.

        Raises:
            QueryError: Columns that are not declared for that, or a limit or key that is none.
            Exception: As :meth:`get`.
        """
        batch = self._batch()
        asked = question(self.definition, self.codec, where, limit, after)
        rows = await batch.table.query(asked)
        if not batch.is_open:  # it ended while we waited
            raise NoBatch(self.name)
        return rows

    def opened(self, projection_id: str, state_store: ProjectionStateStore) -> OpenTable[RowT]:
        if not isinstance(state_store, TableStore):
            raise NoTableStore(self.name, type(state_store).__qualname__)
        return OpenTable(self, projection_id, self._batches)

    def _batch(self) -> Batch[RowT]:
        batch = self._batches.get()
        if batch is None or not batch.is_open:
            raise NoBatch(self.name)
        return batch

    def __repr__(self) -> str:
        return f"Table({self.row_class.__qualname__}, name={self.name!r})"
