"""What brings an event object from one version to a later one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from orchestrix.event_codec.errors import UpcasterError, UpcasterException
from orchestrix.messaging import Event, UnknownEvent, schema_version


class EventUpcast(Protocol):
    """What a registry takes: an :class:`EventUpcaster`, or whatever has the same three names."""

    @property
    @abstractmethod
    def source_version(self) -> int:
        """The version of the events it takes, at least 1."""
        ...

    @property
    @abstractmethod
    def target_version(self) -> int:
        """The version of the events it returns, later."""
        ...

    @abstractmethod
    async def upcast(self, event: Event) -> Event:
        """Return the later form of `event`, as :meth:`EventUpcaster.upcast` does."""
        ...


class EventUpcaster(ABC):
    """One step between two versions of an event. Subclass it and write :meth:`upcast`.

    Args:
        source_version: The version it takes, at least 1.
        target_version: The version it returns, later; it may skip some.

    Raises:
        UpcasterError: It leads nowhere (a ValueError).
    """

    def __init__(self, source_version: int, target_version: int) -> None:
        self.source_version, self.target_version = checked(source_version, target_version)

    @abstractmethod
    async def upcast(self, event: Event) -> Event:
        """Return the later form of `event`, which is a deep copy and its own to change.

        The result says its version as :func:`version_of` reads it. Its id, timestamp, source,
        subject, correlation and causation are set to those of the event, so they may be left out.
        """
        ...

    async def can_upcast(self, event: Event) -> bool:
        """Say whether `event` is of the version that it takes; the registry does not ask.

        Raises:
            UpcasterException: The event's version is no number from 1.
        """
        return version_of(event) == self.source_version


@dataclass(frozen=True)
class VersionedEvent:
    """An event and what it is a version of, for programs that pass the three together.

    Attributes:
        event: The event.
        version: Its version, at least 1, whatever the event itself says.
        event_type: The type under which its upcasters are registered. Not empty.
    """

    event: Event
    version: int
    event_type: str

    def __post_init__(self) -> None:
        if not is_version(self.version):
            raise ValueError(f"version counts from 1, in whole numbers; found {self.version!r}")
        if not self.event_type:
            raise ValueError("event_type must not be empty")


def checked(source_version: int, target_version: int) -> tuple[int, int]:
    """Return the versions if an upcaster can lead from one to the other.

    Raises:
        UpcasterError: It cannot.
    """
    whole = is_version(source_version) and is_version(target_version)
    if not whole or source_version >= target_version:
        raise UpcasterError(
            "an upcaster leads from a version of at least 1 to a later one, in whole numbers; "
            f"found {source_version!r} to {target_version!r}"
        )
    return source_version, target_version


def is_version(version: object) -> bool:
    """Say whether `version` is a whole number of at least 1."""
    return isinstance(version, int) and not isinstance(version, bool) and version >= 1


def said_version(event: Event) -> object:
    """Return what an event says of its version: its attribute ``version``, else its class's."""
    return getattr(event, "version", schema_version(type(event)))


def version_of(event: Event) -> int:
    """Return the version of `event`: its attribute ``version``, else its class's schema version.

    Raises:
        UpcasterException: The attribute is no number from 1, or the class is unknown here.
    """
    version = said_version(event)
    if isinstance(event, UnknownEvent):
        problem = (
            "its class is unknown here, and so is its version; "
            "import the module that declares the class"
        )
    elif not isinstance(version, int) or not is_version(version):
        problem = f"its attribute 'version' has to be a whole number from 1, found {version!r}"
    else:
        return version
    raise UpcasterException(f"event {event.id!r} of type {event.type!r}: {problem}", event.type)
