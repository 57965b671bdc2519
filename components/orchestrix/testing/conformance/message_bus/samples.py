"""Messages and handlers for the suite of buses."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orchestrix.messaging import (
    AsyncMessageBus,
    Command,
    DeadLetteredMessage,
    Event,
    InMemoryDeadLetterQueue,
    Message,
    MessageBus,
)

T = TypeVar("T")
Bus = MessageBus | AsyncMessageBus
MakeBus = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Opened(Event, type="conformance.opened"):
    owner: str = "Ada"


@dataclass(frozen=True, kw_only=True)
class OpenedOnline(Opened, type="conformance.opened-online"):
    pass


@dataclass(frozen=True, kw_only=True)
class Closed(Event, type="conformance.closed"):
    pass


@dataclass(frozen=True, kw_only=True)
class Archived(Event, type="conformance.archived"):
    pass


@dataclass(frozen=True, kw_only=True)
class Open(Command, type="conformance.open"):
    owner: str = "Ada"


class Refused(Exception):
    pass


class Refusing:
    def __init__(self, reason: str = "no") -> None:
        self.reason = reason

    def handle(self, message: Message) -> None:
        raise Refused(self.reason)


@dataclass
class Recorder(Generic[T]):
    """A documented handler object; two of them are equal when they saw the same."""

    seen: list[T]

    def handle(self, message: T) -> None:
        self.seen.append(message)


class BrokenQueue(InMemoryDeadLetterQueue):
    def enqueue(self, dead_lettered: DeadLetteredMessage) -> None:
        raise OSError("disk full")


async def done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


def refuse(message: Message) -> None:
    raise Refused(message.type)


def ignore(message: Message) -> None:
    pass
