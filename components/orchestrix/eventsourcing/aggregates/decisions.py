"""From a decision to recorded events: what caused them, and that they are recorded once."""

import inspect
import random
import reprlib
import uuid
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from orchestrix.eventsourcing.aggregates.errors import InvalidAggregate
from orchestrix.eventsourcing.aggregates.saved_events import SavedEvents
from orchestrix.eventsourcing.aggregates.steps import Pause, Steps
from orchestrix.eventsourcing.append_rules import check_range, is_name
from orchestrix.eventsourcing.errors import ConcurrencyError
from orchestrix.eventsourcing.page import StreamPage
from orchestrix.eventsourcing.store import AppendResult, AsyncEventStore, EventStore
from orchestrix.messaging import Event, Message, StreamEvent

LoadedT = TypeVar("LoadedT")

_NAMESPACE: Final = uuid.UUID("0b8b3f62-6a5c-5a5e-9d5e-3f1f4d0c7a11")

_NEVER: Final = 2**62
"""A version that no stream reaches: what expects it writes nothing."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.25
"""Seconds."""


class Decisions:
    """Appends what was decided about the streams of one store."""

    def __init__(self, store: EventStore | AsyncEventStore) -> None:
        self._store = store

    def execute(
        self,
        stream_id: str,
        command: Message | None,
        attempts: int,
        load: Callable[[], Steps[LoadedT]],
        decide: Callable[[LoadedT], object],
        save: Callable[[LoadedT], Steps[SavedEvents]],
    ) -> Steps[SavedEvents]:
        """Load, decide and save, again when somebody else was faster."""
        check_range("attempts", attempts, 1)
        check_command(command)
        for attempt in range(1, attempts):
            try:
                return (yield from self._attempt(stream_id, command, load, decide, save))
            except ConcurrencyError:
                yield Pause(random.uniform(0, _pause(attempt)))  # noqa: S311 - spreads load, guards no secret
        try:
            return (yield from self._attempt(stream_id, command, load, decide, save))
        except ConcurrencyError as error:
            error.add_note(f"somebody else was faster in each of {attempts} attempts")
            raise

    def _attempt(
        self,
        stream_id: str,
        command: Message | None,
        load: Callable[[], Steps[LoadedT]],
        decide: Callable[[LoadedT], object],
        save: Callable[[LoadedT], Steps[SavedEvents]],
    ) -> Steps[SavedEvents]:
        """What a command had recorded is its answer, also when it is refused now."""
        loaded = yield from load()
        try:
            answer = decide(loaded)
            if inspect.isgenerator(answer) or inspect.isasyncgen(answer):
                raise InvalidAggregate(
                    f"{answer!r}: what decides is a generator, so calling it runs nothing; call "
                    "methods in it, without yield"
                )
            yield answer
            return (yield from save(loaded))
        except ConcurrencyError:
            raise
        except Exception:
            recorded = yield from self._recorded(stream_id, command)
            if recorded is None:
                raise
            return recorded

    def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        expected_version: int,
        command: Message | None,
    ) -> Steps[SavedEvents]:
        """Append new events, and tell where they are; without events, where the stream ends.

        Args:
            stream_id: The stream.
            events: New, oldest first.
            expected_version: As for a store.
            command: Of which these are all events about this stream: their ids are made from its
                own. None: they have their ids.
        """
        if command is not None:
            events = [_formed(command, stream_id, *each) for each in enumerate(events)]
        version = expected_version if events else None
        at: AppendResult = yield self._store.append(stream_id, events, expected_version=version)
        if at.repeated or not events:  # then it may be another answer that is recorded
            recorded = yield from self._recorded(stream_id, command)
            if recorded is not None:
                return recorded
        return SavedEvents(
            at.last_version, at.last_position, at.first_position, tuple(events),
            repeated=at.repeated,
        )  # fmt: skip

    def _recorded(self, stream_id: str, command: Message | None) -> Steps[SavedEvents | None]:
        """Return what this command had recorded before, None for nothing."""
        if command is None:
            return None
        first = Event(id=_id_of(command, stream_id, 0))
        try:  # a store looks at the ids first, and so answers with where this one is
            at: AppendResult = yield self._store.append(stream_id, [first], expected_version=_NEVER)
        except ConcurrencyError:
            return None
        found = yield from self._events_of(stream_id, command, at.last_version)
        last = found[-1]
        events = tuple(each.event for each in found)
        return SavedEvents(last.version, last.position, at.first_position, events, repeated=True)

    def _events_of(
        self, stream_id: str, command: Message, from_version: int
    ) -> Steps[list[StreamEvent]]:
        found: list[StreamEvent] = []
        at_end = False
        while not at_end:
            page: StreamPage = yield self._store.read(stream_id, from_version=from_version)
            for each in page.events:
                if each.id != _id_of(command, stream_id, len(found)):
                    return found
                found.append(each)
            from_version, at_end = page.next_version, page.at_end
        return found


def check_command(command: object) -> None:
    """Raise InvalidAggregate unless it is a message with an id that events can be told by."""
    if command is None or (isinstance(command, Message) and is_name(command.id)):
        return
    raise InvalidAggregate(
        "a command is a Message with an id, a text of 1 to 512 characters; found "
        f"{reprlib.repr(command)}"
    )


def caused(event: Event, command: Message | None) -> Event:
    """Return an event that continues the story of a command, unless it has a cause."""
    if command is None or event.causation_id is not None:
        return event
    return event.caused_by(command)


def _formed(command: Message, stream_id: str, index: int, event: Event) -> Event:
    return event.with_id(_id_of(command, stream_id, index))


def _id_of(command: Message, stream_id: str, index: int) -> str:
    """Return the id of an event that a command leads to in a stream, the same each time."""
    return str(uuid.uuid5(_NAMESPACE, f"{command.id}\0{stream_id}\0{index}"))


def _pause(attempt: int) -> float:
    return min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
