"""Upcasters of event objects, and the ways that they make from version to version."""

import copy
import inspect
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrix.event_codec.errors import UpcasterError, UpcasterException
from orchestrix.event_codec.event_upcaster import (
    EventUpcast,
    checked,
    is_version,
    said_version,
    version_of,
)
from orchestrix.messaging import Event

Versions = tuple[int, int]

_CARRIED = ("id", "timestamp", "source", "subject", "correlation_id", "causation_id")
"""What makes an event this one, whatever its form: no upcaster changes it."""

_short = reprlib.Repr()  # copes with what cannot be shown
_short.maxother = 100


class UpcasterRegistry:
    """Brings event objects to later versions, for stores that keep objects.

    An event's version is its attribute ``version`` if it has one, else the schema version of its
    class. Events are never changed: each upcaster gets a deep copy, and what it returns gets the
    id, timestamp, source, subject, correlation and causation of the event. Safe for threads, once
    its upcasters are registered.
    """

    def __init__(self) -> None:
        self._upcasters: dict[str, dict[Versions, EventUpcast]] = {}

    def register(self, event_type: str, upcaster: EventUpcast) -> None:
        """Add one step for the events of a type.

        Unlike ``@codec.upcaster``, which takes a function over *stored data* and serves stores
        that keep bytes, this takes an object over *events*, for stores that keep those; several
        steps may begin at one version, and the event type stays the same along the way, though
        the classes may have others.

        Args:
            event_type: The type of the events as they are before the first step.
            upcaster: The step. An ``upcast`` that is not async is taken, too.

        Raises:
            UpcasterError: It is no upcaster, leads nowhere, or is there already (a ValueError).
        """
        if not isinstance(event_type, str) or not event_type:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise UpcasterError(f"an upcaster belongs to an event type, found {event_type!r}")
        versions = _versions_of(upcaster)
        known = self._upcasters.setdefault(event_type, {})
        if versions in known:
            step = _Step(event_type, versions, known[versions])
            raise UpcasterError(f"{event_type!r} has {step.name} already; remove one of the two")
        known[versions] = upcaster

    def get_upcaster(
        self, event_type: str, source_version: int, target_version: int
    ) -> EventUpcast | None:
        """Return the upcaster of exactly this step, None if there is none."""
        return self._upcasters.get(event_type, {}).get((source_version, target_version))

    def get_chain_info(self, event_type: str) -> list[tuple[int, int]]:
        """Return the registered steps of a type, source and target version, sorted."""
        return sorted(self._upcasters.get(event_type, ()))

    async def upcast(self, event: Event, event_type: str, target_version: int) -> Event:
        """Return `event` in the version asked for, itself if it has that version.

        Steps may skip versions. The fewest that lead there are taken; of equally few, those that
        go furthest first.

        Args:
            event: The event, never changed.
            event_type: The type under which its upcasters are registered.
            target_version: The version of the result.

        Raises:
            UpcasterException: The event is newer, no steps lead there, or one of them failed.
        """
        version = version_of(event)
        versions = f"{event_type} v{version}->v{target_version}"
        if version > target_version:
            problem = f"Cannot downcast {versions}; ask for its version or a later one"
            raise UpcasterException(problem, event_type, version, target_version)
        known = self._upcasters.get(event_type, {})
        way = _ways(known, version).get(target_version)
        if way is None:
            steps = ", ".join(f"v{first}->v{last}" for first, last in sorted(known)) or "none"
            problem = f"No upcaster found for {versions}; registered: {steps}; add what is missing"
            raise UpcasterException(problem, event_type, version, target_version)
        return await _along(way, event, event_type, known)

    async def upcast_to_latest(self, event: Event) -> Event:
        """Return `event` in the highest version that steps for its ``type`` lead to.

        That is the event itself when no step begins at its version. An event of a type without
        any registration is returned at once, whatever its version; so all loaded events may be
        given.

        Raises:
            UpcasterException: A step failed, or the event's version is no number from 1.
        """
        known = self._upcasters.get(event.type)
        if known is None:
            return event
        ways = _ways(known, version_of(event))
        return await _along(ways[max(ways)], event, event.type, known)

    def upcast_now(self, event: Event) -> Event:
        """Do what :meth:`upcast_to_latest` does, without ``await``.

        For upcasters that only calculate: one that has to wait for something is stopped there.

        Raises:
            UpcasterException: Also when an upcaster waits.
        """
        if event.type not in self._upcasters:
            return event  # without the cost of a coroutine
        coroutine = self.upcast_to_latest(event)
        try:
            coroutine.send(None)
        except StopIteration as finished:
            return finished.value
        waits = UpcasterException(
            f"event {event.id!r} of type {event.type!r}: an upcaster waits for something, which "
            "a synchronous load cannot; use the async load, or an upcaster without await",
            event.type,
        )
        try:
            coroutine.close()
        except Exception as error:
            raise waits from error  # it failed, or went on waiting, while it was stopped
        raise waits


@dataclass(frozen=True, slots=True)
class _Step:
    """One upcaster of one event type, and the versions between which it leads."""

    event_type: str
    versions: Versions
    upcaster: EventUpcast

    @property
    def name(self) -> str:
        called = type(self.upcaster).__qualname__
        return f"upcaster {called} (v{self.versions[0]}->v{self.versions[1]})"

    async def apply(self, event: Event) -> Event:
        """Return the later form.

        Raises:
            UpcasterException: The upcaster raised, or returned something else.
        """
        try:
            given = copy.deepcopy(event)
        except Exception as error:
            problem = f"cannot be given a copy of the event ({_short.repr(error)})"
            raise self._failed(event, problem) from error
        try:
            result: object = self.upcaster.upcast(given)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:
            raise self._failed(event, f"raised {_short.repr(error)}; mend it") from error
        return self._with_identity(event, result)

    def _with_identity(self, event: Event, result: object) -> Event:
        if not isinstance(result, Event):
            problem = f"returned {_short.repr(result)}; it has to return the later event"
            raise self._failed(event, problem)
        version, target = said_version(result), self.versions[1]
        if not is_version(version) or version != target:
            raise self._failed(
                event,
                f"returned a {type(result).__qualname__} of version {_short.repr(version)}; give "
                f"it the attribute version={target}, or its class schema_version={target}",
            )
        later = copy.copy(result)
        for name in _CARRIED:
            object.__setattr__(later, name, getattr(event, name))
        return later

    def _failed(self, event: Event, problem: str) -> UpcasterException:
        message = f"event {event.id!r} of type {self.event_type!r}: {self.name} {problem}"
        return UpcasterException(message, self.event_type, *self.versions)


def _versions_of(upcaster: EventUpcast) -> Versions:
    names = ("source_version", "target_version", "upcast")
    source, target, upcast = (getattr(upcaster, name, None) for name in names)
    if isinstance(upcaster, type) or source is None or target is None or not callable(upcast):
        raise UpcasterError(
            "an upcaster is an object with source_version, target_version and upcast: an instance "
            f"of a subclass of EventUpcaster; found {_short.repr(upcaster)}"
        )
    return checked(source, target)


def _ways(known: Mapping[Versions, EventUpcast], version: int) -> dict[int, list[Versions]]:
    """Return the shortest way to each version that can be reached from `version`, itself too."""
    ways: dict[int, list[Versions]] = {version: []}
    steps = sorted(known, reverse=True)  # of equally short ways the first found stays
    reached = [version]
    for each in reached:
        for step in steps:
            if step[0] == each and step[1] not in ways:
                ways[step[1]] = [*ways[each], step]
                reached.append(step[1])
    return ways


async def _along(
    way: list[Versions], event: Event, event_type: str, known: Mapping[Versions, EventUpcast]
) -> Event:
    for versions in way:
        event = await _Step(event_type, versions, known[versions]).apply(event)
    return event
