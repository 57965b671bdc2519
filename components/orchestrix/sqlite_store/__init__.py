"""Event store in one SQLite file: one host, many processes, nothing to install."""

from orchestrix.sqlite_store.store import SQLiteEventStore, open_sqlite_store

__all__ = ["SQLiteEventStore", "open_sqlite_store"]
