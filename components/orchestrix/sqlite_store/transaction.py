"""The only place that begins, commits and rolls back."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def transaction(
    connection: sqlite3.Connection, how: str = "IMMEDIATE"
) -> Generator[None, None, None]:
    """All or nothing; ``IMMEDIATE`` takes the write lock at once, ``DEFERRED`` only reads."""
    connection.execute(f"BEGIN {how}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise
