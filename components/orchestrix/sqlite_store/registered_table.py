"""The tables of read models that are in the file, and what hands have changed in them."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrix.read_models import SchemaChanged, TableDefinition
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.table_names import index_names, table_name
from orchestrix.sqlite_store.table_schema import types_of, view_sql

_BY_HAND = ", which no program of ours does"


@dataclass(frozen=True, slots=True)
class RegisteredTable:
    """A row of ``read_models``.

    Attributes:
        name: The name of the view.
        projection_id: Whose it is.
        generation: Which of its tables the view shows, from 1.
        definition: JSON.
    """

    name: str
    projection_id: str
    generation: int
    definition: str

    @property
    def table(self) -> str:
        """The name of the table behind the view."""
        return table_name(self.name, self.generation)

    def defined(self) -> TableDefinition:
        """Return the definition, or raise SchemaChanged where it is none."""
        try:
            return TableDefinition.from_json(self.definition)
        except (ValueError, LookupError, TypeError) as error:
            found = f"its definition in read_models cannot be read ({error!r}){_BY_HAND}"
            raise SchemaChanged(self.name, [found]) from error


def registered(connection: sqlite3.Connection, name: str) -> RegisteredTable | None:
    """Return the table that is registered under a name in any case."""
    found = connection.execute(sql.READ_MODEL, (name,)).fetchone()
    return None if found is None else RegisteredTable(*found)


def hand_changes(
    connection: sqlite3.Connection, stored: RegisteredTable, defined: TableDefinition
) -> list[str]:
    """Return what was changed by hand in a table and its view, each as a phrase."""
    return [f"{each}{_BY_HAND}" for each in _hand_changes(connection, stored, defined)]


def lacks_indexes(
    connection: sqlite3.Connection, stored: RegisteredTable, defined: TableDefinition
) -> bool:
    """Say whether an index was dropped by hand, which is simply made again."""
    found = {name.lower() for (name,) in connection.execute(sql.INDEXES_OF, (stored.table,))}
    return any(each.lower() not in found for each in index_names(defined, stored.table))


def _hand_changes(
    connection: sqlite3.Connection, stored: RegisteredTable, defined: TableDefinition
) -> Iterator[str]:
    kind, _, _ = connection.execute(sql.OBJECT, (stored.table,)).fetchone() or ("gone", "", "")
    if kind == "table":
        yield from _changed_columns(connection, stored, defined)
    else:
        yield f"its table {stored.table} was {_became(kind)}"
    kind, _, text = connection.execute(sql.OBJECT, (stored.name,)).fetchone() or ("gone", "", "")
    if kind != "view":
        yield f"its view {stored.name} was {_became(kind)}"
    elif text != f"CREATE VIEW {view_sql(defined, stored.table)}":
        yield f"its view {stored.name} was changed"


def _changed_columns(
    connection: sqlite3.Connection, stored: RegisteredTable, defined: TableDefinition
) -> Iterator[str]:
    expected = types_of(defined)
    rows = connection.execute(sql.COLUMNS_OF, (stored.table,)).fetchall()
    found = {name: (declared, place) for name, declared, place in rows}
    for name, (declared, place) in expected.items():
        if name not in found:
            yield f"column {name!r} was dropped or renamed"
        elif found[name] != (declared, place):
            now, place_now = found[name]
            yield f"column {name!r} was made {declared}{_key(place)} and is {now}{_key(place_now)}"
    for name in found:
        if name not in expected:
            yield f"column {name!r} was added or renamed"


def _became(kind: str) -> str:
    return "dropped or renamed" if kind == "gone" else f"replaced by a {kind} of that name"


def _key(place: int) -> str:
    return f" (number {place} of the key)" if place else ""
