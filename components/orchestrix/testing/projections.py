"""Given, when and then for projections, through a real engine."""

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import Any, Generic, Self, TypeVar, cast

from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event
from orchestrix.read_models import TableDeclaration
from orchestrix.testing.decisions import check_error, check_raised
from orchestrix.testing.deliveries import WAYS, Delivery, Subject, Way
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.events import check_events
from orchestrix.testing.rows import difference
from orchestrix.testing.texts import differing_lines, joined, shown

ModelT = TypeVar("ModelT")
RowT = TypeVar("RowT")
ErrorT = TypeVar("ErrorT", bound=Exception)

InStream = tuple[str, *tuple[Event, ...]]
"""A stream's id, and events of it."""


class ProjectionScenario(Generic[ModelT]):
    """Events in a log, what happens on their way, and the read model that comes of it.

    They are fed once, by the first ``then``; each later one looks at the same result.
    """

    def __init__(
        self, name: str, subject: Subject[ModelT], events: Sequence[Event | InStream]
    ) -> None:
        self._name = name
        self._subject = subject
        self._log = InMemoryEventStore()
        for each in events:
            stream_id, added = _placed(each)
            self._log.append(stream_id, added)
        self._ways: tuple[Way, ...] = ()
        self._delivery: Delivery[ModelT] | None = None
        self._error: Exception | None = None

    def when(self, *ways: Way) -> Self:
        """Say what happens to the events, all of it in one run; without it they are fed once.

        Args:
            ways: ``"repeated"``: each event is fed twice, and the engine leaves out the second.
                ``"crashed"``: at each event the process dies when all handlers have returned and
                nothing is committed, and another goes on. ``"restarted"``: another process goes
                on between every two events. ``"replayed"``: the read model is emptied when all
                is handled, and everything is handled again, as history.
        """
        unknown = [each for each in ways if each not in WAYS]
        if not ways or unknown:
            found = ", ".join(map(repr, unknown)) or "none"
            raise InvalidScenario(
                f"when takes one or more of {', '.join(map(repr, WAYS))}; found {found}"
            )
        if self._ways or self._delivery is not None:
            raise InvalidScenario(
                "when comes once, before every then; name all ways in one: when('crashed', "
                "'replayed'), or begin anew with given(...)"
            )
        self._ways = ways
        return self

    async def then_rows(self, table: TableDeclaration[RowT], *rows: RowT) -> None:
        """Raise AssertionError unless the table holds exactly these rows, in whatever order."""
        delivery = await self._delivered()
        found = await delivery.states.table(table).query()
        if text := difference(table, rows, found):
            raise AssertionError(self._told(text))

    async def then(
        self, read: Callable[[ModelT], Awaitable[object] | object], expected: object
    ) -> None:
        """Raise AssertionError unless `read` returns what is `expected`.

        Args:
            read: A question to the read model, sync or async. It gets the instance, where a class
                was given, else the state store, whose ``table(...)`` reads tables.
            expected: Its answer.
        """
        if not callable(read):
            raise InvalidScenario(
                f"then takes a function that asks the read model, and its answer; found "
                f"{shown(read)}; for rows of a table write then_rows(table, *rows)"
            )
        delivery = await self._delivered()
        answer = read(delivery.model)
        found: object = await cast("Awaitable[object]", answer) if isawaitable(answer) else answer
        if (found,) != (expected,):
            text = joined("another answer than expected", differing_lines(expected, found))
            raise AssertionError(self._told(text))

    async def then_raises(self, error: type[ErrorT], match: str | None = None) -> ErrorT:
        """Raise AssertionError unless a handler raised an `error`; return that.

        Args:
            error: Its class, or a base class of that.
            match: A regular expression that is found in its text.
        """
        check_error(error)
        await self._run()
        if self._error is None:
            raise AssertionError(
                self._told(f"expected {error.__qualname__}, found all events handled")
            )
        return check_raised(error, match, self._error)

    async def _delivered(self) -> Delivery[Any]:
        delivery = await self._run()
        if self._error is not None:
            raise AssertionError(
                self._told(
                    f"expected all events handled\n   found {shown(self._error)}, raised "
                    "as shown above"
                )
            ) from self._error
        return delivery

    async def _run(self) -> Delivery[ModelT]:
        if self._delivery is None:
            delivery = Delivery(self._subject, self._log)
            try:
                await delivery.run(frozenset(self._ways))
            except Exception as error:  # noqa: BLE001 - whatever it is, a `then` tells it
                self._error = error
            self._delivery = delivery
        return self._delivery

    def _told(self, text: str) -> str:
        """Return `text` with the name of the projection, and what happened to its events."""
        where = self._name
        if self._ways:
            where += f", {' and '.join(self._ways)}"
        hint = "\n(leave ways out of when(...) to see which it takes)" if self._ways[1:] else ""
        return f"{where}: {text}{hint}"


def _placed(given: object) -> tuple[str, Sequence[Event]]:
    """Return the stream of events, and these."""
    if not isinstance(given, tuple):
        check_events("given", [given])
        return "given", [cast("Event", given)]
    stream_id, *events = cast("tuple[Any, ...]", given) or ("",)
    if not isinstance(stream_id, str) or not stream_id:
        raise InvalidScenario(
            f"given: a tuple is a stream's id and its events, as in ('account-1', event, event); "
            f"found {shown(cast('object', given))}"
        )
    check_events(f"given: stream {stream_id!r}", events)
    return stream_id, events
