"""The async in-memory event store, from the ``memory_store`` brick."""

from orchestrix.memory_store import InMemoryAsyncEventStore

__all__ = ["InMemoryAsyncEventStore"]
