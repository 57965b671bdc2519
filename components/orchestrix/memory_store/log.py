"""The log that the sync and the async in-memory store share."""

import copy
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
    check_append,
    check_range,
    check_stream_id,
    check_version,
    repeated_append,
)
from orchestrix.memory_store.isolation import content_of
from orchestrix.messaging import Event, RecordedEvent, StreamEvent


class EventLog:
    """Events in commit order, their streams, ids and snapshots.

    Safe for threads: one lock orders the writers, and readers see whole appends.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.store_id = str(uuid_utils.uuid7())
        self._clock = clock
        self._events: list[RecordedEvent] = []
        self._streams: dict[str, list[RecordedEvent]] = {}
        self._ids: dict[str, RecordedId] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._recorded_at = datetime.min.replace(tzinfo=UTC)
        self._grown = threading.Condition()
        self._watchers: dict[object, Callable[[], None]] = {}

    def append(
        self,
        stream_id: str,
        events: Iterable[Event],
        expected_version: int | None,
        metadata: Mapping[str, str] | None,
    ) -> AppendResult:
        """See the port."""
        events = list(events)
        check_append(stream_id, events, expected_version, metadata)
        contents = [content_of(event) for event in events]
        kept = MappingProxyType(dict(metadata or {}))
        with self._grown:
            known = [self._ids.get(event.id) for event in events]
            if (repeated := repeated_append(stream_id, events, known)) is not None:
                return repeated
            stream = self._streams.get(stream_id, [])
            check_version(stream_id, expected_version, len(stream) - 1)
            if events:
                self._write(stream_id, events, contents, kept)
                self._announce()
            return self.end_of(stream_id)

    def read(self, stream_id: str, from_version: int, limit: int) -> StreamPage:
        """See the port."""
        check_stream_id(stream_id)
        check_range("from_version", from_version, 0)
        check_range("limit", limit, 1)
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
        found: list[RecordedEvent] = []
        head, looked = len(self._events), after_position
        while looked < head and len(found) < limit:
            upto = min(looked + limit - len(found), head)
            found += _filtered(self._events[looked:upto], types, categories)
            looked = upto
        return Page(
            tuple(map(_isolated, found)), after_position, looked, looked >= head, self.store_id
        )

    def head(self) -> int:
        """See the port."""
        return len(self._events)

    def end_of(self, stream_id: str) -> AppendResult:
        """Return where a stream ends."""
        stream = self._streams.get(stream_id)
        if not stream:
            return AppendResult(NO_STREAM, 0)
        return AppendResult(stream[-1].version, stream[-1].position)

    def streams(self, prefix: str, after: str, limit: int) -> list[str]:
        """See the port."""
        check_range("limit", limit, 1)
        names = list(self._streams)
        return nsmallest(
            limit, (each for each in names if each > after and each.startswith(prefix))
        )

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """See the port."""
        check_stream_id(snapshot.aggregate_id)
        mine = copy.deepcopy(snapshot)
        with self._grown:
            kept = self._snapshots.get(mine.aggregate_id)
            if kept is None or kept.version <= mine.version:
                self._snapshots[mine.aggregate_id] = mine

    def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        """See the port."""
        return copy.deepcopy(self._snapshots.get(aggregate_id))

    def wait(self, after_position: int, timeout: float) -> bool:  # seconds
        """Block the calling thread until the head is above `after_position`."""
        with self._grown:
            return self._grown.wait_for(lambda: len(self._events) > after_position, timeout)

    def watch(self, key: object, grown: Callable[[], None]) -> None:
        """Call `grown` after each append, in the appending thread, until :meth:`unwatch`."""
        with self._grown:
            self._watchers[key] = grown

    def unwatch(self, key: object) -> None:
        """Stop what :meth:`watch` began."""
        with self._grown:
            del self._watchers[key]

    def _write(
        self,
        stream_id: str,
        events: Sequence[Event],
        contents: Sequence[Event | Callable[[], Event]],
        metadata: Mapping[str, str],
    ) -> None:
        self._recorded_at = max(self._recorded_at, self._clock())
        stream = self._streams.get(stream_id, [])
        places = enumerate(zip(events, contents, strict=True))
        first, last = len(stream), len(self._events)
        recorded = [
            RecordedEvent(
                event.id, event.type, stream_id, first + index, last + index + 1,
                self._recorded_at, metadata, content,
            )
            for index, (event, content) in places
        ]  # fmt: skip
        self._events.extend(recorded)  # one step: a reader sees all of the append or nothing
        stream.extend(recorded)
        self._streams[stream_id] = stream
        for each in recorded:
            self._ids[each.id] = RecordedId(stream_id, each.version, each.position)

    def _announce(self) -> None:
        self._grown.notify_all()
        for grown in self._watchers.values():
            grown()


def _filtered(
    events: list[RecordedEvent], types: Collection[str] | None, categories: Collection[str] | None
) -> list[RecordedEvent]:
    if types is not None:
        events = [each for each in events if each.type in types]
    if categories is not None:
        events = [each for each in events if each.stream_id.partition("-")[0] in categories]
    return events


def _isolated(recorded: RecordedEvent) -> RecordedEvent:
    """Give a reader its own copy of an event that could be changed."""
    content = recorded.content
    return recorded if isinstance(content, Event) else RecordedEvent(*_places(recorded), content)


def _stream_event(recorded: RecordedEvent) -> StreamEvent:
    return StreamEvent(*_places(recorded), recorded.content)


def _places(
    recorded: RecordedEvent,
) -> tuple[str, str, str, int, int, datetime, Mapping[str, str]]:
    return (
        recorded.id, recorded.type, recorded.stream_id, recorded.version,
        recorded.position, recorded.recorded_at, recorded.metadata,
    )  # fmt: skip
