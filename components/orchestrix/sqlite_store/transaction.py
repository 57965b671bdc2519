"""The only place that begins, commits and rolls back."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal


@contextmanager
def transaction(
    connection: sqlite3.Connection, how: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE"
) -> Generator[None, None, None]:
    """All or nothing, with the write lock taken at once; ``DEFERRED`` is for reading only."""
    connection.execute(f"BEGIN {how}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise
