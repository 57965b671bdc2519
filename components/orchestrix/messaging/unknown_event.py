"""Stored events whose class this program does not have."""

from dataclasses import dataclass

from orchestrix.messaging.message import Event


@dataclass(frozen=True, kw_only=True)
class UnknownEvent(Event):
    """A stored event of a type that no class here declares.

    Its `type` is the stored one and its `data` the stored content. A projection does not
    pass it in silence: handle ``UnknownEvent``, or name the type in the engine's ``ignore``.
    """
