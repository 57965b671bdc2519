"""Messages, the buses that carry them, and what happens to those that fail.

Other bricks import from ``orchestrix.messaging`` only, never from its modules.
"""

from orchestrix.messaging.async_memory_bus import InMemoryAsyncMessageBus
from orchestrix.messaging.command_handler import AsyncCommandHandler, CommandHandler
from orchestrix.messaging.dead_letter_queue import (
    DeadLetteredMessage,
    DeadLetterQueue,
    InMemoryDeadLetterQueue,
)
from orchestrix.messaging.errors import (
    HandlerError,
    NoHandler,
    OrchestrixError,
    SubscriptionError,
    TooManyHandlers,
)
from orchestrix.messaging.memory_bus import InMemoryMessageBus
from orchestrix.messaging.message import Command, Event, Message, message_type, schema_version
from orchestrix.messaging.message_bus import (
    AsyncMessageBus,
    AsyncMessageHandler,
    MessageBus,
    MessageHandler,
)
from orchestrix.messaging.recorded_event import RecordedEvent, StreamEvent
from orchestrix.messaging.retry import (
    ExponentialBackoff,
    FixedDelay,
    LinearBackoff,
    NoRetry,
    RetryPolicy,
    retry_sync,
)
from orchestrix.messaging.unknown_event import UnknownEvent

__all__ = [
    "AsyncCommandHandler",
    "AsyncMessageBus",
    "AsyncMessageHandler",
    "Command",
    "CommandHandler",
    "DeadLetterQueue",
    "DeadLetteredMessage",
    "Event",
    "ExponentialBackoff",
    "FixedDelay",
    "HandlerError",
    "InMemoryAsyncMessageBus",
    "InMemoryDeadLetterQueue",
    "InMemoryMessageBus",
    "LinearBackoff",
    "Message",
    "MessageBus",
    "MessageHandler",
    "NoHandler",
    "NoRetry",
    "OrchestrixError",
    "RecordedEvent",
    "RetryPolicy",
    "StreamEvent",
    "SubscriptionError",
    "TooManyHandlers",
    "UnknownEvent",
    "message_type",
    "retry_sync",
    "schema_version",
]
