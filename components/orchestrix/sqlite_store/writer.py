"""The thread that writes: whatever waits is committed together."""

import asyncio
import copy
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from orchestrix.eventsourcing import (
    AppendResult,
    InvalidAppend,
    StorageError,
    StoreClosed,
    Watchers,
)
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.append_group import Append, write
from orchestrix.sqlite_store.clock import time_said
from orchestrix.sqlite_store.database import Database
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.process_locks import lock_of
from orchestrix.sqlite_store.rows import SnapshotRow, microseconds
from orchestrix.sqlite_store.transaction import transaction

_MOST_EVENTS = 1000
"""Events after which no further append joins a group: larger commits gain nothing."""


class Job(msgspec.Struct, frozen=True):
    """Something to write, and who waits for it."""

    work: Append | SnapshotRow
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Writer:
    """One connection and one thread that write for all tasks, loops and threads.

    A task that is cancelled while it waits leaves its append written or not.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], watchers: Watchers
    ) -> None:
        self._database = database
        self._clock = clock
        self._watchers = watchers
        self._connection = database.connect()
        self._lock = lock_of(database.inode)
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, name=f"orchestrix-writer {database.path.name}", daemon=True
        )
        self._thread.start()

    async def submit(self, work: Append | SnapshotRow) -> Any:
        """Wait until `work` is committed; return or raise how it ended."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._gate:  # so that nothing comes behind the end of the queue
            if self._closed:
                raise StoreClosed(str(self._database.path), "it was closed while this call began")
            self._queue.put(Job(work, loop, future))
        return await future

    def close(self) -> None:
        """Write what is waiting, then end. Blocks until that is done."""
        with self._gate:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        at_end = False
        while not at_end:
            jobs, at_end = self._take()
            settle(jobs, self._outcomes(jobs))

    def _take(self) -> tuple[list[Job], bool]:
        """Return what waits, at least one job, and whether it is the last."""
        jobs: list[Job] = []
        size = 0
        while size < _MOST_EVENTS:
            try:
                job = self._queue.get(block=not jobs)
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            if not job.future.cancelled():
                jobs.append(job)
                size += len(job.work.rows) if isinstance(job.work, Append) else 1
        return jobs, False

    def _outcomes(self, jobs: Sequence[Job]) -> list[Any]:
        try:
            now = self._now(jobs)  # what the clock raises is no problem of the file's
            with problems_explained(self._database.path):
                return self._write(jobs, now)
        except InvalidAppend as error:  # one of them
            if len(jobs) > 1:
                return [outcome for job in jobs for outcome in self._outcomes([job])]
            return [error]
        except BaseException as error:  # noqa: BLE001 - it is raised where the calls were made
            return [_own(error) for _ in jobs]

    def _now(self, jobs: Sequence[Job]) -> int:
        """Return the time of the appends among `jobs`; without any it is not needed."""
        appends = any(isinstance(job.work, Append) for job in jobs)
        return microseconds(time_said(self._clock)) if appends else 0

    def _write(self, jobs: Sequence[Job], now: int) -> list[Any]:
        self._database.check_present()
        self._lock.acquire(self._database)
        try:
            outcomes = self._write_all([job.work for job in jobs], now)
        finally:
            self._lock.release()
        self._database.check_present()  # what went into a deleted file is not answered
        self._watchers.announce()
        return outcomes

    def _write_all(self, works: Sequence[Append | SnapshotRow], now: int) -> list[Any]:
        appends = [work for work in works if isinstance(work, Append)]
        snapshots = [work for work in works if not isinstance(work, Append)]
        if snapshots:
            with transaction(self._connection):
                self._connection.executemany(sql.SAVE_SNAPSHOT, snapshots)
        if not appends:
            return [None] * len(works)
        outcomes = write(self._connection, appends, now)
        of_appends = iter(outcomes)
        return [next(of_appends) if isinstance(work, Append) else None for work in works]


def _own(error: BaseException) -> BaseException:
    """Return a problem for one caller alone: what it is raised through is noted on it."""
    if not isinstance(error, StorageError):
        return error
    own = copy.copy(error)
    own.__cause__ = error.__cause__
    return own


def settle(jobs: Sequence[Job], outcomes: Sequence[AppendResult | BaseException | None]) -> None:
    """Give each job's task its outcome, in the task's own loop."""
    of_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[Job, Any]]] = defaultdict(list)
    for job, outcome in zip(jobs, outcomes, strict=True):
        of_loop[job.loop].append((job, outcome))
    for loop, ended in of_loop.items():
        with suppress(RuntimeError):  # the loop was closed, and its tasks with it
            loop.call_soon_threadsafe(_answer, ended)


def _answer(ended: Sequence[tuple[Job, Any]]) -> None:
    for job, outcome in ended:
        if job.future.done():
            continue
        if isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
