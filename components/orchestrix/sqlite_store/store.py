"""The event store in one SQLite file."""

import os
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, NoReturn, TypeVar

from orchestrix.event_codec import CodecError, EventCodec
from orchestrix.eventsourcing import (
    AppendInsideBatch,
    AppendResult,
    AsyncEventStore,
    InvalidAppend,
    Page,
    Snapshot,
    StoreClosed,
    StoreUnavailable,
    StreamPage,
    Watchers,
    check_append,
    check_range,
    check_snapshot,
    check_stream_id,
    check_texts,
    checked_seconds,
    chosen,
    listed,
    seconds_to_wait,
)
from orchestrix.messaging import Event
from orchestrix.sqlite_store.append_group import Append
from orchestrix.sqlite_store.blocking import opened, to_its_end
from orchestrix.sqlite_store.clock import time_said
from orchestrix.sqlite_store.connection import Synchronous
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.database import Database, check_synchronous, open_database
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.process_locks import is_inside_batch
from orchestrix.sqlite_store.reader import Reader, head_of, load_snapshot, stream_ids
from orchestrix.sqlite_store.rows import encoded_metadata, encoded_row, snapshot_row
from orchestrix.sqlite_store.writer import Writer

T = TypeVar("T")

_PAUSES: Final = (0.002, 0.05)
"""Seconds between two looks for appends of other processes: at first, and when it is quiet."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SQLiteEventStore(AsyncEventStore):
    """Streams of events in one file, which several processes may use at once.

    Safe for tasks, loops and threads, and for kill -9 at any moment: an append that was
    answered is there afterwards, one that was not is there whole or not at all. A task that
    is cancelled in an append leaves it written or not; repeating it with the same events is
    safe. Not to be pickled, nor inherited by a fork: each process opens the file itself.

    Made by :func:`open_sqlite_store`.
    """

    def __init__(
        self, database: Database, codec: EventCodec, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._codec = codec
        self._clock = clock
        self._watchers = Watchers()
        self._closed = False
        self._looking = threading.Lock()
        self._reader = Reader(Connections(database), codec)
        self._writer = Writer(database, clock, self._watchers)

    @property
    def store_id(self) -> str:
        return self._database.store_id

    async def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        self._check_open()
        events = listed(stream_id, events)
        check_append(stream_id, events, expected_version, metadata)
        self._check_outside(stream_id)
        try:
            rows = [encoded_row(self._codec, event) for event in events]
        except CodecError as error:
            raise InvalidAppend(f"append to stream {stream_id!r}: {error}") from error
        return await self._writer.submit(
            Append(stream_id, events, rows, expected_version, encoded_metadata(metadata))
        )

    async def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        check_stream_id(stream_id)
        check_range("from_version", from_version, 0)
        check_range("limit", limit, 1)
        return await self._ask(
            lambda connection: self._reader.read(connection, stream_id, from_version, limit)
        )

    async def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        check_range("after_position", after_position, 0)
        check_range("limit", limit, 1)
        types, categories = chosen("types", types), chosen("categories", categories)
        return await self._ask(
            lambda connection: self._reader.read_all(
                connection, after_position, limit, types, categories
            )
        )

    async def head(self) -> int:
        return await self._ask(head_of)

    async def count_after(self, position: int) -> int:
        check_range("position", position, 0)
        return max(0, await self.head() - position)  # this store leaves no holes

    async def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        check_texts(prefix=prefix, after=after)
        check_range("limit", limit, 1)
        return await self._ask(partial(stream_ids, prefix=prefix, after=after, limit=limit))

    async def now(self) -> datetime:
        self._check_open()
        return time_said(self._clock)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        self._check_open()
        check_snapshot(snapshot)
        self._check_outside(snapshot.aggregate_id)
        await self._writer.submit(snapshot_row(snapshot))

    async def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        check_stream_id(aggregate_id)
        return await self._ask(partial(load_snapshot, aggregate_id=aggregate_id))

    async def wait_for_events(self, after_position: int, timeout: float) -> bool:  # noqa: ASYNC109 - the port promises an answer, not a TimeoutError
        self._check_open()
        seconds = seconds_to_wait(after_position, timeout)
        return await self._watchers.wait(
            lambda: self._has_grown(after_position), seconds, pauses=_PAUSES
        )

    def close(self) -> None:
        """Write what is waiting, answer what was asked, then end. Blocks until then.

        Called by :func:`open_sqlite_store`. Tasks in `wait_for_events` get StoreClosed. In a
        forked process nothing is done: it is the parent's to close.
        """
        if self._database.is_inherited:
            return
        self._closed = True
        self._writer.close()
        self._reader.close()
        with self._looking:
            self._database.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the event store {self._database.path} cannot be sent to another process; "
            "send the path, and open it there with open_sqlite_store"
        )

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        self._check_open()
        return await self._reader.ask(question)

    def _has_grown(self, after_position: int) -> bool:
        self._check_open()
        try:
            with problems_explained(self._database.path):
                self._database.check_present()
                with self._looking:  # the anchor is for one thread at a time
                    return head_of(self._database.anchor) > after_position
        except StoreUnavailable:
            self._check_open()  # another thread may have closed it meanwhile, log and all
            raise

    def _check_outside(self, stream_id: str) -> None:
        if is_inside_batch(self._database.inode):
            raise AppendInsideBatch(stream_id)

    def _check_open(self) -> None:
        self._database.check_process()
        if self._closed:
            raise StoreClosed(
                str(self._database.path),
                "it is closed; use it inside `async with open_sqlite_store(...)`",
            )


@asynccontextmanager
async def open_sqlite_store(
    path: str | os.PathLike[str],
    *,
    codec: EventCodec | None = None,
    synchronous: Synchronous = "FULL",
    busy_timeout: float = 5.0,
    clock: Callable[[], datetime] = _utc_now,
) -> AsyncGenerator[SQLiteEventStore, None]:
    """Open the event store in the file `path`, made when missing; close it at the end.

    Args:
        path: The file; its folder has to exist, on a local disk. Beside it appear ``-wal``
            and ``-shm``, which belong to it while it is open and after a crash.
        codec: How events become bytes, with the upcasters. None: without upcasters.
        synchronous: What an answered append survives. ``FULL``: the loss of power, too.
            ``NORMAL``: the end of the process by any means; when the machine itself goes down,
            the newest appends may be missing, always the last ones and each one whole.
        busy_timeout: Seconds to wait for other processes that write, at least 0. An append may
            wait several times: for the commit before it, and for each lock that it needs.
        clock: What time it is, with offset; sets `recorded_at`, which never decreases. Called in
            a thread, before the lock is taken; what it raises is raised by the append.

    Raises:
        StoreUnavailable: The file cannot be reached or written.
        StoreUnusable: It is no event store, damaged, or written by a newer program. It was
            not changed.
        ValueError: `synchronous` or `busy_timeout` is none of those.
    """
    check_synchronous(synchronous)
    seconds = checked_seconds("busy_timeout", busy_timeout)

    def make() -> SQLiteEventStore:
        database = open_database(path, synchronous, seconds)
        try:
            with problems_explained(database.path):
                return SQLiteEventStore(database, codec or EventCodec(), clock)
        except BaseException:
            database.close()
            raise

    store, process = await opened(make), os.getpid()
    try:
        yield store
    finally:
        if process == os.getpid():  # else the threads of this loop are the parent's, too
            await to_its_end(store.close)
