"""Events to bytes and back: JSON that stays readable as classes change. Upcasters for objects, too.

Other bricks import from ``orchestrix.event_codec`` only, never from its modules.
"""

from orchestrix.event_codec.errors import (
    AmbiguousEventType,
    CodecError,
    UnreadableEvent,
    UnstorableClass,
    UnstorableEvent,
    UpcasterError,
    UpcasterException,
)
from orchestrix.event_codec.event_codec import EncodedEvent, EventCodec
from orchestrix.event_codec.event_upcaster import EventUpcast, EventUpcaster, VersionedEvent
from orchestrix.event_codec.upcaster_registry import UpcasterRegistry
from orchestrix.event_codec.upcasters import Upcaster

__all__ = [
    "AmbiguousEventType",
    "CodecError",
    "EncodedEvent",
    "EventCodec",
    "EventUpcast",
    "EventUpcaster",
    "UnreadableEvent",
    "UnstorableClass",
    "UnstorableEvent",
    "Upcaster",
    "UpcasterError",
    "UpcasterException",
    "UpcasterRegistry",
    "VersionedEvent",
]
