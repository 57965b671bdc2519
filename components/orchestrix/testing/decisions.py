"""What aggregates and deciders have in common: given events, when a decision, then events."""

import re
from collections.abc import Callable
from typing import Generic, NoReturn, Self, TypeVar

from orchestrix.messaging import Event
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.events import check_events, described, difference
from orchestrix.testing.texts import joined, shown

StateT = TypeVar("StateT")
ErrorT = TypeVar("ErrorT", bound=Exception)


class DecisionScenario(Generic[StateT]):
    """Events that were given, what was decided then, and what it must have led to.

    Two events are the same when they have one class and the same values in all fields but the
    envelope: ``id``, ``specversion``, ``source``, ``timestamp``, ``correlation_id`` and
    ``causation_id``. Look at these in :attr:`events`.
    """

    def __init__(self, state: StateT) -> None:
        self._state = state
        self._events: tuple[Event, ...] = ()
        self._error: Exception | None = None
        self._is_decided = False

    @property
    def state(self) -> StateT:
        """The aggregate, or the state of the decider, as all events up to now have made it."""
        self._check_accepted("a state after it")
        return self._state

    @property
    def events(self) -> tuple[Event, ...]:
        """What was decided, oldest first."""
        self._check_decided("events")
        self._check_accepted("events")
        return self._events

    def then(self, *events: Event) -> Self:
        """Raise AssertionError unless exactly these events were decided, in this order."""
        self._check_decided("then")
        if not events:
            raise InvalidScenario("then() expects nothing; write then_nothing()")
        check_events("then", events)
        first, *others = map(described, events)
        self._check_accepted(f"{first} and {len(others)} more" if others else first)
        if text := difference(events, self._events):
            raise AssertionError(text)
        return self

    def then_nothing(self) -> Self:
        """Raise AssertionError if any event was decided, or the decision was refused."""
        self._check_decided("then_nothing")
        self._check_accepted("no event, and no error")
        if text := difference((), self._events):
            raise AssertionError(text)
        return self

    def then_raises(self, error: type[ErrorT], match: str | None = None) -> ErrorT:
        """Raise AssertionError unless it was refused with an `error`; return that.

        Args:
            error: Its class, or a base class of that.
            match: A regular expression that is found in its text.
        """
        self._check_decided("then_raises")
        check_error(error)
        found = self._error
        if found is None:
            lines = [f"    {described(each)}" for each in self._events] or ["    no event"]
            raise AssertionError(joined(f"expected {error.__qualname__}, found", lines))
        return check_raised(error, match, found)

    def _decide(self, decide: Callable[[], tuple[Event, ...]]) -> None:
        """Do it once, and keep what it raised for the ``then`` that asks for it."""
        if self._is_decided:
            raise InvalidScenario(
                "when comes once; what happened before it is given: given(..., *events)"
            )
        self._is_decided = True
        try:
            self._events = decide()
        except InvalidScenario:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, a `then` tells it
            self._error = error

    def _check_decided(self, then: str) -> None:
        if not self._is_decided:
            raise InvalidScenario(f"{then} comes after when(...)")

    def _check_accepted(self, expected: str) -> None:
        if self._error is not None:
            _tell(self._error, f"expected {expected}")


def check_error(error: object) -> None:
    """Raise InvalidScenario unless it is a class of exceptions."""
    cls = error if isinstance(error, type) else object
    if not issubclass(cls, Exception):
        raise InvalidScenario(
            "then_raises takes a class of exceptions, and a text that matches, as in "
            f"then_raises(ValueError, match='too much'); found {shown(error)}"
        )


def check_raised(error: type[ErrorT], match: str | None, found: Exception) -> ErrorT:
    """Return `found`, which is an `error` with such a text, or raise AssertionError."""
    if not isinstance(found, error):
        _tell(found, f"expected {error.__qualname__}")
    if match is not None and not re.search(match, str(found)):
        name = error.__qualname__
        _tell(found, f"expected {name} with a text in which {match!r} is found")
    return found


def _tell(found: Exception, expected: str) -> NoReturn:
    text = shown(found)
    raise AssertionError(f"{expected}\n   found {text}, raised as shown above") from found
