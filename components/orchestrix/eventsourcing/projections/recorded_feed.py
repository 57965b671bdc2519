"""Working through recorded events: the engine's busiest loop."""

from collections.abc import Sequence
from itertools import pairwise

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.errors import GapInFeed, OutOfOrder
from orchestrix.eventsourcing.projections.handlers import finish
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import RecordedEvent


async def apply_recorded(
    records: Sequence[RecordedEvent], routes: Routes, dispatch: Dispatch, progress: Progress
) -> None:
    """Handle `records` in ascending position; leave `progress` after the last one handled.

    Those at or below the checkpoint are passed over. Handlers of the usual kind are called
    right here, since a call more for each event would cost a third of the speed.

    Raises:
        GapInFeed: The event that failed last is not among `records`.
        OutOfOrder: A position is smaller than one before it.
    """
    async_calls, sync_calls, context_calls = (
        ({}, {}, {})
        if progress.partly
        else (routes.async_calls, routes.sync_calls, routes.context_calls)
    )
    projection_id, transaction = progress.began_with.projection_id, progress.transaction
    replaying = routes.replaying
    start = following = progress.position + 1  # the run of applied positions, exclusive
    runs: list[tuple[int, int]] = []
    position, last = progress.position, None
    try:
        for recorded in records:
            position = recorded.position
            if position != following:
                if not check_place(position, progress, following):
                    continue
                runs.append((start, following))
                start = position
            event = recorded.content
            call = async_calls.get(type(event))
            if call is None and type(event) not in sync_calls:
                event = recorded.event  # decoded, if it was not
                call = async_calls.get(type(event))
            if call is not None:
                await call(event)  # pyright: ignore[reportArgumentType] - only events have a lane
            elif (function := sync_calls.get(type(event))) is not None:
                result = function(event)  # pyright: ignore[reportArgumentType] - only events have a lane
                if result is not None:
                    await finish(result, function)
            elif (handle := context_calls.get(type(event))) is not None:
                context = ProjectionContext(
                    projection_id, position, recorded, replaying, transaction
                )
                await handle(event, context)  # pyright: ignore[reportArgumentType] - only events have a lane
            elif not await dispatch(recorded.event, position, recorded, routes, progress):
                runs.append((start, position))
                start = position + 1
            following = position + 1
            last = recorded
    except BaseException:
        if progress.fault == "none":
            progress.fault = "handler"
        raise
    finally:
        for run in runs:
            progress.applied_run(*run)
        progress.applied_run(start, following)
        progress.reach(following - 1)
        if last is not None:
            progress.event_id = last.id
        if progress.fault == "handler":
            progress.failed_position = position


def check_place(position: int, progress: Progress, following: int) -> bool:
    """Say whether the event at `position` is new, when `following` is the next one expected.

    Raises:
        GapInFeed: The event that failed last is left out.
        OutOfOrder: `position` is smaller than one before it.
    """
    if position < following:
        _check_repeat(position, progress, following - 1)
        return False
    _check_failed_comes_first(position, progress, following)
    return True


def _check_repeat(position: int, progress: Progress, checkpoint: int) -> None:
    """Tell an event that is delivered again from one that comes too late."""
    highest = max(progress.highest, checkpoint if checkpoint > progress.position else 0)
    if position < highest:
        progress.fault = "feed"
        raise out_of_order(progress.began_with.projection_id, position, highest)
    progress.highest = position


def _check_failed_comes_first(position: int, progress: Progress, following: int) -> None:
    failed = progress.failed_position
    if failed is not None and following <= failed < position:
        progress.fault = "feed"
        raise GapInFeed(progress.began_with.projection_id, following - 1, failed, failed)


def check_order(projection_id: str, records: Sequence[RecordedEvent]) -> None:
    """Raise OutOfOrder unless the positions of `records` never descend."""
    for one, other in pairwise(records):
        if other.position < one.position:
            raise out_of_order(projection_id, other.position, one.position)


def out_of_order(projection_id: str, position: int, highest: int) -> OutOfOrder:
    """Return the error for an event that comes too late."""
    return OutOfOrder(
        f"projection {projection_id!r} was fed position {position} after {highest}; "
        "feed recorded events in the order of the log"
    )
