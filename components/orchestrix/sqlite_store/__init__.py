"""Events and projections in one SQLite file: one host, many processes, nothing to install."""

from orchestrix.sqlite_store.state_store import SQLiteProjectionStateStore, open_sqlite_projections
from orchestrix.sqlite_store.store import SQLiteEventStore, open_sqlite_store

__all__ = [
    "SQLiteEventStore",
    "SQLiteProjectionStateStore",
    "open_sqlite_projections",
    "open_sqlite_store",
]
