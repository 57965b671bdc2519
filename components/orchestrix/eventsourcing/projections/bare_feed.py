"""Working through bare events, which only their ids tell apart."""

import inspect
from collections.abc import Sequence

from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import Event


async def apply_bare(
    events: Sequence[Event], routes: Routes, dispatch: Dispatch, progress: Progress
) -> None:
    """Handle those of `events` whose ids are new; leave `progress` after the last one handled."""
    async_calls, sync_calls = routes.async_calls, routes.sync_calls
    seen, before, partly = progress.seen, progress.position, progress.partly
    taken: list[str] = []
    passed: list[str] = []
    try:
        for event in events:
            event_id = event.id
            if event_id in seen:
                continue
            cls = type(event)
            if partly and event_id in partly:
                await dispatch(event, before + len(taken) + 1, None, routes, progress)
            elif (call := async_calls.get(cls)) is not None:
                await call(event)
            elif (function := sync_calls.get(cls)) is not None:
                result = function(event)
                if result is not None and inspect.isawaitable(result):
                    await result
            elif not await dispatch(event, before + len(taken) + 1, None, routes, progress):
                passed.append(event_id)
            seen.add(event_id)
            taken.append(event_id)
    except BaseException:
        progress.fault = "handler"
        raise
    finally:
        progress.took_ids(taken, passed)
