"""Keys: what events have in common that must not overtake each other."""

from collections.abc import Callable
from typing import Any

from orchestrix.eventsourcing.append_rules import LONGEST_NAME, is_name
from orchestrix.eventsourcing.projections.errors import NoKey
from orchestrix.messaging import Event, RecordedEvent

KeyFunction = Callable[[Any], str]
"""From an event, as handlers get it, to its key."""


class Keys:
    """The keys of one projection's events: those of a function, else their streams.

    Attributes:
        is_declared: Whether there is a function.
    """

    def __init__(self, projection_id: str, function: KeyFunction | None) -> None:
        if function is not None and not callable(function):  # pyright: ignore[reportUnnecessaryComparison] - callers may be untyped
            raise ValueError(
                "key is a function of an event that returns a text, as in "
                f"key=lambda event: event.account_id; found {function!r}"
            )
        self._projection_id = projection_id
        self._function = function
        self.is_declared = function is not None

    def of(self, recorded: RecordedEvent) -> str:
        """Return the key of a recorded event.

        Raises:
            NoKey: As :meth:`of_event`, or the event cannot be decoded.
        """
        if self._function is None:
            return recorded.stream_id
        try:
            event = recorded.event
        except Exception as error:
            raise NoKey(
                f"projection {self._projection_id!r}: the key of the event at position "
                f"{recorded.position} cannot be told, since it cannot be decoded: {error!r}"
            ) from error
        return self.of_event(event)

    def of_event(self, event: Event) -> str:
        """Return the key that the function gives an event.

        Raises:
            NoKey: It raises something, or what it returns is no key.
        """
        try:
            key: object = None if self._function is None else self._function(event)
        except Exception as error:
            raise self._no_key(event, f"raised {error!r}") from error
        if not isinstance(key, str) or not is_name(key):
            raise self._no_key(event, f"returned {key!r}")
        return key

    def _no_key(self, event: Event, what: str) -> NoKey:
        return NoKey(
            f"projection {self._projection_id!r}: the key of a {type(event).__name__} is a text of "
            f"1 to {LONGEST_NAME} characters, without NUL and lone surrogates; its key function "
            f"{what}"
        )
