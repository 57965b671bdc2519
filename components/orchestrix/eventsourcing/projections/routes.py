"""Routes: which handlers an event's class leads to, worked out once per class."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.handlers import Handler, is_same
from orchestrix.messaging import Event, UnknownEvent

Function = Callable[[Event], Any]


class Routes:
    """The handlers of each class, in registration order, one function at most once.

    Attributes:
        replaying: Whether these are the routes of history that is handled again.
        async_calls: Classes that lead to one coroutine function without context: the fast lane.
        sync_calls: The same for one plain function.
        context_calls: The same for one coroutine function that takes the context second.
    """

    def __init__(
        self, handlers: Sequence[Handler], *, replaying: bool, has_fast_lanes: bool = True
    ) -> None:
        self._handlers = handlers
        self._has_fast_lanes = has_fast_lanes
        self.replaying = replaying
        self._known: dict[type[Event], tuple[Handler, ...] | None] = {}
        self.async_calls: dict[type[Any], Callable[[Event], Awaitable[None]]] = {}
        self.sync_calls: dict[type[Any], Function] = {}
        self.context_calls: dict[
            type[Any], Callable[[Event, ProjectionContext], Awaitable[None]]
        ] = {}

    def handlers_of(self, cls: type[Event]) -> tuple[Handler, ...] | None:
        """Return what to call for events of `cls`; None when nothing handles them."""
        if cls not in self._known:
            self._known[cls] = self._find(cls)
        return self._known[cls]

    def _find(self, cls: type[Event]) -> tuple[Handler, ...] | None:
        matching = [each for each in self._handlers if _matches(each.event_type, cls)]
        if not matching:
            return None
        found = [each for each in _one_per_function(matching) if self._hears(each)]
        self._open_fast_lane(cls, found)
        return tuple(found)

    def _hears(self, handler: Handler) -> bool:
        return handler.in_replay or not self.replaying

    def _open_fast_lane(self, cls: type[Event], found: list[Handler]) -> None:
        if not self._has_fast_lanes or len(found) != 1:
            return
        (only,) = found
        if only.context == "unwanted":
            lane = self.async_calls if only.is_async else self.sync_calls
            lane[cls] = only.function
        elif only.context == "last" and only.is_async:
            self.context_calls[cls] = only.function


def _one_per_function(handlers: Sequence[Handler]) -> list[Handler]:
    """Return one handler for each function, silent in replays only if all of its handlers are."""
    found: list[Handler] = []
    for each in handlers:
        same = [
            place for place, other in enumerate(found) if is_same(each.function, other.function)
        ]
        if not same:
            found.append(each)
        elif each.in_replay and not found[same[0]].in_replay:
            found[same[0]] = each
    return found


def _matches(handled: type[Event], cls: type[Event]) -> bool:
    """An unknown event is nobody's subclass: only who asked for it by name gets it."""
    if issubclass(cls, UnknownEvent):
        return issubclass(handled, UnknownEvent) and issubclass(cls, handled)
    return issubclass(cls, handled)
