"""What is at a path, looked at without opening it.

Nothing of ours opens the database's file by itself: closing it would drop the locks of all
connections of this process. Source: https://www.sqlite.org/howtocorrupt.html, 2.2.
"""

import os
import stat
from pathlib import Path

from orchestrix.eventsourcing import StoreUnavailable, StoreUnusable


def absolute(path: Path) -> Path:
    """Return where a path leads, links followed: SQLite keeps its log beside the file itself.

    Raises:
        StoreUnusable: It can name no file.
        OSError: The working directory is gone, or links lead in a circle.
    """
    if path.name.startswith(":") or "\0" in str(path):
        raise StoreUnusable(
            str(path.absolute()),
            "this names no file; use InMemoryEventStore for events that may be lost",
        )
    path = path.absolute()
    _status(path)  # raises OSError when links lead in a circle
    return path.resolve()


def checked_size(path: Path) -> int:
    """Return the bytes of a file that may be a database, 0 for one that is to be made.

    Raises:
        StoreUnavailable: Its folder is missing.
        StoreUnusable: It can be no database, or SQLite would destroy what belongs to it.
    """
    log = log_of(path)
    has_log = size_of(log) > 0  # before its file, which a process that makes both writes first
    found = _status(path)
    if found is not None:
        _check_kind(path, found)
    elif not path.parent.is_dir():
        raise StoreUnavailable(str(path), f"there is no folder {path.parent}; make it first")
    size = 0 if found is None else found.st_size
    if has_log and not size:
        raise StoreUnusable(
            str(path),
            f"the file is {'missing' if found is None else 'empty'}, but its newest events are "
            f"here in {log.name}; bring both together again, or delete {log.name} to begin a new "
            "store",
        )
    return size


def log_of(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")


def memory_of(path: Path) -> Path:
    """Return where SQLite keeps what the processes share about the log of a file."""
    return path.with_name(f"{path.name}-shm")


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 when it is missing."""
    found = _status(path)
    return 0 if found is None else found.st_size


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise StoreUnusable(str(path), "this is a folder; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnusable(
            str(path), "this is a device, a pipe or a socket; give the store a file on a local disk"
        )
    if found.st_nlink > 1:
        raise StoreUnusable(
            str(path),
            f"this file has {found.st_nlink} names (hard links), and SQLite would keep a log for "
            "each; remove the others, or give the store a copy",
        )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
