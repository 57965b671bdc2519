"""Deciders: the functional form of an aggregate."""

import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from orchestrix.eventsourcing.aggregates.decisions import Decisions, caused
from orchestrix.eventsourcing.aggregates.errors import InvalidAggregate
from orchestrix.eventsourcing.aggregates.saved_events import SavedEvents
from orchestrix.eventsourcing.aggregates.steps import Steps, close, done, done_async
from orchestrix.eventsourcing.aggregates.streams import Streams, Upcasters
from orchestrix.eventsourcing.store import AsyncEventStore, EventStore
from orchestrix.messaging import Event, Message

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


@dataclass(frozen=True)
class Decider(Generic[CommandT, StateT]):
    """Three functions that say what an aggregate does, without side effects.

    Attributes:
        decide: Takes a command and the state; returns the events that follow, an event or
            several; none: nothing is to be done. To refuse it raises.
        evolve: Takes the state and an event; returns the next state.
        initial: Makes the state before the first event; a class will do.
    """

    decide: Callable[[CommandT, StateT], Event | Iterable[Event]]
    evolve: Callable[[StateT, Event], StateT]
    initial: Callable[[], StateT]

    def __post_init__(self) -> None:
        """Raise InvalidAggregate unless all three are functions."""
        for name in ("decide", "evolve", "initial"):
            if not callable(found := getattr(self, name)):
                raise InvalidAggregate(
                    f"{name} of a decider is a function, such as a class without (); found "
                    f"{found!r}"
                )

    def fold(self, events: Iterable[Event]) -> StateT:
        """Return the state after `events`."""
        state = self.initial()
        for event in events:
            state = self.evolved(state, event)
        return state

    def evolved(self, state: StateT, event: Event) -> StateT:
        """Return the state after an event.

        Raises:
            InvalidAggregate: `evolve` is async.
        """
        after = self.evolve(state, event)
        if inspect.isawaitable(after):
            close(after)
            raise InvalidAggregate("evolve of a decider returns the next state; it is not async")
        return after

    def decided(self, command: CommandT, state: StateT) -> tuple[Event, ...]:
        """Return the events that follow from a command.

        Raises:
            InvalidAggregate: `decide` returned anything but events.
            Exception: What it raises.
        """
        answer = cast("object", self.decide(command, state))
        if inspect.isawaitable(answer):
            close(answer)
            raise InvalidAggregate("decide of a decider returns events; it is not async")
        events = (answer,) if isinstance(answer, Event) else answer
        if isinstance(events, Iterable) and not isinstance(events, (str, bytes, Mapping)):
            decided = tuple(cast("Iterable[object]", events))
            if all(isinstance(each, Event) for each in decided):
                return cast("tuple[Event, ...]", decided)
        raise InvalidAggregate(
            f"decide of a decider returns events, as in [AccountOpened(...)], or [] for none; "
            f"about a {type(command).__qualname__} it returned {reprlib.repr(answer)}"
        )


@dataclass
class _Decision(Generic[StateT]):
    """What is known of a stream, and what was decided about it."""

    state: StateT
    version: int = 0
    events: Sequence[Event] = ()


@dataclass
class DeciderRepository(Generic[CommandT, StateT]):
    """The streams of one decider: their states, and what commands add to them.

    Methods come in two colours and raise as those of AggregateRepository.

    Attributes:
        event_store: Where the streams are.
        decider: What decides.
        upcasters: As for an AggregateRepository.
    """

    event_store: EventStore | AsyncEventStore
    decider: Decider[CommandT, StateT]
    upcasters: Upcasters | None = None
    _streams: Streams = field(init=False, repr=False, compare=False)
    _decisions: Decisions = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise InvalidAggregate if `event_store` or `decider` is none."""
        if not isinstance(self.decider, Decider):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidAggregate(f"decider is a Decider(...); found {self.decider!r}")
        self._streams = Streams(self.event_store, self.upcasters)
        self._decisions = Decisions(self.event_store)

    def load(self, stream_id: str) -> StateT:
        """Return the state of a stream; the initial one when it has no events."""
        self._streams.check_sync("load")
        return done(self._load(stream_id)).state

    async def load_async(self, stream_id: str) -> StateT:
        """Do as :meth:`load`, with an async store."""
        self._streams.check_async("load_async")
        return (await done_async(self._load(stream_id))).state

    def execute(self, stream_id: str, command: CommandT, *, attempts: int = 10) -> SavedEvents:
        """Decide about a command, and append the events, if nobody else appended meanwhile.

        When somebody did, decide again. A command that is a Message has one effect on a stream,
        however often it is repeated, as for ``AggregateRepository.execute``.
        """
        self._streams.check_sync("execute")
        return done(self._execute(stream_id, command, attempts))

    async def execute_async(
        self, stream_id: str, command: CommandT, *, attempts: int = 10
    ) -> SavedEvents:
        """Do as :meth:`execute`, with an async store."""
        self._streams.check_async("execute_async")
        return await done_async(self._execute(stream_id, command, attempts))

    def _execute(self, stream_id: str, command: CommandT, attempts: int) -> Steps[SavedEvents]:
        cause = command if isinstance(command, Message) else None

        def decide(known: _Decision[StateT]) -> None:
            known.events = self.decider.decided(command, known.state)

        def save(known: _Decision[StateT]) -> Steps[SavedEvents]:
            events = [caused(each, cause) for each in known.events]
            return self._decisions.append(stream_id, events, known.version - 1, cause)

        return self._decisions.execute(
            stream_id, cause, attempts, lambda: self._load(stream_id), decide, save
        )

    def _load(self, stream_id: str) -> Steps[_Decision[StateT]]:
        known = _Decision(self.decider.initial())

        def follow(events: Sequence[Event]) -> None:
            for event in events:
                known.state = self.decider.evolved(known.state, event)
            known.version += len(events)

        yield from self._streams.follow(stream_id, 0, None, follow)
        return known
