"""Parts of a chunk: what lies before the projection's start, what is history, what is new."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrix.eventsourcing.projections.bare_feed import is_seen
from orchestrix.eventsourcing.projections.feed import Origin
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.recorded_feed import check_place
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import Feed, PartlyApplied


def from_start(
    items: Sequence[Any], feed: Feed, start: object, progress: Progress
) -> Sequence[Any]:
    """Return what lies from the time `start` (inclusive) on; all, when it is no time.

    The checkpoint moves over the others. Once an event was applied, the projection has begun.
    """
    if feed == "bare" or not isinstance(start, datetime) or progress.has_applied():
        return items
    progress.make_state()  # who asks during the chunk shall see how it was before
    for index, recorded in enumerate(items):
        if recorded.recorded_at >= start:
            return items[index:]
        if check_place(recorded.position, progress, progress.position + 1):
            progress.reach(recorded.position)
            progress.event_id = recorded.id
    return ()


def is_comparable(old: Progress, origin: Origin) -> bool:
    """Say whether checkpoints in a replay of `origin` mean the same as the old ones.

    Recorded events without a page are taken to come from the store that is known.
    """
    is_same_store = old.store_id is None or origin.store_id in (None, old.store_id)
    return old.feed is None or (old.feed == origin.feed and is_same_store)


def done_in_silence(
    partly: Mapping[str, tuple[str, ...]], silent: Collection[str]
) -> tuple[PartlyApplied, ...]:
    """Return what half-applied events did that a reset does not undo.

    Args:
        partly: The handlers that returned, for each event.
        silent: Names of the handlers that are not called for history.
    """
    done = (
        PartlyApplied(each, tuple(name for name in names if name in silent))
        for each, names in partly.items()
    )
    return tuple(each for each in done if each.returned)


def history_and_news(
    items: Sequence[Any], progress: Progress
) -> Iterator[tuple[Sequence[Any], bool]]:
    """Yield the part of `items` that a replay handles again, then the rest.

    Each comes with whether it is history.
    """
    until = progress.replay_until
    if until <= progress.position:
        split = 0
    elif items and isinstance(items[0], RecordedEvent):
        above = (index for index, each in enumerate(items) if each.position > until)
        split = next(above, len(items))
    else:
        items = _new(items, progress)
        split = until - progress.position
    if items[:split]:
        yield items[:split], True
    if items[split:]:
        yield items[split:], False


def _new(events: Sequence[Event], progress: Progress) -> Sequence[Event]:
    by_id: dict[str, Event] = {}
    for event in events:
        if not is_seen(event, progress):
            by_id.setdefault(event.id, event)
    return list(by_id.values())
