"""Working through a whole batch with one call of one handler."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrix.eventsourcing.projections.bare_feed import is_seen
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.handlers import Context, call
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.recorded_feed import check_place
from orchestrix.messaging import Event, RecordedEvent


@dataclass(frozen=True, slots=True)
class BatchHandler:
    """A function that takes all events of a batch at once.

    Attributes:
        function: What is called with a list of events.
        name: Module and qualified name.
        context: How it takes the context of the batch's last event.
    """

    function: Callable[..., Any]
    name: str
    context: Context


@dataclass(frozen=True, slots=True)
class _Item:
    given: Event | RecordedEvent
    position: int

    @property
    def id(self) -> str:
        return self.given.id

    def event(self) -> Event:
        """Return the event; raises what its decoder raises."""
        return self.given.event if isinstance(self.given, RecordedEvent) else self.given

    def recorded(self) -> RecordedEvent | None:
        return self.given if isinstance(self.given, RecordedEvent) else None


async def apply_batch(
    handler: BatchHandler,
    items: Sequence[Event] | Sequence[RecordedEvent],
    dispatch: Dispatch,
    progress: Progress,
    replaying: bool,
) -> None:
    """Hand the new ones of `items` to `handler`; nothing is handled unless it returns.

    Before an event that is unknown or cannot be decoded the batch ends, and that is raised.
    """
    fresh = _new(items, progress)
    handled = 0
    try:
        known, error = _split(fresh, dispatch)
        await _call(handler, known, dispatch, progress, replaying)
        _advance(known, dispatch, progress)
        handled = len(known)
        if error is not None:
            raise error
    except BaseException:
        progress.fault = "handler"
        if handled < len(fresh) and fresh[handled].recorded():
            progress.failed_position = fresh[handled].position
        raise


async def _call(
    handler: BatchHandler,
    known: Sequence[_Item],
    dispatch: Dispatch,
    progress: Progress,
    replaying: bool,
) -> None:
    events = [each.event() for each in known]
    wanted = [each for each in events if not dispatch.is_ignored(each)]
    if wanted:
        last = known[-1]
        context = progress.context(last.position, last.recorded(), replaying=replaying)
        await call(handler.function, (wanted,), handler.context, context)


def _new(items: Sequence[Event] | Sequence[RecordedEvent], progress: Progress) -> list[_Item]:
    fresh: list[_Item] = []
    following, number, seen = progress.position + 1, progress.position, set[str]()
    for item in items:
        if isinstance(item, RecordedEvent):
            if check_place(item.position, progress, following):
                fresh.append(_Item(item, item.position))
                following = item.position + 1
            continue
        if not is_seen(item, progress) and item.id not in seen:
            seen.add(item.id)
            number += 1
            fresh.append(_Item(item, number))
    return fresh


def _split(items: list[_Item], dispatch: Dispatch) -> tuple[list[_Item], Exception | None]:
    """Return the items before the first that cannot be handled, and why it cannot."""
    for index, item in enumerate(items):
        try:
            dispatch.check_for_batch(item.event())
        except Exception as error:  # noqa: BLE001 - it is raised once the items before it are handled
            return items[:index], error
    return items, None


def _advance(items: list[_Item], dispatch: Dispatch, progress: Progress) -> None:
    if not items:
        return
    ignored = {each.id for each in items if dispatch.is_ignored(each.event())}
    if items[-1].recorded() is None:
        taken = [each.id for each in items]
        progress.seen.update(taken)
        progress.took_ids(taken, ignored)
        return
    for each in items:
        if each.id not in ignored:
            progress.applied_run(each.position, each.position + 1)
    progress.event_id = items[-1].id
    progress.reach(items[-1].position)
