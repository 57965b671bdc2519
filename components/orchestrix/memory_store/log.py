"""The log that the sync and the async in-memory store share."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import nsmallest
from types import MappingProxyType

import uuid_utils

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    Page,
    RecordedId,
    Snapshot,
    StreamPage,
    Watchers,
    check_append,
    check_range,
    check_snapshot,
    check_stream_id,
    check_texts,
    check_version,
    chosen,
    listed,
    repeated_append,
    time_of,
)
from orchestrix.memory_store.isolation import content_of, private_copy
from orchestrix.messaging import Event, RecordedEvent, StreamEvent

_LEAST_LOOK = 1000
"""Events that a filtered read looks at in one step, however few it may return."""


class EventLog:
    """Events in commit order, their streams, ids and snapshots.

    Safe for threads. One lock orders the writers, and readers take it to learn where the log
    ends; what lies before its end never changes and is read without it. The lock is reentrant
    because the garbage collector may end a forgotten waiter in the middle of an append.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.store_id = str(uuid_utils.uuid7())
        self._clock = clock
        self._events: list[RecordedEvent] = []
        self._streams: dict[str, list[RecordedEvent]] = {}
        self._by_id: dict[str, RecordedEvent] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._recorded_at = datetime.min.replace(tzinfo=UTC)
        self._grown = threading.Condition(threading.RLock())
        self.watchers = Watchers()

    def append(
        self,
        stream_id: str,
        events: Iterable[Event],
        expected_version: int | None,
        metadata: Mapping[str, str] | None,
    ) -> AppendResult:
        """See the port."""
        events = listed(stream_id, events)
        check_append(stream_id, events, expected_version, metadata)
        contents = [content_of(event) for event in events]
        kept = MappingProxyType(dict(metadata or {}))
        with self._grown:
            known = [self._place_of(event) for event in events]
            if (repeated := repeated_append(stream_id, events, known)) is not None:
                return repeated
            check_version(stream_id, expected_version, len(self._streams.get(stream_id, ())) - 1)
            if events:
                self._write(self._recorded(stream_id, events, contents, kept))
                self._announce()
            end = self.end_of(stream_id)
            return replace(end, first_position=end.last_position - max(len(events) - 1, 0))

    def read(self, stream_id: str, from_version: int, limit: int) -> StreamPage:
        """See the port."""
        check_stream_id(stream_id)
        check_range("from_version", from_version, 0)
        check_range("limit", limit, 1)
        with self._grown:
            stream = self._streams.get(stream_id, [])
            end = len(stream)
        found = stream[from_version : min(from_version + limit, end)]
        upto = from_version + len(found)
        return StreamPage(tuple(map(_stream_event, found)), stream_id, upto, upto >= end)

    def read_all(
        self,
        after_position: int,
        limit: int,
        types: Collection[str] | None,
        categories: Collection[str] | None,
    ) -> Page:
        """See the port."""
        check_range("after_position", after_position, 0)
        check_range("limit", limit, 1)
        types, categories = chosen("types", types), chosen("categories", categories)
        step = limit if types is None and categories is None else max(limit, _LEAST_LOOK)
        found: list[RecordedEvent] = []
        head, looked = self.head(), after_position
        while looked < head and len(found) < limit:
            upto = min(looked + step, head)
            found += _filtered(self._events[looked:upto], types, categories)
            looked = upto
        if len(found) > limit:
            del found[limit:]
            looked = found[-1].position
        events = tuple([e if isinstance(e.content, Event) else _isolated(e) for e in found])
        return Page(events, after_position, looked, looked >= head, self.store_id)

    def head(self) -> int:
        """See the port."""
        with self._grown:
            return len(self._events)

    def count_after(self, position: int) -> int:
        """See the port."""
        check_range("position", position, 0)
        return max(0, self.head() - position)

    def end_of(self, stream_id: str) -> AppendResult:
        """Return where a stream ends."""
        with self._grown:
            if (stream := self._streams.get(stream_id)) is None:
                return AppendResult(NO_STREAM, 0, 0)
            return AppendResult(stream[-1].version, stream[-1].position, stream[-1].position)

    def streams(self, prefix: str, after: str, limit: int) -> list[str]:
        """See the port."""
        check_texts(prefix=prefix, after=after)
        check_range("limit", limit, 1)
        with self._grown:
            names = list(self._streams)
        return nsmallest(
            limit, (each for each in names if each > after and each.startswith(prefix))
        )

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """See the port."""
        check_snapshot(snapshot)
        mine = private_copy(snapshot, f"the snapshot of stream {snapshot.aggregate_id!r}")
        with self._grown:
            kept = self._snapshots.get(mine.aggregate_id)
            if kept is None or kept.version <= mine.version:
                self._snapshots[mine.aggregate_id] = mine

    def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        """See the port."""
        check_stream_id(aggregate_id)
        with self._grown:
            kept = self._snapshots.get(aggregate_id)
        return None if kept is None else private_copy(kept, "a snapshot")

    def wait(self, after_position: int, timeout: float) -> bool:  # seconds
        """Block the calling thread until the head is above `after_position`."""
        with self._grown:
            return self._grown.wait_for(
                lambda: len(self._events) > after_position, min(timeout, threading.TIMEOUT_MAX)
            )

    def now(self) -> datetime:
        """Return what the clock says, in UTC."""
        return time_of(self._clock)

    def _place_of(self, event: Event) -> RecordedId | None:
        found = self._by_id.get(event.id)
        return found and RecordedId(found.stream_id, found.version, found.position)

    def _recorded(
        self,
        stream_id: str,
        events: Sequence[Event],
        contents: Sequence[Event | Callable[[], Event]],
        metadata: Mapping[str, str],
    ) -> list[RecordedEvent]:
        now = max(self._recorded_at, self.now())
        version, position = len(self._streams.get(stream_id, ())), len(self._events) + 1
        pairs = zip(events, contents, strict=True)
        return [
            RecordedEvent(
                event.id, event.type, stream_id, version + index, position + index,
                now, metadata, content,
            )
            for index, (event, content) in enumerate(pairs)
        ]  # fmt: skip

    def _write(self, recorded: Sequence[RecordedEvent]) -> None:
        """Take over what is ready; nothing in here can fail half way."""
        ids = {each.id: each for each in recorded}
        self._recorded_at = recorded[-1].recorded_at
        self._streams.setdefault(recorded[-1].stream_id, []).extend(recorded)
        self._by_id.update(ids)
        self._events.extend(recorded)

    def _announce(self) -> None:
        self._grown.notify_all()
        self.watchers.announce()


def _filtered(
    events: list[RecordedEvent], types: frozenset[str] | None, categories: frozenset[str] | None
) -> list[RecordedEvent]:
    if types is not None:
        events = [each for each in events if each.type in types]
    if categories is not None:
        events = [each for each in events if each.stream_id.partition("-")[0] in categories]
    return events


def _isolated(recorded: RecordedEvent) -> RecordedEvent:
    """Give a reader a record of its own: its event is then copied on first access."""
    return RecordedEvent(*_places(recorded), recorded.content)


def _stream_event(recorded: RecordedEvent) -> StreamEvent:
    return StreamEvent(*_places(recorded), recorded.content)


def _places(
    recorded: RecordedEvent,
) -> tuple[str, str, str, int, int, datetime, Mapping[str, str]]:
    return (
        recorded.id, recorded.type, recorded.stream_id, recorded.version,
        recorded.position, recorded.recorded_at, recorded.metadata,
    )  # fmt: skip
