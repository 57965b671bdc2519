"""Handing one event to all of its handlers, when the fast lane will not do."""

from collections.abc import Callable, Collection
from typing import cast

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.errors import UnhandledUnknownEvent
from orchestrix.eventsourcing.projections.handlers import Handler
from orchestrix.eventsourcing.projections.keys import Keys
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import Event, RecordedEvent, UnknownEvent


def ignored(types: object) -> frozenset[str]:
    """Return the types of unknown events that may pass; ValueError if it is no list of texts."""
    if isinstance(types, Collection) and not isinstance(types, (str, bytes)):
        found = list(cast("Collection[object]", types))
        if all(isinstance(each, str) for each in found):
            return frozenset(cast("list[str]", found))
    raise ValueError(f"ignore is a list of types; found {types!r}")


class Dispatch:
    """Calls handlers in their order, and remembers which returned when a later one fails."""

    def __init__(
        self,
        projection_id: str,
        ignored: Collection[str],
        keys: Keys | None = None,
        mark: Callable[[Event], None] | None = None,
    ) -> None:
        self._projection_id = projection_id
        self._ignored = ignored
        self._keys = keys if keys is not None and keys.is_declared else None
        self._mark = None if self._keys is None else mark  # told of each event before its handlers

    async def __call__(
        self,
        event: Event,
        position: int,
        recorded: RecordedEvent | None,
        routes: Routes,
        progress: Progress,
    ) -> bool:
        """Return whether the event had handlers. Raises what a handler raises.

        Raises:
            UnhandledUnknownEvent: Nobody said what to do with it.
        """
        handlers = routes.handlers_of(type(event))
        event_id = event.id if recorded is None else recorded.id  # a decoder may make new ones
        if handlers is None:
            self.check_known(event)
            progress.partly.pop(event_id, None)
            return False
        context = progress.context(position, recorded, replaying=routes.replaying)
        if self._mark is not None:
            self._mark(event)
        await self._call(handlers, event, event_id, context, progress)
        return True

    def is_ignored(self, event: Event) -> bool:
        """Say whether it is an unknown event of a type that may pass."""
        return isinstance(event, UnknownEvent) and event.type in self._ignored

    def check_known(self, event: Event) -> None:
        """Raise UnhandledUnknownEvent for an unknown event that may not pass."""
        if isinstance(event, UnknownEvent) and event.type not in self._ignored:
            raise UnhandledUnknownEvent(self._projection_id, event.type, event.id)

    def check_for_batch(self, event: Event) -> None:
        """Raise what keeps an event from a batch handler: UnhandledUnknownEvent, or NoKey."""
        self.check_known(event)
        if self._keys is not None and not self.is_ignored(event):
            self._keys.of_event(event)

    async def _call(
        self,
        handlers: tuple[Handler, ...],
        event: Event,
        event_id: str,
        context: ProjectionContext,
        progress: Progress,
    ) -> None:
        returned = list(progress.partly.get(event_id, ()))
        for handler in handlers:
            if handler.name in returned:
                continue
            try:
                await handler(event, context)
            except BaseException:
                if returned:
                    progress.partly[event_id] = tuple(returned)
                raise
            returned.append(handler.name)
        progress.partly.pop(event_id, None)
