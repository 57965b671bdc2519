"""What is asked of the log, by threads that never keep the writer waiting."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import TypeVar

import msgspec

from orchestrix.event_codec import EventCodec
from orchestrix.eventsourcing import Page, Snapshot, StoreClosed, StreamPage, is_unicode
from orchestrix.messaging import RecordedEvent, StreamEvent
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.rows import recorded_events, snapshot_of

T = TypeVar("T")

_THREADS = 4
_LONGEST_LOOK = 100_000
"""Events that one page of a filtered read looks at, at most, however few it may return."""

_MOST = 2**62
"""What stands for anything larger: SQLite counts to 2**63 - 1."""


class Reader:
    """A few threads, each question with a connection of its own while it lasts."""

    def __init__(self, connections: Connections, codec: EventCodec) -> None:
        self._connections = connections
        self._database = connections.database
        self._codec = codec
        name = f"orchestrix-reader {self._database.path.name}"
        self._threads = ThreadPoolExecutor(_THREADS, name)

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `question` finds, looked up in a thread."""
        loop = asyncio.get_running_loop()
        try:
            answer = loop.run_in_executor(self._threads, self._answer, question)
        except RuntimeError as error:  # the threads have ended
            problem = "it was closed while this call began"
            raise StoreClosed(str(self._database.path), problem) from error
        return await answer

    def close(self) -> None:
        """Let the questions that were asked be answered, then end. Blocks until then."""
        self._threads.shutdown()
        self._connections.close()

    def read(
        self, connection: sqlite3.Connection, stream_id: str, from_version: int, limit: int
    ) -> StreamPage:
        """See the port."""
        limit, start = min(limit, _MOST), min(from_version, _MOST)
        rows = connection.execute(sql.READ_STREAM, (stream_id, start, limit + 1)).fetchall()
        events = recorded_events(rows[:limit], self._codec, StreamEvent)
        at_end = len(rows) <= limit
        return StreamPage(events, stream_id, from_version + len(events), at_end)

    def read_all(
        self,
        connection: sqlite3.Connection,
        after_position: int,
        limit: int,
        types: Collection[str] | None,
        categories: Collection[str] | None,
    ) -> Page:
        """See the port."""
        limit, after = min(limit, _MOST), min(after_position, _MOST)
        head = head_of(connection)  # what is below it never changes
        if types is None and categories is None:
            upto, filters = head, ()
        else:
            upto = min(head, after + max(limit, _LONGEST_LOOK))
            filters = (_json(types), _json(categories))
        statement = sql.READ_FILTERED if filters else sql.READ_LOG
        rows = connection.execute(statement, (after, upto, limit, *filters)).fetchall()
        events = recorded_events(rows, self._codec, RecordedEvent)
        looked = events[-1].position if len(events) == limit else max(upto, after_position)
        return Page(events, after_position, looked, looked >= head, self._database.store_id)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with problems_explained(self._database.path), self._connections.borrowed() as connection:
            return question(connection)


def head_of(connection: sqlite3.Connection) -> int:
    """Return the position of the newest event."""
    (head,) = connection.execute(sql.HEAD).fetchone()
    return head


def stream_ids(
    connection: sqlite3.Connection, prefix: str, after: str, limit: int
) -> Sequence[str]:
    """Return ids of streams; see the port."""
    statement, start = sql.STREAMS_FROM, prefix
    if after >= prefix:
        statement, start = sql.STREAMS_AFTER, after
    found = connection.execute(statement, (start, min(limit, _MOST)))
    return list(takewhile(lambda each: each.startswith(prefix), (each for (each,) in found)))


def load_snapshot(connection: sqlite3.Connection, aggregate_id: str) -> Snapshot | None:
    """Return the newest snapshot; see the port."""
    row = connection.execute(sql.LOAD_SNAPSHOT, (aggregate_id,)).fetchone()
    return snapshot_of(row) if row else None


def _json(texts: Collection[str] | None) -> str | None:
    if texts is None:
        return None
    possible = [each for each in texts if is_unicode(each) and "\0" not in each]
    return msgspec.json.encode(possible).decode()
