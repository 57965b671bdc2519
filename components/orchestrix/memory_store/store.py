"""The in-memory event store without ``await``."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from orchestrix.eventsourcing import (
    AppendResult,
    EventStore,
    Page,
    Snapshot,
    StreamPage,
    seconds_to_wait,
)
from orchestrix.memory_store.log import EventLog
from orchestrix.messaging import Event


def _utc_now() -> datetime:
    return datetime.now(UTC)


class InMemoryEventStore(EventStore):
    """Streams of events in this process's memory; they end with it.

    Safe for threads. Events that hold mutable values are copied in and copied out. Nothing
    is ever forgotten, so memory grows with each event.

    Args:
        clock: What time it is, with offset, else appending raises ValueError; sets `recorded_at`,
            which never decreases.
    """

    def __init__(self, *, clock: Callable[[], datetime] = _utc_now) -> None:
        self.log = EventLog(clock)

    @property
    def store_id(self) -> str:
        return self.log.store_id

    def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        return self.log.append(stream_id, events, expected_version, metadata)

    def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        return self.log.read(stream_id, from_version, limit)

    def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        return self.log.read_all(after_position, limit, types, categories)

    def head(self) -> int:
        return self.log.head()

    def count_after(self, position: int) -> int:
        return self.log.count_after(position)

    def streams(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]:
        return self.log.streams(prefix, after, limit)

    def now(self) -> datetime:
        return self.log.now()

    def save_snapshot(self, snapshot: Snapshot) -> None:
        self.log.save_snapshot(snapshot)

    def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        return self.log.load_snapshot(aggregate_id)

    def wait_for_events(self, after_position: int, timeout: float) -> bool:
        return self.log.wait(after_position, seconds_to_wait(after_position, timeout))

    def load(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        """Return the bare events of one stream; a negative `from_version` counts from the end.

        ``load("a", -2)`` returns the last two events, or all of a shorter stream.
        """
        if from_version >= 0:
            return super().load(aggregate_id, from_version)
        count = self.log.end_of(aggregate_id).last_version + 1
        loaded = super().load(aggregate_id, max(0, count + from_version))
        return loaded[from_version:]  # others may have appended since
