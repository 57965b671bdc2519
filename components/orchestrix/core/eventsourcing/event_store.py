"""Event store ports, from the ``eventsourcing`` brick."""

from orchestrix.eventsourcing import AsyncEventStore, EventStore

__all__ = ["AsyncEventStore", "EventStore"]
