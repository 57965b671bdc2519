"""The in-memory message bus, from the ``messaging`` brick."""

from orchestrix.messaging import InMemoryMessageBus

__all__ = ["InMemoryMessageBus"]
