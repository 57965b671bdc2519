"""Versions of event objects, from the ``event_codec`` brick."""

from orchestrix.event_codec import (
    EventUpcast,
    EventUpcaster,
    UpcasterException,
    UpcasterRegistry,
    VersionedEvent,
)

__all__ = [
    "EventUpcast",
    "EventUpcaster",
    "UpcasterException",
    "UpcasterRegistry",
    "VersionedEvent",
]
