"""One connection to the file, and what becomes of it when the process forks.

SQLite's handles do not survive a fork: the locks stay with the parent, and a child that closes
one takes itself for the last that uses the file, and deletes the log with the newest events.
Source: https://www.sqlite.org/howtocorrupt.html, 2.6.
"""

import ctypes
import os
import sqlite3
import sys
from pathlib import Path
from typing import Literal
from weakref import WeakSet

from orchestrix.eventsourcing import StoreUnavailable

Synchronous = Literal["FULL", "NORMAL"]

Inode = tuple[int, int]
"""Device and number of a file, whatever its path."""

_LONGEST_TIMEOUT = 1e6
"""Seconds: SQLite counts milliseconds in 31 bits."""


class Connection(sqlite3.Connection):
    """A connection that a forked process, which inherits it, neither closes nor loses.

    Attributes:
        inode: The file.
        is_inherited: Whether this process was forked from the one that opened it.
    """

    inode: Inode
    is_inherited = False

    def close(self) -> None:
        """Close it, unless it is another process's."""
        if not self.is_inherited:
            super().close()


_open: WeakSet[Connection] = WeakSet()
_inherited: set[Inode] = set()


def connect(
    path: Path, synchronous: Synchronous, busy_timeout: float, mode: Literal["ro", "rw", "rwc"]
) -> Connection:
    """Connect, for use by one thread at a time; only ``rwc`` makes a file that is missing."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=min(busy_timeout, _LONGEST_TIMEOUT),
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    try:
        connection.inode = inode_of(path)
        _open.add(connection)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        if synchronous == "FULL":  # on macOS fsync alone leaves data in the disk's own cache
            connection.execute("PRAGMA fullfsync = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def inode_of(path: Path) -> Inode:
    """Return which file is under a path now."""
    found = os.stat(path)  # noqa: PTH116 - called for each commit, and half as expensive
    return found.st_dev, found.st_ino


def check_not_inherited(path: Path) -> None:
    """Raise StoreUnavailable when this process was forked while the file was open.

    Closing a handle of its own would drop the locks of the child's others, and SQLite in the
    child would take the parent's handles for its own.
    """
    if _inherited and path.exists() and inode_of(path) in _inherited:
        raise StoreUnavailable(
            str(path),
            f"process {os.getpid()} was forked while this file was open, so SQLite cannot use it "
            "here; start processes with the method `spawn` or `forkserver`, or fork before the "
            "file is opened",
        )


def _leave_to_the_parent() -> None:
    for connection in list(_open):
        # A reference that nobody gives back: not even the end of the interpreter closes it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        connection.is_inherited = True
        _inherited.add(connection.inode)
    _open.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_leave_to_the_parent)
