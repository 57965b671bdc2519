"""Messages that a handler could not handle, kept until somebody looks at them."""

import threading
from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from orchestrix.messaging.message import Message


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class DeadLetteredMessage:
    """A message, and why it is here.

    Attributes:
        message: The message as it was published.
        reason: Why; a bus writes ``"handler name: error"``, one letter per failed handler.
        failure_count: How often that handler failed; 0 when it was never called.
        timestamp: When it was given up, with offset; UTC by default.
    """

    message: Message
    reason: str
    failure_count: int
    timestamp: datetime = field(default_factory=_now)


class DeadLetterQueue(Protocol):
    """Where a bus puts failed messages, oldest first. A bus may call it from any thread."""

    @abstractmethod
    def enqueue(self, dead_lettered: DeadLetteredMessage) -> None: ...

    @abstractmethod
    def dequeue_all(self) -> list[DeadLetteredMessage]:
        """Remove all letters and return them, each to one caller only."""
        ...

    @abstractmethod
    def clear(self) -> None: ...

    @abstractmethod
    def count(self) -> int: ...


class InMemoryDeadLetterQueue(DeadLetterQueue):
    """Dead letters for the life of the process, without a limit. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._letters: list[DeadLetteredMessage] = []

    def enqueue(self, dead_lettered: DeadLetteredMessage) -> None:
        with self._lock:
            self._letters.append(dead_lettered)

    def dequeue_all(self) -> list[DeadLetteredMessage]:
        with self._lock:
            letters, self._letters = self._letters, []
            return letters

    def clear(self) -> None:
        self.dequeue_all()

    def count(self) -> int:
        with self._lock:
            return len(self._letters)

    def get_by_message_id(self, message_id: str) -> DeadLetteredMessage | None:
        """Return the oldest letter about one message, and leave it in the queue."""
        return next((each for each in self._all() if each.message.id == message_id), None)

    def get_by_reason(self, reason: str) -> list[DeadLetteredMessage]:
        """Return the letters with exactly this reason, and leave them in the queue."""
        return [each for each in self._all() if each.reason == reason]

    def _all(self) -> tuple[DeadLetteredMessage, ...]:
        with self._lock:
            return tuple(self._letters)
