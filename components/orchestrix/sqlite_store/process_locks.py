"""One lock for each file, at which the writers of one process queue.

SQLite's own busy timeout is for other processes: it sleeps between its attempts.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TypeAlias
from weakref import WeakKeyDictionary, WeakValueDictionary

from orchestrix.eventsourcing import StoreUnavailable
from orchestrix.sqlite_store.connection import Inode
from orchestrix.sqlite_store.database import Database

Turns: TypeAlias = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]
"""A lock for each event loop."""


class FileLock:
    """The right to write to one file, among the connections of this process."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: Turns = WeakKeyDictionary()
        self._changes: Turns = WeakKeyDictionary()

    def acquire(self, database: Database) -> None:
        """Take the right to write, until :meth:`release`.

        Raises:
            StoreUnavailable: Somebody else has it for longer than the busy timeout.
        """
        if not self._writing.acquire(timeout=min(database.busy_timeout, threading.TIMEOUT_MAX)):
            raise StoreUnavailable(
                str(database.path),
                "a projection's batch in this process has been writing for longer than "
                "busy_timeout; let its handlers write last, after what takes long, and repeat "
                "the call",
            )
        self._loop = _running_loop()

    def release(self) -> None:
        """Give the right back; by whichever thread."""
        self._loop = None
        self._writing.release()

    @property
    def waits_for_this_loop(self) -> bool:
        """Whether a batch of this event loop has the right to write, and gives it back later."""
        return self._loop is not None and self._loop is _running_loop()

    def changing(self) -> asyncio.Lock:
        """Return what the changes of one event loop wait for that are no batches.

        Each waits in a thread, of which there are few, and one is needed to end a batch.
        """
        return self._changes.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def turn(self) -> asyncio.Lock:
        """Return what the batches of one event loop wait for.

        They wait for each other without blocking the loop, which would otherwise stand still
        for one that waits in a handler.
        """
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # this is a thread without one
        return None


class Batch:
    """A projection's batch on one file.

    Attributes:
        inode: The file.
        is_open: False when it has ended; tasks that its handlers started may still run.
    """

    def __init__(self, inode: Inode) -> None:
        self.inode = inode
        self.is_open = True


_batches: ContextVar[tuple[Batch, ...]] = ContextVar("batches", default=())
"""The batches to which the running code belongs, or belonged when its task was started."""


@contextmanager
def batch_on(inode: Inode) -> Generator[None, None, None]:
    """Be a batch on this file meanwhile."""
    batch = Batch(inode)
    before = _batches.set((*_batches.get(), batch))
    try:
        yield
    finally:
        batch.is_open = False
        with suppress(ValueError):  # ended from outside, in another context
            _batches.reset(before)


def is_inside_batch(inode: Inode) -> bool:
    """Say whether the running code is part of an open batch on this file."""
    return any(batch.is_open and batch.inode == inode for batch in _batches.get())


_locks: WeakValueDictionary[Inode, FileLock] = WeakValueDictionary()
_gate = threading.Lock()


def lock_of(inode: Inode) -> FileLock:
    """Return the lock of a file, the same for all that ask while somebody has it."""
    with _gate:
        return _locks.setdefault(inode, FileLock())


def _forget() -> None:
    """Begin anew in a forked process: who holds these locks is a thread that it has not."""
    _locks.clear()
    _gate.release()


if sys.platform != "win32":
    os.register_at_fork(before=_gate.acquire, after_in_parent=_gate.release, after_in_child=_forget)
