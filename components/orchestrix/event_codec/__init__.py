"""Events to bytes and back: JSON that stays readable as classes change.

Other bricks import from ``orchestrix.event_codec`` only, never from its modules.
"""

from orchestrix.event_codec.errors import (
    AmbiguousEventType,
    CodecError,
    UnreadableEvent,
    UnstorableClass,
    UnstorableEvent,
    UpcasterError,
)
from orchestrix.event_codec.event_codec import EncodedEvent, EventCodec
from orchestrix.event_codec.upcasters import Upcaster

__all__ = [
    "AmbiguousEventType",
    "CodecError",
    "EncodedEvent",
    "EventCodec",
    "UnreadableEvent",
    "UnstorableClass",
    "UnstorableEvent",
    "Upcaster",
    "UpcasterError",
]
