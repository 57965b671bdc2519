"""Stores in this process's memory: for tests, demos and models that may be lost."""

from orchestrix.memory_store.async_store import InMemoryAsyncEventStore
from orchestrix.memory_store.projections import InMemoryProjections
from orchestrix.memory_store.store import InMemoryEventStore

__all__ = ["InMemoryAsyncEventStore", "InMemoryEventStore", "InMemoryProjections"]
