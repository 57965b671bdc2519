"""Feeds: whatever an engine is given, as chunks of one kind."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from orchestrix.eventsourcing.page import Page, StreamPage
from orchestrix.eventsourcing.projection_errors import FeedError, MixedFeed, NotTheLog
from orchestrix.messaging import Event, RecordedEvent, StreamEvent
from orchestrix.projection_state import Feed

Events = (
    Page
    | Iterable[Event]
    | Iterable[RecordedEvent]
    | AsyncIterable[Event]
    | AsyncIterable[RecordedEvent]
)
"""What an engine may be fed."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some events, at least one, or a page, which may be empty."""

    items: Sequence[Any]
    page: Page | None


def chunks(events: object, size: int) -> Iterator[Chunk]:
    """Yield what a page or an iterable holds, in order: a page whole, others `size` at a time."""
    if isinstance(events, Page):
        yield Chunk(events.events, events)
    elif isinstance(events, StreamPage):
        yield Chunk(events.events, None)
    elif isinstance(events, (list, tuple)) and 0 < len(cast("Sequence[Any]", events)) <= size:
        yield Chunk(tuple(cast("Sequence[Any]", events)), None)
    else:
        iterator = iter(cast("Iterable[Any]", events))
        while batch := tuple(islice(iterator, size)):
            yield Chunk(batch, None)


async def async_chunks(events: AsyncIterable[Any]) -> AsyncGenerator[Chunk, None]:
    """Yield what an async iterable holds as it comes: the next event may be hours away."""
    async for event in events:
        yield Chunk((event,), None)


def check_events(projection_id: str, events: object) -> None:
    """Raise FeedError unless `events` may be the log, or bare events."""
    if isinstance(events, StreamPage):
        raise _not_the_log(projection_id, events.stream_id)
    check_readable(projection_id, events)


def check_readable(projection_id: str, events: object) -> None:
    """Raise FeedError unless `events` is something that holds events."""
    wrong = isinstance(events, (str, bytes, Event, RecordedEvent))
    if wrong or not isinstance(events, (Iterable, AsyncIterable, Page, StreamPage)):
        raise FeedError(
            f"projection {projection_id!r} was fed {_short(events)}; feed it events in a list, "
            "another iterable, or a Page from read_all()"
        )


def kind_of(projection_id: str, chunk: Chunk) -> Feed:
    """Return the kind of events in `chunk`, which holds at least one or is a page.

    Raises:
        FeedError: Something in it is no event.
        MixedFeed: Both kinds are in it.
        NotTheLog: Events of one stream are in it.
    """
    kinds = check_items(projection_id, chunk.items)
    if kinds == {RecordedEvent} or (not kinds and chunk.page):
        return "recorded"
    for kind in kinds:
        if issubclass(kind, StreamEvent):
            first = next(each for each in chunk.items if isinstance(each, kind))
            raise _not_the_log(projection_id, first.stream_id)
    recorded = [issubclass(kind, RecordedEvent) for kind in kinds]
    if any(recorded) and not all(recorded):
        raise MixedFeed(projection_id, "bare", "recorded")
    return "recorded" if all(recorded) else "bare"


def check_items(projection_id: str, items: Sequence[Any]) -> set[type[Any]]:
    """Return the classes of `items`; raise FeedError unless all are events."""
    kinds = set(map(type, items))
    for kind in kinds:
        if not issubclass(kind, (Event, RecordedEvent)):
            index, item = next(each for each in enumerate(items) if type(each[1]) is kind)
            raise FeedError(
                f"projection {projection_id!r} was fed {_short(item)} at place {index}; "
                "feed it events only"
            )
    return kinds


def _not_the_log(projection_id: str, stream_id: str) -> NotTheLog:
    return NotTheLog(
        f"projection {projection_id!r} was fed recorded events of stream {stream_id!r} as if they "
        "were the log, which would skip every other stream; feed pages of read_all(), or the bare "
        "events of load()"
    )


def _short(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 60 else f"{text[:57]}..."
