"""One lock for each file, at which the writers of one process queue.

SQLite's own busy timeout is for other processes: it sleeps between its attempts.
"""

import asyncio
import threading
from contextvars import ContextVar
from weakref import WeakKeyDictionary, WeakValueDictionary

Inode = tuple[int, int]
"""Device and number of a file, whatever its path."""


class FileLock:
    """The right to write to one file, among the connections of this process.

    Attributes:
        writing: Held from the beginning of a write transaction to its end.
    """

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    def turn(self) -> asyncio.Lock:
        """Return what the batches of one event loop wait for.

        They wait for each other without blocking the loop, which would otherwise stand still
        for one that waits in a handler.
        """
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


batches: ContextVar[frozenset[Inode]] = ContextVar("batches", default=frozenset())
"""The files whose projection batches the running code belongs to."""

_locks: WeakValueDictionary[Inode, FileLock] = WeakValueDictionary()
_gate = threading.Lock()


def lock_of(inode: Inode) -> FileLock:
    """Return the lock of a file, the same for all that ask while somebody has it."""
    with _gate:
        return _locks.setdefault(inode, FileLock())
