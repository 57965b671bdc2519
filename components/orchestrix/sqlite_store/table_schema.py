"""The statements that make a table of a read model, and its view."""

from collections.abc import Iterator

from orchestrix.read_models import ColumnDefinition, Kind, Plain, TableDefinition
from orchestrix.sqlite_store.table_names import SEGMENT_KEY, listed, quoted

_TYPES: dict[Kind, str] = {
    "str": "TEXT",
    "int": "INTEGER",
    "float": "REAL",
    "bool": "INTEGER",
    "bytes": "BLOB",
    "decimal": "TEXT",
    "datetime": "TEXT",
    "date": "TEXT",
    "uuid": "TEXT",
    "json": "TEXT",
}

_LARGE = ("bytes", "json")
"""Kinds whose values may be long, which tables WITHOUT ROWID are slow with."""

_WHOLE = 2.0**53


def types_of(definition: TableDefinition) -> dict[str, tuple[str, int]]:
    """Return the columns of the stored table: the type, and the place in the key from 1, or 0."""
    places = {name: place for place, name in enumerate(definition.key, 1)}
    types = {
        each.name: (_TYPES[each.kind], places.get(each.name, 0)) for each in definition.columns
    }
    return types | {SEGMENT_KEY: ("TEXT", 0)}


def table_sql(definition: TableDefinition, table: str) -> str:
    """Return what makes the table. Only the columns of the key are NOT NULL.

    Others are checked when rows are encoded, and one that is added later must be so at once.
    """
    key = definition.key
    kinds = {each.name: each.kind for each in definition.columns}
    is_counted = len(key) == 1 and kinds[key[0]] in ("int", "bool")  # then it is the rowid
    has_rowid = is_counted or any(each in _LARGE for each in kinds.values())
    columns = ", ".join(
        f"{quoted(name)} {declared}{' NOT NULL' if place else ''}"
        for name, (declared, place) in types_of(definition).items()
    )
    options = "" if has_rowid else " WITHOUT ROWID"
    return f"CREATE TABLE main.{quoted(table)} ({columns}, PRIMARY KEY ({listed(key)})){options}"


def index_sql(definition: TableDefinition, table: str, name: str, columns: tuple[str, ...]) -> str:
    """Return what makes an index, in which rows of equal values are in the order of their keys."""
    rest = tuple(each for each in definition.key if each not in columns)
    return f"CREATE INDEX main.{quoted(name)} ON {quoted(table)} ({listed((*columns, *rest))})"


def view_sql(definition: TableDefinition, table: str) -> str:
    """Return the view as SQLite keeps it, after ``CREATE VIEW``."""
    names = [each.name for each in definition.columns]
    # Without `r.` SQLite would take the name of a missing column for a text.
    columns = listed(names, "r.")
    return f"{quoted(definition.name)} AS SELECT {columns} FROM {quoted(table)} AS r"  # noqa: S608 - names are quoted


def adding_sql(column: ColumnDefinition, table: str) -> Iterator[tuple[str, tuple[Plain, ...]]]:
    """Yield the statements that add a column with its default to the rows that there are."""
    literal = _literal(column.default[0])
    default = "" if literal is None else f" DEFAULT {literal}"
    where, name = f"main.{quoted(table)}", quoted(column.name)
    yield f"ALTER TABLE {where} ADD COLUMN {name} {_TYPES[column.kind]}{default}", ()
    if literal is None:  # this rewrites all rows
        yield f"UPDATE {where} SET {name} = ?", column.default  # noqa: S608 - names are quoted


def _literal(value: Plain) -> str | None:
    """Return a value as SQL; None where SQLite may not read it back as the very same."""
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"x'{value.hex()}'"
        case str():
            return None if "\0" in value else "'" + value.replace("'", "''") + "'"
        case float():
            return repr(value) if abs(value) < _WHOLE and value.is_integer() else None
        case int():
            return str(value)
