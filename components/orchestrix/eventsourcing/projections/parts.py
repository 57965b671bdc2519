"""Parts of a chunk: what lies before the projection's start, what is history, what is new."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.messaging import Event, RecordedEvent


def after_start(
    records: Sequence[RecordedEvent], start: datetime, progress: Progress
) -> Sequence[RecordedEvent]:
    """Return the records from `start` (inclusive) on; the checkpoint moves over the others."""
    first = bisect_left(records, start, key=lambda each: each.recorded_at)
    if first:
        progress.reach(records[first - 1].position)
    return records[first:]


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
        split = bisect_right(items, until, key=lambda each: each.position)
    else:
        items = _new(items, progress)
        split = until - progress.position
    if items[:split]:
        yield items[:split], True
    if items[split:] or not items:
        yield items[split:], False


def _new(events: Sequence[Event], progress: Progress) -> Sequence[Event]:
    by_id: dict[str, Event] = {}
    for event in events:
        if event.id not in progress.seen:
            by_id.setdefault(event.id, event)
    return list(by_id.values())
