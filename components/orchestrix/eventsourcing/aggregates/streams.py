"""Reading whole streams, from a store of either colour."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from orchestrix.eventsourcing.aggregates.errors import (
    InvalidAggregate,
    UnreadableAggregate,
    WrongColour,
)
from orchestrix.eventsourcing.aggregates.steps import Steps
from orchestrix.eventsourcing.page import StreamPage
from orchestrix.eventsourcing.projections.handlers import is_coroutine_function
from orchestrix.eventsourcing.store import AsyncEventStore, EventStore
from orchestrix.messaging import Event, StreamEvent, UnknownEvent


class Upcasters(Protocol):
    """What brings an event that was kept as an object to the latest form of its type."""

    def upcast_now(self, event: Event) -> Event:
        """Return the latest form, without waiting; the same event where there is no other."""
        ...

    def upcast_to_latest(self, event: Event) -> Awaitable[Event]:
        """Return it where it may be waited for."""
        ...


class Streams:
    """The streams of one store, as aggregates are made of them."""

    def __init__(
        self, store: EventStore | AsyncEventStore, upcasters: Upcasters | None = None
    ) -> None:
        append = getattr(store, "append", None)
        if not callable(append) or isinstance(store, type):
            raise InvalidAggregate(f"event_store is an event store; found {store!r}")
        for name in ("upcast_now", "upcast_to_latest"):
            if upcasters is not None and not callable(getattr(upcasters, name, None)):
                raise InvalidAggregate(
                    f"upcasters are such as an UpcasterRegistry(); found {upcasters!r}"
                )
        self.store = store
        self._upcasters = upcasters
        self._is_async = is_coroutine_function(inspect.unwrap(append))

    def check_sync(self, method: str) -> None:
        """Raise WrongColour where the store is async."""
        if self._is_async:
            raise WrongColour(method, f"{method}_async")

    def check_async(self, method: str) -> None:
        """Raise WrongColour where the store is sync."""
        if not self._is_async:
            raise WrongColour(method, method.removesuffix("_async"))

    def follow(
        self,
        stream_id: str,
        count: int,
        last_id: str | None,
        apply: Callable[[Sequence[Event]], None],
    ) -> Steps[bool]:
        """Give `apply` the events after the first `count`, page by page.

        Return whether the stream has those first ones at all, the last of which has the id
        `last_id`; nothing is given if not.
        """
        at, at_end = max(count - 1, 0), False
        while not at_end:
            page: StreamPage = yield self.store.read(stream_id, from_version=at)
            recorded = page.events
            if at < count:
                if not recorded or recorded[0].id != last_id:
                    return False
                recorded = recorded[1:]
            apply((yield from self._events(stream_id, recorded)))
            at, at_end = page.next_version, page.at_end
        return True

    def _events(self, stream_id: str, recorded: Sequence[StreamEvent]) -> Steps[list[Event]]:
        events = [each.event for each in recorded]
        if self._upcasters is not None:
            upcast = (
                self._upcasters.upcast_to_latest if self._is_async else self._upcasters.upcast_now
            )
            for index, event in enumerate(events):
                events[index] = yield upcast(event)
        for each, event in zip(recorded, events, strict=True):
            if isinstance(event, UnknownEvent):
                raise UnreadableAggregate(stream_id, each.version, each.type)
        return events
