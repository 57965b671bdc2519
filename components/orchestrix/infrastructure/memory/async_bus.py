"""The async in-memory message bus, from the ``messaging`` brick."""

from orchestrix.messaging import InMemoryAsyncMessageBus

__all__ = ["InMemoryAsyncMessageBus"]
