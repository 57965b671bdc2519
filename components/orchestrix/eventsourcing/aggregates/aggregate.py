"""Aggregates: objects that decide, and whose state is the fold of their own events."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from inspect import isawaitable
from typing import Any, ClassVar

from orchestrix.eventsourcing.aggregates.errors import InvalidAggregate
from orchestrix.eventsourcing.aggregates.steps import close
from orchestrix.messaging import Event

logger = logging.getLogger("orchestrix.aggregates")


@dataclass
class AggregateRoot:
    """What protects its rules: its methods decide and record events, its state follows them.

    A method that changes something makes an event and gives it to :meth:`_apply_event`, which
    calls ``_when_<class name in snake_case>(event)``; only there is state changed, because the same
    methods build the aggregate from its stream. The name is looked for by the event's class, then
    its base classes, then its type, in which anything but letters and digits counts as ``_``; an
    event without such a method changes nothing. Every field needs a default: repositories
    make an empty aggregate first.

    Attributes:
        aggregate_id: The stream its events are in.
        version: How many events it is made of, new ones included. A store counts from 0, so the
            version it expects is ``version - len(uncommitted_events) - 1``.
        uncommitted_events: New events that no store has yet, oldest first.
        snapshot_version: Of how many events its newest snapshot is made; 0: it has none.
        snapshot_schema_version: What snapshots of the class are made for, as a class attribute;
            count it up when the same events lead to another state although neither the fields
            nor a ``_when_`` method changed, as after a change in a function these call.
    """

    snapshot_schema_version: ClassVar[int] = 1
    _methods: ClassVar[dict[tuple[type[Event], str], str]] = {}

    aggregate_id: str = ""
    version: int = 0
    uncommitted_events: list[Event] = field(default_factory=list[Event], init=False, repr=False)
    snapshot_version: int = field(default=0, init=False, repr=False, compare=False)

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls._methods = {}

    def _apply_event(self, event: Event) -> None:
        """Change the state by a new event, and keep it until it is saved.

        When its ``_when_`` method raises, the event is not kept.

        Raises:
            InvalidAggregate: It is no event.
        """
        if not isinstance(event, Event):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidAggregate(
                f"{type(self).__qualname__}._apply_event takes an Event; found {event!r}"
            )
        self._when(event)
        self.uncommitted_events.append(event)
        self.version += 1

    def _when(self, event: Event) -> None:
        """Change the state by an event, new or old."""
        kind = type(event), event.type
        name = self._methods.get(kind)
        if name is None:
            name = self._methods[kind] = self._method_for(event)
        if name and (answer := getattr(self, name)(event)) is not None and isawaitable(answer):
            close(answer)
            raise InvalidAggregate(
                f"{type(self).__qualname__}.{name} is async, so calling it changes nothing; what "
                "follows an event waits for nothing"
            )

    def _method_for(self, event: Event) -> str:
        """Return the name of the method that knows what an event changes; empty: there is none."""
        classes = type(event).__mro__
        names = [each.__name__ for each in classes[: classes.index(Event)]]
        for name in (*names, re.sub(r"\W", "_", event.type)):
            method = f"_when_{self._to_snake_case(name)}"
            if hasattr(type(self), method):
                return method
        self._warn_of_a_misspelling(f"_when_{self._to_snake_case(names[0] if names else '')}")
        return ""

    def _warn_of_a_misspelling(self, wanted: str) -> None:
        there = [each for each in dir(type(self)) if each.startswith("_when_")]
        for close_one in get_close_matches(wanted, there, n=1, cutoff=0.85):
            logger.warning(
                "%s has no %s, so such an event changes nothing; is %s meant for it?",
                type(self).__qualname__, wanted, close_one,
            )  # fmt: skip

    def _to_snake_case(self, name: str) -> str:
        """Put an underscore before every capital letter but the first, and make it small."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()

    def mark_events_committed(self) -> None:
        """Forget the new events, because a store has them."""
        self.uncommitted_events = []

    def _replay_events(self, events: Iterable[Event]) -> None:
        """Follow events that a store has."""
        for event in events:
            self._when(event)
            self.version += 1
