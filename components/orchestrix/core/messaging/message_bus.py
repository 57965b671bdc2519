"""Message buses, from the ``messaging`` brick."""

from orchestrix.messaging import AsyncMessageBus, AsyncMessageHandler, MessageBus, MessageHandler

__all__ = ["AsyncMessageBus", "AsyncMessageHandler", "MessageBus", "MessageHandler"]
