"""Working through bare events, which only their ids tell apart."""

from collections.abc import Sequence

from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.errors import FeedError
from orchestrix.eventsourcing.projections.handlers import finish
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import Event


async def apply_bare(
    events: Sequence[Event], routes: Routes, dispatch: Dispatch, progress: Progress
) -> None:
    """Handle those of `events` whose ids are new; leave `progress` after the last one handled.

    Raises:
        FeedError: An id is no text; the events before it are handled.
    """
    async_calls, sync_calls = routes.async_calls, routes.sync_calls
    seen, before, partly = progress.seen, progress.position, progress.partly
    taken: list[str] = []
    passed: list[str] = []
    try:
        for event in events:
            event_id = event.id
            if event_id.__class__ is not str:
                check_id(event, progress)
            if event_id in seen:
                continue
            cls = type(event)
            if partly and event_id in partly:
                if not await dispatch(event, before + len(taken) + 1, None, routes, progress):
                    passed.append(event_id)  # its handlers are gone
            elif (call := async_calls.get(cls)) is not None:
                await call(event)
            elif (function := sync_calls.get(cls)) is not None:
                result = function(event)
                if result is not None:
                    await finish(result, function)
            elif not await dispatch(event, before + len(taken) + 1, None, routes, progress):
                passed.append(event_id)
            seen.add(event_id)
            taken.append(event_id)
    except BaseException:
        if progress.fault == "none":
            progress.fault = "handler"
        raise
    finally:
        progress.took_ids(taken, passed)


def is_seen(event: Event, progress: Progress) -> bool:
    """Say whether a bare event was taken before. Raises as :func:`check_id`."""
    check_id(event, progress)
    return event.id in progress.seen


def check_id(event: Event, progress: Progress) -> None:
    """Raise FeedError when the id of a bare event is no text."""
    if not isinstance(event.id, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        progress.fault = "feed"
        raise FeedError(
            f"projection {progress.began_with.projection_id!r} was fed a {type(event).__name__} "
            f"with the id {event.id!r}; bare events are told apart by their ids, so give it a text"
        )
