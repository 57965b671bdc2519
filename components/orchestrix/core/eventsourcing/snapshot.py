"""Snapshots, from the ``eventsourcing`` brick."""

from orchestrix.eventsourcing import Snapshot

__all__ = ["Snapshot"]
