"""The in-memory event store, from the ``memory_store`` brick."""

from orchestrix.memory_store import InMemoryEventStore

__all__ = ["InMemoryEventStore"]
