"""Making the tables of read models, extending them, and making them anew."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from orchestrix.read_models import (
    TableDeclarationError,
    TableDefinition,
    TableTaken,
    schema_change,
)
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.registered_table import RegisteredTable, registered
from orchestrix.sqlite_store.table_names import index_names, quoted, table_name
from orchestrix.sqlite_store.table_schema import adding_sql, index_sql, table_sql, view_sql

_A = {"table": "a table", "view": "a view", "index": "an index"}


def check_name(declared: TableDefinition, path: Path) -> None:
    """Raise TableDeclarationError where a table has a name of ours."""
    if declared.name.lower() in sql.OWN_NAMES:
        raise TableDeclarationError(
            declared.name,
            f"the store keeps a table of its own under that name in {path}; give the table "
            "another name=...",
        )


def check_owner(stored: RegisteredTable | None, name: str, projection_id: str) -> None:
    """Raise TableTaken unless the table is the projection's, or nobody's."""
    if stored is not None and stored.projection_id != projection_id:
        raise TableTaken(name, stored.projection_id, projection_id)


def check_free(connection: sqlite3.Connection, declared: TableDefinition, path: Path) -> None:
    """Raise TableDeclarationError where somebody else has the names that a new table needs."""
    for name in (declared.name, table_name(declared.name, 1)):
        for kind, found, _ in connection.execute(sql.OBJECT, (name,)):
            raise _used(declared, path, kind, found)


def make(
    connection: sqlite3.Connection, declared: TableDefinition, projection_id: str, generation: int
) -> None:
    """Make a table and its view, and register them. Nobody has their names."""
    _check_width(connection, declared)
    table = table_name(declared.name, generation)
    connection.execute(table_sql(declared, table))
    _make_indexes(connection, declared, table)
    _show(connection, declared, table)
    _register(connection, declared, projection_id, generation)


def extend(
    connection: sqlite3.Connection, stored: RegisteredTable, declared: TableDefinition
) -> None:
    """Bring a table, which was not changed by hand, to a declaration that extends it.

    It keeps its name, from which the declared one may differ in case.
    """
    declared = replace(declared, name=stored.name)
    _check_width(connection, declared)
    for column in schema_change(stored.defined(), declared).added:
        for statement, values in adding_sql(column, stored.table):
            connection.execute(statement, values)
    _make_indexes(connection, declared, stored.table)
    connection.execute(f"DROP VIEW main.{quoted(stored.name)}")
    _show(connection, declared, stored.table)
    _register(connection, declared, stored.projection_id, stored.generation)


def remake(
    connection: sqlite3.Connection, declared: TableDefinition, projection_id: str, path: Path
) -> None:
    """Make a table anew, whatever became of it; a table in the place of its view stays.

    Raises:
        TableTaken: It belongs to another projection.
        TableDeclarationError: Somebody else has its name.
    """
    stored = registered(connection, declared.name)
    check_owner(stored, declared.name, projection_id)
    if stored is None:
        check_free(connection, declared, path)
        make(connection, declared, projection_id, 1)
        return
    for kind, found, _ in connection.execute(sql.OBJECT, (stored.name,)).fetchall():
        if kind != "view":
            raise _used(declared, path, kind, found)
        connection.execute(f"DROP VIEW main.{quoted(found)}")
    for kind, found, _ in connection.execute(sql.OBJECT, (stored.table,)).fetchall():
        connection.execute(f"DROP {kind} main.{quoted(found)}")
    make(connection, declared, projection_id, stored.generation)


def _check_width(connection: sqlite3.Connection, declared: TableDefinition) -> None:
    limits = (sqlite3.SQLITE_LIMIT_COLUMN, sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
    most = min(connection.getlimit(each) for each in limits) - 1
    if len(declared.columns) > most:
        raise TableDeclarationError(
            declared.name,
            f"it has {len(declared.columns)} columns, and SQLite holds {most}; put some of them "
            "into one column, as a list, a dict or a dataclass",
        )


def _make_indexes(connection: sqlite3.Connection, declared: TableDefinition, table: str) -> None:
    """Make those that are missing, and drop those of ours that are not declared any more."""
    wanted = {name.lower(): name for name in index_names(declared, table)}
    rows = connection.execute(sql.INDEXES_OF, (table,)).fetchall()
    found = {name.lower(): name for (name,) in rows if name.lower().startswith(f"{table}(".lower())}
    for name in found.keys() - wanted.keys():
        connection.execute(f"DROP INDEX main.{quoted(found[name])}")
    for name, columns in index_names(declared, table).items():
        if name.lower() not in found:  # it may be on a table that was renamed by hand
            connection.execute(f"DROP INDEX IF EXISTS main.{quoted(name)}")
            connection.execute(index_sql(declared, table, name, columns))


def _show(connection: sqlite3.Connection, declared: TableDefinition, table: str) -> None:
    connection.execute(f"CREATE VIEW main.{view_sql(declared, table)}")


def _register(
    connection: sqlite3.Connection, declared: TableDefinition, projection_id: str, generation: int
) -> None:
    row = declared.name, projection_id, generation, declared.to_json()
    connection.execute(sql.SAVE_READ_MODEL, row)


def _used(declared: TableDefinition, path: Path, kind: str, found: str) -> TableDeclarationError:
    return TableDeclarationError(
        declared.name,
        f"{path} has {_A[kind]} {found!r} of yours already; rename or drop that, or give this "
        "table another name=...",
    )
