"""Everything that read models may raise.

* OrchestrixError
  * ReadModelError
    * TableDeclarationError  a table that no store could keep (also a TypeError and a ValueError)
    * NoTableStore           an engine's state store keeps no tables (also a ValueError)
    * NoBatch                a table was used where no batch of an engine is under way
    * QueryError             columns, key or limit that do not fit the table (also a ValueError)
    * RowError               a row, or a value in it, that cannot be stored (also a ValueError)
    * UnreadableRow          a stored row that the row class does not take
    * SchemaChanged          the stored table has another shape: replay
    * TableTaken             the table of that name belongs to another projection
    * CrossSegmentWrite      an event of one segment key writes another key's row
"""

from collections.abc import Iterable

from orchestrix.messaging import OrchestrixError


class ReadModelError(OrchestrixError):
    """A table could not do what it was asked."""


class TableDeclarationError(ReadModelError, TypeError, ValueError):
    """A table is declared in a way that no store could keep. Nothing was declared.

    Attributes:
        table: The table's name, or the row class where there is no name.
        problem: What is wrong, and what to do.
    """

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(table, problem)
        self.table = table
        self.problem = problem

    def __str__(self) -> str:
        return f"table {self.table!r}: {self.problem}"


class NoTableStore(ReadModelError, ValueError):
    """An engine declares tables, and its state store keeps none."""

    def __init__(self, table: str, found: str) -> None:
        super().__init__(table, found)
        self.table = table
        self.found = found

    def __str__(self) -> str:
        return (
            f"table {self.table!r} needs a state store that keeps tables: "
            f"open_sqlite_projections(file) or InMemoryProjections(); found {self.found}"
        )


class NoBatch(ReadModelError, RuntimeError):
    """A table was used where no batch of an engine that declares it is under way."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table

    def __str__(self) -> str:
        return (
            f"table {self.table!r} is used outside a batch; use it in a handler of an engine that "
            "declares it in tables=[...], before that batch ends, or read it with "
            "store.table(...).get(...)"
        )


class QueryError(ReadModelError, ValueError):
    """Columns, a key or a limit do not fit the table. Nothing was read or written."""

    def __init__(self, table: str, problem: str) -> None:
        super().__init__(table, problem)
        self.table = table
        self.problem = problem

    def __str__(self) -> str:
        return f"table {self.table!r}: {self.problem}"


class RowError(ReadModelError, ValueError):
    """A row, or a value in it, cannot be stored. The batch is not written.

    Attributes:
        table: The table.
        key: The row's key, as text; "?" where there is none.
        column: The column; None: the row as a whole.
        problem: What was expected and found, and what to do.
    """

    def __init__(self, table: str, key: str, column: str | None, problem: str) -> None:
        super().__init__(table, key, column, problem)
        self.table = table
        self.key = key
        self.column = column
        self.problem = problem

    def __str__(self) -> str:
        where = "" if self.column is None else f", column {self.column!r}"
        return f"table {self.table!r}, row {self.key}{where}: {self.problem}"


class UnreadableRow(ReadModelError):
    """A stored row that the row class does not take; somebody else wrote it, or other code.

    Attributes:
        table: The table.
        key: The row's key, as text.
        column: The column; None: the class itself refused the row.
        problem: What was expected and found.
    """

    def __init__(self, table: str, key: str, column: str | None, problem: str) -> None:
        super().__init__(table, key, column, problem)
        self.table = table
        self.key = key
        self.column = column
        self.problem = problem

    def __str__(self) -> str:
        where = "" if self.column is None else f", column {self.column!r}"
        return (
            f"table {self.table!r}, row {self.key}{where} cannot be read back: {self.problem}; "
            "mend the stored value, or raise the engine's version and replay"
        )


class SchemaChanged(ReadModelError):
    """The stored table has another shape than the declared one. Nothing was changed.

    Attributes:
        table: The table.
        differences: Each difference, as a phrase.
    """

    def __init__(self, table: str, differences: Iterable[str]) -> None:
        self.table = table
        self.differences = tuple(differences)
        super().__init__(table, self.differences)

    def __str__(self) -> str:
        return (
            f"table {self.table!r} is stored in another shape: {'; '.join(self.differences)}. "
            "Raise the engine's version and replay"
        )


class TableTaken(ReadModelError):
    """The table belongs to another projection. Nothing was changed."""

    def __init__(self, table: str, owner: str, projection_id: str) -> None:
        super().__init__(table, owner, projection_id)
        self.table = table
        self.owner = owner
        self.projection_id = projection_id

    def __str__(self) -> str:
        return (
            f"table {self.table!r} belongs to projection {self.owner!r}, and "
            f"{self.projection_id!r} declares one of that name; give one of them another "
            "name=..., or keep them in two stores"
        )


class CrossSegmentWrite(ReadModelError):
    """An event of one segment key wrote a row of another's. The batch is not written.

    Events of two keys may be handled by two workers at once, and one of the updates would be lost.

    Attributes:
        table: The table.
        key: The row's key, as text.
        owner: The segment key of the row's first writer.
        writer: The segment key of the event that wrote it now.
    """

    def __init__(self, table: str, key: str, owner: str, writer: str) -> None:
        super().__init__(table, key, owner, writer)
        self.table = table
        self.key = key
        self.owner = owner
        self.writer = writer

    def __str__(self) -> str:
        return (
            f"table {self.table!r}: row {self.key} belongs to segment key {self.owner!r}, and an "
            f"event of {self.writer!r} writes it; let rows be written by events of one key, or "
            "give the engine a key function that puts these events together"
        )
