"""Working through a whole batch with one call of one handler."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrix.eventsourcing.dispatch import Dispatch
from orchestrix.eventsourcing.handlers import call_with
from orchestrix.eventsourcing.progress import Progress
from orchestrix.eventsourcing.recorded_feed import check_place
from orchestrix.messaging import Event, RecordedEvent


@dataclass(frozen=True, slots=True)
class BatchHandler:
    """A function that takes all events of a batch at once.

    Attributes:
        function: What is called with a list of events.
        name: Module and qualified name.
        takes_context: Whether it wants the context of the batch's last event.
    """

    function: Callable[..., Any]
    name: str
    takes_context: bool


@dataclass(frozen=True, slots=True)
class _Item:
    event: Event
    position: int
    recorded: RecordedEvent | None


async def apply_batch(
    handler: BatchHandler,
    items: Sequence[Event] | Sequence[RecordedEvent],
    dispatch: Dispatch,
    progress: Progress,
    replaying: bool,
) -> None:
    """Hand the new ones of `items` to `handler`; nothing is handled unless it returns.

    Before an unknown event the batch ends, and the unknown event is raised for.
    """
    fresh: list[_Item] = []
    try:
        _collect(items, progress, fresh)
        known, unknown = _split(fresh, dispatch)
        await _call(handler, known, dispatch, progress, replaying)
        _advance(known, dispatch, progress)
        if unknown:
            dispatch.refuse_unknown(unknown.event)
    except BaseException:
        progress.has_failed = not progress.is_refused
        if progress.has_failed and fresh and fresh[0].recorded:
            progress.failed_position = next(
                (each.position for each in fresh if each.position > progress.position), None
            )
        raise


async def _call(
    handler: BatchHandler,
    known: Sequence[_Item],
    dispatch: Dispatch,
    progress: Progress,
    replaying: bool,
) -> None:
    events = [each.event for each in known if not dispatch.is_ignored(each.event)]
    if events:
        last = known[-1]
        context = progress.context(last.position, last.recorded, replaying=replaying)
        await call_with(handler.function, events, context if handler.takes_context else None)


def _collect(
    items: Sequence[Event] | Sequence[RecordedEvent], progress: Progress, fresh: list[_Item]
) -> None:
    """Put those of `items` that are new into `fresh`."""
    following, number, seen = progress.position + 1, progress.position, set[str]()
    for item in items:
        if isinstance(item, RecordedEvent):
            if check_place(item.position, progress, following):
                fresh.append(_Item(item.event, item.position, item))
                following = item.position + 1
        elif item.id not in progress.seen and item.id not in seen:
            seen.add(item.id)
            number += 1
            fresh.append(_Item(item, number, None))


def _split(items: list[_Item], dispatch: Dispatch) -> tuple[list[_Item], _Item | None]:
    for index, item in enumerate(items):
        if dispatch.is_unknown(item.event):
            return items[:index], item
    return items, None


def _advance(items: list[_Item], dispatch: Dispatch, progress: Progress) -> None:
    if not items:
        return
    handled = [each for each in items if not dispatch.is_ignored(each.event)]
    if items[-1].recorded is None:
        passed = [each.event.id for each in items if dispatch.is_ignored(each.event)]
        taken = [each.event.id for each in items]
        progress.seen.update(taken)
        progress.took_ids(taken, passed)
        return
    for each in handled:
        progress.applied_run(each.position, each.position + 1)
    progress.event_id = items[-1].event.id
    progress.reach(items[-1].position)
