"""Event sourcing, from the ``eventsourcing`` brick."""

from orchestrix.eventsourcing import EventStore, ProjectionEngine, Snapshot

__all__ = ["EventStore", "ProjectionEngine", "Snapshot"]
