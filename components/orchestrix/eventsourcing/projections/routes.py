"""Routes: which handlers an event's class leads to, worked out once per class."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from orchestrix.eventsourcing.projections.handlers import Handler
from orchestrix.messaging import Event, UnknownEvent

Function = Callable[[Event], Any]


class Routes:
    """The handlers of each class, in registration order, one function at most once.

    Attributes:
        replaying: Whether these are the routes of history that is handled again.
        async_calls: Classes that lead to one coroutine function without context: the fast lane.
        sync_calls: The same for one plain function.
    """

    def __init__(self, handlers: Sequence[Handler], *, replaying: bool) -> None:
        self._handlers = handlers
        self.replaying = replaying
        self._known: dict[type[Event], tuple[Handler, ...] | None] = {}
        self.async_calls: dict[type[Any], Callable[[Event], Awaitable[None]]] = {}
        self.sync_calls: dict[type[Any], Function] = {}

    def handlers_of(self, cls: type[Event]) -> tuple[Handler, ...] | None:
        """Return what to call for events of `cls`; None when nothing handles them."""
        if cls not in self._known:
            self._known[cls] = self._find(cls)
        return self._known[cls]

    def _find(self, cls: type[Event]) -> tuple[Handler, ...] | None:
        matching = [each for each in self._handlers if _matches(each.event_type, cls)]
        if not matching:
            return None
        found: list[Handler] = []
        for each in matching:
            silent = self.replaying and not each.in_replay
            if not silent and all(each.function != other.function for other in found):
                found.append(each)
        self._open_fast_lane(cls, found)
        return tuple(found)

    def _open_fast_lane(self, cls: type[Event], found: list[Handler]) -> None:
        if len(found) != 1 or found[0].takes_context:
            return
        lane = self.async_calls if found[0].is_async else self.sync_calls
        lane[cls] = found[0].function


def _matches(handled: type[Event], cls: type[Event]) -> bool:
    """An unknown event is nobody's subclass: only who asked for it by name gets it."""
    if issubclass(cls, UnknownEvent):
        return issubclass(handled, UnknownEvent)
    return issubclass(cls, handled)
