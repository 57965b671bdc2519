"""Deliveries under way: their order, and what becomes of failures. No I/O but the log.

Both buses walk the same steps; only calling or awaiting a handler is theirs.
"""

import logging
import threading
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from orchestrix.messaging.dead_letter_queue import DeadLetteredMessage, DeadLetterQueue
from orchestrix.messaging.errors import HandlerError
from orchestrix.messaging.message import Message
from orchestrix.messaging.subscriptions import Subscription, Subscriptions

_log = logging.getLogger("orchestrix.messaging")


class Delivery:
    """One message, and those who were subscribed when it was published."""

    def __init__(
        self,
        message: Message,
        subscriptions: tuple[Subscription, ...],
        dead_letters: DeadLetterQueue | None,
    ) -> None:
        self.message = message
        self.subscriptions = subscriptions
        self._dead_letters = dead_letters
        self._errors: list[Exception] = []

    def fail(self, subscription: Subscription, error: Exception) -> None:
        """Record that one handler failed."""
        name, message = subscription.name, self.message
        _log.error("%s failed for %s %s", name, message.type, message.id, exc_info=error)
        self._errors.append(error)
        self._bury(name, error, failure_count=1)

    def abandon(self, error: BaseException) -> None:
        """Record that not every handler was reached, because `error` ended the publish."""
        message = self.message
        _log.error("publishing %s %s was interrupted by %r", message.type, message.id, error)
        self._bury("interrupted", error, failure_count=0)

    def total_failure(self) -> HandlerError | None:
        """Return the error to raise when no handler succeeded."""
        if len(self._errors) < len(self.subscriptions):
            return None
        causes = ExceptionGroup(f"all handlers of {self.message.type}", self._errors)
        error = HandlerError(self.message.type, "all_handlers", causes)
        error.__cause__ = causes
        return error

    def _bury(self, name: str, error: BaseException, *, failure_count: int) -> None:
        if self._dead_letters is None:
            return
        try:
            letter = DeadLetteredMessage(self.message, f"{name}: {error!r}", failure_count)
            self._dead_letters.enqueue(letter)
        except Exception:  # noqa: BLE001 - must not hide the handler's failure
            _log.exception("the dead-letter queue failed for %s", self.message.id)


Steps: TypeAlias = Iterable[tuple[Delivery, Subscription]]


class Backlog:
    """What one outermost publish delivers: its message, then what handlers published."""

    def __init__(self, first: Delivery) -> None:
        self._deliveries = deque([first])
        self._failures: list[HandlerError] = []
        self._thread = threading.get_ident()
        self._is_open = True

    def take(self, delivery: Delivery) -> bool:
        """Queue `delivery`, unless this publish has ended or belongs to another thread."""
        if not self._is_open or self._thread != threading.get_ident():
            return False
        self._deliveries.append(delivery)
        return True

    def steps(self) -> Steps:
        while self._deliveries:
            delivery = self._deliveries[0]
            for subscription in delivery.subscriptions:
                yield delivery, subscription
            self._deliveries.popleft()
            if failure := delivery.total_failure():
                self._failures.append(failure)

    def close(self) -> None:
        """Take nothing more, and raise the first failure."""
        self._is_open = False
        if not self._failures:
            return
        first, *others = self._failures
        for each in others:
            first.add_note(f"also: {each}")
        raise first

    def abandon(self, error: BaseException) -> None:
        """Take nothing more, and let no message disappear that was not delivered."""
        self._is_open = False
        for delivery in self._deliveries:
            delivery.abandon(error)


class Deliveries:
    """The deliveries of one bus."""

    def __init__(self, subscriptions: Subscriptions, dead_letters: DeadLetterQueue | None) -> None:
        self._subscriptions = subscriptions
        self._dead_letters = dead_letters
        self._backlog: ContextVar[Backlog | None] = ContextVar("backlog", default=None)

    @contextmanager
    def of(self, message: Message) -> Generator[Steps]:
        """Give the steps to take now: none when a publish further out will take them."""
        subscriptions = self._subscriptions.of(message)
        delivery = Delivery(message, subscriptions, self._dead_letters)
        outer = self._backlog.get()
        if not subscriptions or (outer and outer.take(delivery)):
            yield ()
        else:
            with self._opened(delivery) as steps:
                yield steps

    @contextmanager
    def _opened(self, delivery: Delivery) -> Generator[Steps]:
        backlog = Backlog(delivery)
        token = self._backlog.set(backlog)
        try:
            yield backlog.steps()
        except BaseException as error:
            backlog.abandon(error)
            raise
        finally:
            self._backlog.reset(token)
        backlog.close()
