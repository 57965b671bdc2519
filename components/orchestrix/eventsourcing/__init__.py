"""Streams of events: the ports that every store implements, and the projection engine.

Other bricks import from ``orchestrix.eventsourcing`` only, never from its modules.
"""

from orchestrix.eventsourcing.append_rules import (
    RecordedId,
    check_append,
    check_range,
    check_stream_id,
    check_version,
    repeated_append,
)
from orchestrix.eventsourcing.errors import (
    ConcurrencyError,
    DuplicateEvent,
    EventStoreError,
    InvalidAppend,
    InvalidRange,
)
from orchestrix.eventsourcing.page import Page, StreamPage
from orchestrix.eventsourcing.snapshot import Snapshot
from orchestrix.eventsourcing.store import NO_STREAM, AppendResult, AsyncEventStore, EventStore

__all__ = [
    "NO_STREAM",
    "AppendResult",
    "AsyncEventStore",
    "ConcurrencyError",
    "DuplicateEvent",
    "EventStore",
    "EventStoreError",
    "InvalidAppend",
    "InvalidRange",
    "Page",
    "RecordedId",
    "Snapshot",
    "StreamPage",
    "check_append",
    "check_range",
    "check_stream_id",
    "check_version",
    "repeated_append",
]
