"""The ports of read models: what a store offers so that tables can live in it.

``orchestrix.testing.conformance.read_model_table`` decides when it and this prose differ.
"""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar, runtime_checkable

from orchestrix.projection_state import StateTransaction, TransactionalProjectionStateStore
from orchestrix.read_models.declaration import TableDeclaration
from orchestrix.read_models.definition import StoredKey, StoredRow, TableDefinition
from orchestrix.read_models.reader import TableReader
from orchestrix.read_models.table_rows import TableRows

RowT = TypeVar("RowT")


class TableStorage(TableRows, Protocol):
    """What one transaction of a store offers for tables; all of it commits with the state."""

    @abstractmethod
    async def open(self, definition: TableDefinition, projection_id: str) -> None:
        """Make the table if there is none, or extend the stored one to `definition`.

        Called before any other method but `empty`. Rows that are stored already get the defaults
        of columns that are added.

        Raises:
            SchemaChanged: The stored one has another shape, see ``schema_change``.
            TableTaken: It belongs to another projection.
        """
        ...

    @abstractmethod
    async def write(
        self,
        definition: TableDefinition,
        rows: Sequence[StoredRow],
        gone: Collection[StoredKey],
    ) -> None:
        """Delete the rows of the keys `gone`, where there are any, and keep `rows`.

        A row takes the place of the one with its key, segment key included. No key is twice
        among `rows`, or in both.
        """
        ...

    @abstractmethod
    async def empty(self, definition: TableDefinition, projection_id: str) -> None:
        """Make the table anew, as declared and without rows, whatever it was before.

        Raises:
            TableTaken: It belongs to another projection.
        """
        ...


class TableTransaction(StateTransaction, Protocol):
    """An open transaction of a :class:`TableStore`."""

    @property
    @abstractmethod
    def tables(self) -> TableStorage:
        """The tables, as this transaction sees them."""
        ...


@runtime_checkable
class TableStore(TransactionalProjectionStateStore, Protocol):
    """A transactional state store that keeps tables beside the states."""

    @abstractmethod
    def transaction(self, projection_id: str) -> AbstractAsyncContextManager[TableTransaction]: ...

    @abstractmethod
    def table(self, table: TableDeclaration[RowT]) -> TableReader[RowT]:
        """Return what reads the committed rows of `table`."""
        ...
