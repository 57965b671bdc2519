"""Messages, the buses that carry them, and what happens to those that fail.

Other bricks import from ``orchestrix.messaging`` only, never from its modules.
"""

from orchestrix.messaging.errors import (
    HandlerError,
    NoHandler,
    OrchestrixError,
    SubscriptionError,
    TooManyHandlers,
)
from orchestrix.messaging.message import Command, Event, Message, message_type, schema_version
from orchestrix.messaging.recorded_event import RecordedEvent, StreamEvent
from orchestrix.messaging.unknown_event import UnknownEvent

__all__ = [
    "Command",
    "Event",
    "HandlerError",
    "Message",
    "NoHandler",
    "OrchestrixError",
    "RecordedEvent",
    "StreamEvent",
    "SubscriptionError",
    "TooManyHandlers",
    "UnknownEvent",
    "message_type",
    "schema_version",
]
