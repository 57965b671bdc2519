"""Streams of events: the ports that every store implements, aggregates, the projection engine.

Other bricks import from ``orchestrix.eventsourcing`` only, never from its modules.
"""

from orchestrix.eventsourcing.aggregates.aggregate import AggregateRoot
from orchestrix.eventsourcing.aggregates.decider import Decider, DeciderRepository
from orchestrix.eventsourcing.aggregates.errors import (
    AggregateError,
    AggregateNotFound,
    InvalidAggregate,
    UnreadableAggregate,
    WrongColour,
)
from orchestrix.eventsourcing.aggregates.repository import AggregateRepository
from orchestrix.eventsourcing.aggregates.saved_events import SavedEvents
from orchestrix.eventsourcing.aggregates.streams import Upcasters
from orchestrix.eventsourcing.append_rules import (
    RecordedId,
    check_append,
    check_range,
    check_snapshot,
    check_stream_id,
    check_version,
    is_unicode,
    listed,
    repeated_append,
    time_of,
)
from orchestrix.eventsourcing.errors import (
    AppendInsideBatch,
    BatchInsideBatch,
    ConcurrencyError,
    DuplicateEvent,
    EventStoreError,
    InvalidAppend,
    InvalidRange,
    StorageError,
    StoreClosed,
    StoreUnavailable,
    StoreUnusable,
)
from orchestrix.eventsourcing.outbox import handed_over, outbox
from orchestrix.eventsourcing.page import Page, StreamPage
from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.engine import ProjectionEngine
from orchestrix.eventsourcing.projections.errors import (
    EngineInUse,
    FeedError,
    GapInFeed,
    MixedFeed,
    NoKey,
    NoTransaction,
    NotTheLog,
    OutdatedProjection,
    OutOfOrder,
    ProjectionError,
    RegistrationError,
    TransactionEnded,
    UnhandledUnknownEvent,
)
from orchestrix.eventsourcing.projections.parking import Parking
from orchestrix.eventsourcing.projections.projection import Projection, on
from orchestrix.eventsourcing.projections.read_model import OpenReadModel, ReadModel
from orchestrix.eventsourcing.projections.state_keeper import Promise
from orchestrix.eventsourcing.read_rules import (
    check_texts,
    checked_seconds,
    chosen,
    seconds_to_wait,
)
from orchestrix.eventsourcing.snapshot import Snapshot
from orchestrix.eventsourcing.store import NO_STREAM, AppendResult, AsyncEventStore, EventStore
from orchestrix.eventsourcing.waiting import Watchers

__all__ = [
    "NO_STREAM",
    "AggregateError",
    "AggregateNotFound",
    "AggregateRepository",
    "AggregateRoot",
    "AppendInsideBatch",
    "AppendResult",
    "AsyncEventStore",
    "BatchInsideBatch",
    "ConcurrencyError",
    "Decider",
    "DeciderRepository",
    "DuplicateEvent",
    "EngineInUse",
    "EventStore",
    "EventStoreError",
    "FeedError",
    "GapInFeed",
    "InvalidAggregate",
    "InvalidAppend",
    "InvalidRange",
    "MixedFeed",
    "NoKey",
    "NoTransaction",
    "NotTheLog",
    "OpenReadModel",
    "OutOfOrder",
    "OutdatedProjection",
    "Page",
    "Parking",
    "Projection",
    "ProjectionContext",
    "ProjectionEngine",
    "ProjectionError",
    "Promise",
    "ReadModel",
    "RecordedId",
    "RegistrationError",
    "SavedEvents",
    "Snapshot",
    "StorageError",
    "StoreClosed",
    "StoreUnavailable",
    "StoreUnusable",
    "StreamPage",
    "TransactionEnded",
    "UnhandledUnknownEvent",
    "UnreadableAggregate",
    "Upcasters",
    "Watchers",
    "WrongColour",
    "check_append",
    "check_range",
    "check_snapshot",
    "check_stream_id",
    "check_texts",
    "check_version",
    "checked_seconds",
    "chosen",
    "handed_over",
    "is_unicode",
    "listed",
    "on",
    "outbox",
    "repeated_append",
    "seconds_to_wait",
    "time_of",
]
