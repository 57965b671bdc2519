"""An event as a store keeps it: with its place in a stream and in the log."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from orchestrix.messaging.message import Event


class RecordedEvent(msgspec.Struct, frozen=True, eq=False):
    """An event plus where and when it was recorded. Equal when all but the content is.

    Attributes:
        id: The event's id, unique in the store.
        type: The event's type, as stored.
        stream_id: The stream it belongs to.
        version: Its place in the stream: from 0, gapless.
        position: Its place in the whole store: from 1, in commit order, holes are legal.
        recorded_at: The store's clock in UTC; never decreases with position.
        metadata: What the writer added, text to text.
        content: The event, or the call that decodes it; read :attr:`event` instead.
    """

    id: str
    type: str
    stream_id: str
    version: int
    position: int
    recorded_at: datetime
    metadata: Mapping[str, str]
    content: Event | Callable[[], Event]

    @property
    def event(self) -> Event:
        """The event itself, decoded on first access. Raises what its decoder raises."""
        content = self.content
        if isinstance(content, Event):
            return content
        event = content()
        msgspec.structs.force_setattr(self, "content", event)
        return event

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordedEvent):
            return NotImplemented
        return _key(self) == _key(other) and self.metadata == other.metadata

    def __ne__(self, other: object) -> bool:
        # Without it Struct's own answers, which calls equal records different.
        result = self.__eq__(other)
        return result if result is NotImplemented else not result

    def __hash__(self) -> int:
        return hash(_key(self))

    def __reduce__(self) -> tuple[Any, ...]:
        metadata = dict(self.metadata)
        fields = (self.id, self.type, self.stream_id, self.version, self.position)
        return type(self), (*fields, self.recorded_at, metadata, self.event)


class StreamEvent(RecordedEvent, frozen=True, eq=False):
    """A recorded event that was read from one stream, so its neighbours may be missing.

    A projection engine refuses it: taken for the log, it would skip all other streams.
    """


def _key(recorded: RecordedEvent) -> tuple[object, ...]:
    place = (recorded.stream_id, recorded.version, recorded.position, recorded.recorded_at)
    return (recorded.id, recorded.type, *place)
