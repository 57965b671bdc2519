"""Messages and buses, from the ``messaging`` brick."""

from orchestrix.messaging import (
    AsyncMessageBus,
    AsyncMessageHandler,
    Command,
    CommandHandler,
    DeadLetterQueue,
    Event,
    Message,
    MessageBus,
    MessageHandler,
)

__all__ = [
    "AsyncMessageBus",
    "AsyncMessageHandler",
    "Command",
    "CommandHandler",
    "DeadLetterQueue",
    "Event",
    "Message",
    "MessageBus",
    "MessageHandler",
]
