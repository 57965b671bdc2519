"""Class-style projections: the read model and its handlers in one object."""

import inspect
from collections.abc import AsyncIterable, Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from orchestrix.eventsourcing.page import StreamPage
from orchestrix.eventsourcing.projections.dispatch import Dispatch, ignored
from orchestrix.eventsourcing.projections.errors import RegistrationError
from orchestrix.eventsourcing.projections.feed import (
    Events,
    async_chunks,
    check_items,
    check_readable,
    chunks,
)
from orchestrix.eventsourcing.projections.handlers import Handler, check_event_type, handler
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import ProjectionState

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
ProjectionT = TypeVar("ProjectionT", bound="Projection")

_MARKS = "__projection_marks__"


def on(event_type: type[Event], *, replay: bool = True) -> Callable[[FunctionT], FunctionT]:
    """Mark a method of a :class:`Projection` as a handler of `event_type` and its subclasses.

    Args:
        event_type: The class of events. A method may be marked for several.
        replay: False: not called for history that is handled again.

    Raises:
        RegistrationError: `event_type` is no class of events.
    """
    check_event_type(event_type)

    def mark(function: FunctionT) -> FunctionT:
        _check_plain(function)
        marks = (*getattr(function, _MARKS, ()), (event_type, replay))
        setattr(function, _MARKS, marks)
        return function

    return mark


class Projection:
    """A read model whose methods, marked with :func:`on`, fold events into it.

    Register the class with an engine, which makes the instance and makes a new one to replay;
    or fold events into an instance on the spot, without an engine.
    """

    @classmethod
    async def fold(
        cls: type[ProjectionT], events: Events | StreamPage, *, ignore: Collection[str] = ()
    ) -> ProjectionT:
        """Return a new instance after `events`: any that an engine takes, or of one stream.

        Nothing is remembered, so an event that comes twice counts twice. Handlers marked
        ``replay=False`` are not called. Raises what a handler raises.

        Args:
            events: Oldest first.
            ignore: Types of stored events that may pass although no class declares them.

        Raises:
            FeedError: `events` holds no events.
            UnhandledUnknownEvent: A stored event has no class here.
            ValueError: `ignore` is no collection of texts.
        """
        projection = cls()
        check_readable(cls.__qualname__, events)
        routes = Routes(list(handlers_in(projection)), replaying=True)
        folding = _Folding(routes, Dispatch(cls.__qualname__, ignored(ignore)), cls.__qualname__)
        if isinstance(events, AsyncIterable):
            async with aclosing(async_chunks(events)) as pieces:
                async for items, _ in pieces:
                    await folding.take(items)
        else:
            for items, _ in chunks(events, 1000):
                await folding.take(items)
        return projection


class _Folding:
    """Events on their way into an instance that no engine knows."""

    def __init__(self, routes: Routes, dispatch: Dispatch, name: str) -> None:
        self._name = name
        self._routes = routes
        self._dispatch = dispatch
        self._progress = Progress(ProjectionState(projection_id=name), None)
        self._number = 0

    async def take(self, items: Sequence[Any]) -> None:
        check_items(self._name, items, self._number)
        for item in items:
            self._number += 1
            if isinstance(item, RecordedEvent):
                event, place, recorded = item.event, item.position, item
            else:
                event, place, recorded = item, self._number, None
            await self._dispatch(event, place, recorded, self._routes, self._progress)


def handlers_in(projection: Projection) -> Iterator[Handler]:
    """Yield the marked methods of `projection`, bound, in the order they are written.

    Base classes come first; an overridden method counts where it was first written, and only
    when the override is marked as well.
    """
    for name in _names(type(projection)):
        function = inspect.getattr_static(type(projection), name)  # runs no property
        if not inspect.isfunction(function):
            _check_unmarked(type(projection), name, function)
            continue
        for event_type, replay in getattr(function, _MARKS, ()):
            yield handler(event_type, getattr(projection, name), in_replay=replay)


def _check_plain(function: object) -> None:
    if not inspect.isfunction(function):
        raise RegistrationError(f"@on marks plain methods, not {function!r}; put it next to def")


def _check_unmarked(cls: type[Projection], name: str, found: object) -> None:
    """Refuse a mark below another decorator, which would keep the method from being called."""
    inner = getattr(found, "__func__", None) or getattr(found, "fget", None)
    if getattr(inner, _MARKS, None):
        raise RegistrationError(
            f"{cls.__qualname__}.{name}: @on marks plain methods, not a {type(found).__name__}"
        )


def _names(cls: type[Projection]) -> list[str]:
    return list(dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base)))
