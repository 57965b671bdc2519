"""Feeds: whatever an engine is given, as chunks of one kind."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, cast

from orchestrix.eventsourcing.page import Page, StreamPage
from orchestrix.eventsourcing.projections.errors import FeedError, MixedFeed, NotTheLog
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


_FEEDS: dict[type[Any], Feed] = {RecordedEvent: "recorded"}
"""Classes that were looked at before."""

_EVENTS = (Event, RecordedEvent)
_USUAL = {list, tuple, Page}

Chunk: TypeAlias = tuple[Sequence[Any], Page | None]
"""Some events, at least one, and None; or a page's events, which may be none, and the page."""


class Origin(NamedTuple):
    """Where a chunk comes from, as far as it tells."""

    feed: Feed | None = None
    store_id: str | None = None


_UNPAGED: dict[Feed, Origin] = {"bare": Origin("bare"), "recorded": Origin("recorded")}


def origin_of(feed: Feed, items: Sequence[Any], page: Page | None) -> Origin:
    """Return where a chunk comes from; a page of an empty log tells its store and no kind."""
    if page is None:
        return _UNPAGED[feed]
    return Origin(feed if items or page.last_position > 0 else None, page.store_id)


def chunks(events: object, size: int, *, is_replay: bool = False) -> Iterator[Chunk]:
    """Yield what a page or an iterable holds, in order: a page whole, others `size` at a time.

    Of an iterable that breaks, what it gave is yielded before its exception is raised; but not
    of the first batch of a replay, which must not begin with it.
    """
    if isinstance(events, Page):
        yield events.events, events
    elif isinstance(events, StreamPage):
        yield events.events, None
    else:
        if isinstance(events, list):
            events = tuple(cast("list[Any]", events))  # handlers may change their list
        yield from _batches(iter(cast("Iterable[Any]", events)), size, is_replay)


def _batches(iterator: Iterator[Any], size: int, must_be_whole: bool) -> Iterator[Chunk]:
    batch: list[Any] = [None]
    while batch:
        batch = []
        try:
            batch.extend(islice(iterator, size))
        except BaseException:
            if batch and not must_be_whole:
                yield tuple(batch), None
            raise
        if batch:
            yield tuple(batch), None
        must_be_whole = False


async def async_chunks(events: AsyncIterable[Any]) -> AsyncGenerator[Chunk, None]:
    """Yield what an async iterable holds as it comes: the next event may be hours away."""
    async for event in events:
        yield (event,), None


def check_events(projection_id: str, events: object) -> None:
    """Raise FeedError unless `events` may be the log, or bare events."""
    if isinstance(events, StreamPage):
        raise _not_the_log(projection_id, events.stream_id)
    check_readable(projection_id, events)


def check_readable(projection_id: str, events: object) -> None:
    """Raise FeedError unless `events` is something that holds events."""
    if type(events) in _USUAL:
        return
    wrong = isinstance(events, (str, bytes, Event, RecordedEvent))
    if wrong or not isinstance(events, (Iterable, AsyncIterable, Page, StreamPage)):
        raise FeedError(
            f"projection {projection_id!r} was fed {_short(events)}; feed it events in a list, "
            "another iterable, or a Page from read_all()"
        )


def kind_of(projection_id: str, items: Sequence[Any], place: int) -> Feed:
    """Return the kind of events in a chunk; an empty page is recorded.

    Args:
        projection_id: Whom they are fed to.
        items: The events of the chunk.
        place: The first one's place in what was fed, from 0.

    Raises:
        FeedError: Something in it is no event.
        MixedFeed: Both kinds are in it.
        NotTheLog: Events of one stream are in it.
    """
    kinds = set(map(type, items))
    if len(kinds) == 1 and (feed := _FEEDS.get(next(iter(kinds)))):
        return feed
    check_items(projection_id, items, place)
    if not kinds:
        return "recorded"
    recorded = [kind for kind in kinds if issubclass(kind, RecordedEvent)]
    if not recorded:
        _FEEDS.update(dict.fromkeys(kinds, "bare"))
        return "bare"
    if len(recorded) < len(kinds):
        raise MixedFeed(projection_id, None, "bare and recorded")
    for item in items:
        if isinstance(item, StreamEvent):
            raise _not_the_log(projection_id, item.stream_id)
    return "recorded"


def check_items(projection_id: str, items: Sequence[Any], place: int) -> None:
    """Raise FeedError unless all of `items` are events; the first is at `place`, from 0."""
    for kind in set(map(type, items)):
        if not issubclass(kind, _EVENTS):
            index, item = next(each for each in enumerate(items) if type(each[1]) is kind)
            raise FeedError(
                f"projection {projection_id!r} was fed {_short(item)} at place {place + index}; "
                "feed it events only"
            )


def _not_the_log(projection_id: str, stream_id: str) -> NotTheLog:
    return NotTheLog(
        f"projection {projection_id!r} was fed recorded events of stream {stream_id!r} as if they "
        "were the log, which would skip every other stream; feed pages of read_all(), or the bare "
        "events of load()"
    )


def _short(item: object) -> str:
    try:
        text = repr(item)
    except Exception:  # noqa: BLE001 - what is no event may be broken in any way
        text = f"an object of {type(item).__qualname__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
