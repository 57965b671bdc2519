"""Pages: what a store hands out, so that memory does not grow with it."""

from dataclasses import dataclass

from orchestrix.messaging import RecordedEvent, StreamEvent


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of the log, in ascending position.

    Attributes:
        events: The events found; fewer than asked for, or none, when a filter left some out.
        after_position: Where the slice begins, exclusive; 0 is the beginning of the log.
        last_position: How far the store looked, inclusive, events that the filter left out
            included. Continue with ``after_position=page.last_position``.
        at_end: Whether the store had looked at every event it held.
        store_id: The store whose log this is.
    """

    events: tuple[RecordedEvent, ...]
    after_position: int
    last_position: int
    at_end: bool
    store_id: str


@dataclass(frozen=True, slots=True)
class StreamPage:
    """A slice of one stream, in ascending version. Not the log: an engine refuses it.

    Attributes:
        events: The events found, without holes.
        stream_id: The stream.
        next_version: Continue with ``from_version=page.next_version``.
        at_end: Whether the slice reached the stream's last event. True for a missing stream.
    """

    events: tuple[StreamEvent, ...]
    stream_id: str
    next_version: int
    at_end: bool
