"""Event sourcing, from the ``eventsourcing`` and ``event_codec`` bricks."""

from orchestrix.event_codec import EventUpcast, EventUpcaster, UpcasterRegistry, VersionedEvent
from orchestrix.eventsourcing import (
    AggregateRepository,
    AggregateRoot,
    EventStore,
    ProjectionEngine,
    Snapshot,
)

__all__ = [
    "AggregateRepository",
    "AggregateRoot",
    "EventStore",
    "EventUpcast",
    "EventUpcaster",
    "ProjectionEngine",
    "Snapshot",
    "UpcasterRegistry",
    "VersionedEvent",
]
