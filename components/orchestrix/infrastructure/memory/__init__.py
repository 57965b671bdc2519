"""In-memory stores and buses, from the ``memory_store`` and ``messaging`` bricks."""

from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import InMemoryAsyncMessageBus, InMemoryMessageBus

__all__ = [
    "InMemoryAsyncEventStore",
    "InMemoryAsyncMessageBus",
    "InMemoryEventStore",
    "InMemoryMessageBus",
]
