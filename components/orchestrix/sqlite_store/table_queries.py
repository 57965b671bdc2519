"""Reading the rows of one table."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Protocol

from orchestrix.read_models import Plain, StoredKey, StoredRow, TableDefinition
from orchestrix.sqlite_store.row_groups import groups
from orchestrix.sqlite_store.table_names import SEGMENT_KEY, listed, quoted

_MOST = 2**62
"""What stands for no limit: SQLite counts to 2**63 - 1."""


class Queries(Protocol):
    """The questions of ``TableRows``, asked on a connection."""

    def load(
        self, connection: sqlite3.Connection, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        """Return the rows of `keys`."""
        ...

    def find(
        self,
        connection: sqlite3.Connection,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        """Return rows in the order of their keys."""
        ...

    def count(self, connection: sqlite3.Connection) -> int:
        """Return how many rows there are."""
        ...


class TableQueries(Queries):
    """The rows of a stored table in the shape of `declared`.

    Args:
        declared: The columns to return.
        table: The table's name in the file.
        stored: Names of the columns that it has; the others are read as their defaults.
    """

    def __init__(self, declared: TableDefinition, table: str, stored: Collection[str]) -> None:
        self._key = declared.key
        self._missing = {
            each.name: each.default[0] for each in declared.columns if each.name not in stored
        }
        columns = (*(self._source(each.name) for each in declared.columns), _of(SEGMENT_KEY))
        self._columns = ", ".join(columns)
        self._table = f"main.{quoted(table)} AS r"
        self._loadings: dict[int, str] = {}

    def load(
        self, connection: sqlite3.Connection, keys: Collection[StoredKey]
    ) -> Sequence[StoredRow]:
        found: list[StoredRow] = []
        most = connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) - len(self._missing)
        for group in groups(tuple(keys), len(self._key), most):
            values = (*chain.from_iterable(group), *self._missing.values())
            size = len(group)
            statement = self._loadings.get(size)
            if statement is None:
                statement = self._loadings[size] = self._loading(size)
            found += connection.execute(statement, values).fetchall()
        return found

    def find(
        self,
        connection: sqlite3.Connection,
        where: Mapping[str, Plain],
        after: StoredKey | None,
        limit: int | None,
    ) -> Sequence[StoredRow]:
        values, tests = [*self._missing.values()], list[str]()
        for name, value in where.items():
            tests.append(f"{self._source(name)} {'IS' if value is None else '='} ?")
            values += [self._missing[name]] if name in self._missing else []
            values.append(value)
        if after is not None:
            tests.append(f"({listed(self._key, 'r.')}) > ({_places(len(self._key))})")
            values += after
        chosen = f" WHERE {' AND '.join(tests)}" if tests else ""
        statement = (
            f"SELECT {self._columns} FROM {self._table}{chosen} "  # noqa: S608 - names are quoted
            f"ORDER BY {listed(self._key, 'r.')} LIMIT ?"
        )
        most = _MOST if limit is None else min(limit, _MOST)
        return connection.execute(statement, (*values, most)).fetchall()

    def count(self, connection: sqlite3.Connection) -> int:
        (count,) = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()  # noqa: S608 - names are quoted
        return count

    def _source(self, name: str) -> str:
        return "?" if name in self._missing else _of(name)

    def _loading(self, size: int) -> str:
        width = len(self._key)
        names = ", ".join(f"k{place}" for place in range(width))
        rows = ", ".join([f"({_places(width)})"] * size)
        same = " AND ".join(f"{_of(name)} = k.k{place}" for place, name in enumerate(self._key))
        # CROSS JOIN: SQLite searches for one key after the other, whatever it estimates.
        return (
            f"WITH k ({names}) AS (VALUES {rows}) "  # noqa: S608 - names are quoted
            f"SELECT {self._columns} FROM k CROSS JOIN {self._table} ON {same}"
        )


class NoRows(Queries):
    """A table that is not stored, or is to be emptied."""

    def load(self, connection: object, keys: object) -> Sequence[StoredRow]:  # noqa: ARG002 - see there
        return []

    def find(
        self,
        connection: object,  # noqa: ARG002 - see there
        where: object,  # noqa: ARG002 - see there
        after: object,  # noqa: ARG002 - see there
        limit: object,  # noqa: ARG002 - see there
    ) -> Sequence[StoredRow]:
        return []

    def count(self, connection: object) -> int:  # noqa: ARG002 - see there
        return 0


def _of(name: str) -> str:
    return f"r.{quoted(name)}"


def _places(count: int) -> str:
    return ", ".join("?" * count)
