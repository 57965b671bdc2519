"""What SQLite's errors mean to somebody who has to do something about them."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from orchestrix.eventsourcing import (
    InvalidAppend,
    StorageError,
    StoreUnavailable,
    StoreUnusable,
)

_UNAVAILABLE = {
    "SQLITE_BUSY": (
        "another program has been writing for longer than busy_timeout; let it finish, or open "
        "the store with a longer busy_timeout, and repeat the call"
    ),
    "SQLITE_FULL": "the disk is full; free some space and repeat the call",
    "SQLITE_READONLY": (
        "it cannot be written; make the file and its folder writable for this program, on a "
        "file system that is not read-only"
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened; see that its folder exists, that this program may write there, and "
        "that the file system is not read-only"
    ),
    "SQLITE_PERM": "this program has no right to use it; change the permissions of the file",
    "SQLITE_AUTH": "this program has no right to use it; change the permissions of the file",
    "SQLITE_IOERR": (
        "the disk failed; see that it is there, has free space and is sound, then repeat the call"
    ),
}

_UNFINISHED = (
    "a handler has begun a statement that returns rows and has not read them to the end; read them "
    "with fetchall(), and repeat the call"
)

_UNUSABLE = {
    "SQLITE_NOTADB": "this file is no SQLite database; give the store a file of its own",
    "SQLITE_CORRUPT": (
        "this file is damaged, or a -wal beside it belongs to another copy of it; restore it "
        "from a backup, with its -wal and -shm removed before, or save what is left with the "
        "command `sqlite3 FILE .recover`"
    ),
}


@contextmanager
def problems_explained(path: Path) -> Generator[None, None, None]:
    """Turn errors of SQLite and of the file system into ours.

    Raises:
        StoreUnavailable: The file cannot be reached or written now.
        StoreUnusable: It is damaged, or no database.
        InvalidAppend: Something is larger than SQLite can hold.
    """
    try:
        yield
    except (sqlite3.DataError, OverflowError) as error:
        raise InvalidAppend(
            f"event store {path}: an event, a snapshot or a number is larger than SQLite can hold, "
            f"a gigabyte with all that belongs to it ({error}); store it elsewhere and its "
            "address in the event"
        ) from error
    except UnicodeEncodeError as error:
        raise InvalidAppend(
            f"event store {path}: a text holds a lone surrogate, which cannot be stored ({error})"
        ) from error
    except sqlite3.Error as error:
        raise explained(path, error) from error
    except OSError as error:
        raise StoreUnavailable(str(path), f"{error.strerror or error}") from error


def is_of_the_machine(error: sqlite3.Error) -> bool:
    """Say whether the disk, the file system or another program is at fault, not a statement."""
    kind = "_".join((getattr(error, "sqlite_errorname", None) or "").split("_")[:2])
    return kind in ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")


def explained(path: Path, error: sqlite3.Error) -> StorageError:
    """Return what to tell of an error that SQLite reported."""
    found = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    unread = found in ("SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED")
    if unread or "statements in progress" in str(error):
        return StoreUnavailable(str(path), f"{_UNFINISHED} ({found}: {error})")
    kind = "_".join(found.split("_")[:2])  # SQLITE_IOERR_WRITE is one of SQLITE_IOERR
    if kind in _UNUSABLE:
        return StoreUnusable(str(path), f"{_UNUSABLE[kind]} ({found}: {error})")
    advice = _UNAVAILABLE.get(kind, "SQLite could not do it; repeat the call")
    return StoreUnavailable(str(path), f"{advice} ({found}: {error})")
