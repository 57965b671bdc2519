"""The async store and bus under the sync ones' names, as this path has always had them."""

from orchestrix.memory_store import InMemoryAsyncEventStore
from orchestrix.messaging import InMemoryAsyncMessageBus

__all__ = ["InMemoryEventStore", "InMemoryMessageBus"]


class InMemoryEventStore(InMemoryAsyncEventStore):
    """The async in-memory store; each ``..._async`` is the method without that ending."""

    save_async = InMemoryAsyncEventStore.save
    load_async = InMemoryAsyncEventStore.load
    save_snapshot_async = InMemoryAsyncEventStore.save_snapshot
    load_snapshot_async = InMemoryAsyncEventStore.load_snapshot


class InMemoryMessageBus(InMemoryAsyncMessageBus):
    """The async in-memory bus; ``publish_async`` is ``publish``."""

    publish_async = InMemoryAsyncMessageBus.publish
