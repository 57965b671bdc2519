"""A declared table as it is found in the file."""

import sqlite3
from dataclasses import dataclass, replace

from orchestrix.read_models import SchemaChanged, TableDefinition, schema_change
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.registered_table import (
    RegisteredTable,
    hand_changes,
    lacks_indexes,
    registered,
)
from orchestrix.sqlite_store.table_queries import NoRows, Queries, TableQueries


@dataclass(frozen=True, slots=True)
class FoundTable:
    """What the file has of a declared table, at one moment.

    Attributes:
        cookie: The file's schema; while that is the same, all of this is.
        declared: The table as it is declared.
        stored: Where it is stored; None: it is not.
        is_ready: Whether it is stored as it is declared, so that it can be written.
        queries: Reads its rows.
    """

    cookie: int
    declared: TableDefinition
    stored: RegisteredTable | None
    is_ready: bool
    queries: Queries


def found_table(
    connection: sqlite3.Connection, declared: TableDefinition, known: dict[str, FoundTable]
) -> FoundTable:
    """Return what the file has of a table, remembered in `known` until the schema changes.

    Args:
        connection: In a transaction.
        declared: The table.
        known: By name. Changes that may be taken back must not get into what outlives them:
            cookies are given again.

    Raises:
        SchemaChanged: It has another shape, or was changed by hand.
    """
    (cookie,) = connection.execute(sql.SCHEMA_COOKIE).fetchone()
    found = known.get(declared.name)
    if found is None or found.cookie != cookie or not _is_same(found.declared, declared):
        found = known[declared.name] = _found(connection, declared, cookie)
    return found


def _is_same(one: TableDefinition, other: TableDefinition) -> bool:
    return one is other or one == other  # comparing all columns costs more than a look


def _found(connection: sqlite3.Connection, declared: TableDefinition, cookie: int) -> FoundTable:
    stored = registered(connection, declared.name)
    if stored is None:
        return FoundTable(cookie, declared, None, is_ready=False, queries=NoRows())
    defined = stored.defined()
    change = schema_change(defined, declared)
    problems = (*hand_changes(connection, stored, defined), *change.differences)
    if problems:
        raise SchemaChanged(declared.name, problems)
    names = [each.name for each in defined.columns]
    queries = TableQueries(declared, stored.table, names)
    as_stored = replace(declared, name=stored.name)  # which may differ in case
    is_ready = defined == as_stored and not lacks_indexes(connection, stored, defined)
    return FoundTable(cookie, declared, stored, is_ready, queries)
