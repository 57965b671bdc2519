"""The buses: messages go in, whoever subscribed to their class hears them.

A handler is a callable, or an object with a ``handle(message)`` method.
Both buses keep the same rules, which ``orchestrix.testing.conformance.message_bus`` decides:

* A message is heard by the subscribers of its class and of its base classes, in the order
  in which they were subscribed; by each once, even one that subscribed to several of them.
  Routing looks at the class only, never at ``message.type``.
* Who is subscribed at the moment of the call hears the message; changes come later.
* What a handler publishes waits until the message it handles has reached all its
  subscribers, so that all of them see the same order. The handler's own ``publish`` returns
  at once: it must not wait for the effect. The outermost ``publish`` delivers all of it,
  returns after the last, and raises for the last as for the first.
* ``send`` never waits its turn: its caller gets the handler's failure.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from orchestrix.messaging.command_handler import AsyncCommandHandler, CommandHandler
from orchestrix.messaging.message import Command, Message, MessageT

MessageHandler: TypeAlias = Callable[[Message], None]
"""A handler of any message, for the sync bus and the async one."""

AsyncMessageHandler: TypeAlias = Callable[[Message], Awaitable[None]]
"""A handler of any message, for the async bus only."""


class MessageBus(Protocol):
    """A bus for sync handlers. See the module for the order in which messages are heard."""

    @abstractmethod
    def publish(self, message: Message) -> None:
        """Give `message` to every subscriber; a failing one does not stop the others.

        Each failure is logged and goes to the dead letters. Nobody subscribed: nothing happens.

        Raises:
            HandlerError: Every subscriber of `message`, or of a message published while
                it was handled, failed: ``message_type`` says which. The first of several is
                raised, the others are in its notes.
        """
        ...

    @abstractmethod
    def send(self, command: Command) -> None:
        """Give `command` to its one handler, and raise what the handler raises.

        Raises:
            NoHandler: Nobody is subscribed to its class or a base class of it.
            TooManyHandlers: Several are. None was called.
        """
        ...

    @abstractmethod
    def subscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], None] | CommandHandler[MessageT],
    ) -> None:
        """Let `handler` hear the messages of `message_type` and of its subclasses.

        Raises:
            SubscriptionError: The handler is async, cannot be called, or is subscribed to
                this class already; or `message_type` is not a message class.
        """
        ...

    @abstractmethod
    def unsubscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], None] | CommandHandler[MessageT],
    ) -> None:
        """Take back what ``subscribe`` was given, leaving the handler's other subscriptions.

        Raises:
            SubscriptionError: `handler` is not subscribed to exactly this class.
        """
        ...


class AsyncMessageBus(Protocol):
    """A bus for sync and async handlers. Whatever a handler returns is awaited if it can be.

    The handlers of one message run one after another, never at the same time.
    """

    @abstractmethod
    async def publish(self, message: Message) -> None:
        """Give `message` to every subscriber; a failing one does not stop the others.

        Each failure is logged and goes to the dead letters. Nobody subscribed: nothing happens.
        Cancelled, it does not go on: what it still had to deliver is logged and goes there too.

        Raises:
            HandlerError: Every subscriber of `message`, or of a message published while
                it was handled, failed: ``message_type`` says which. The first of several is
                raised, the others are in its notes.
        """
        ...

    @abstractmethod
    async def send(self, command: Command) -> None:
        """Give `command` to its one handler, and raise what the handler raises.

        Raises:
            NoHandler: Nobody is subscribed to its class or a base class of it.
            TooManyHandlers: Several are. None was called.
        """
        ...

    @abstractmethod
    def subscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], Awaitable[None] | None]
        | AsyncCommandHandler[MessageT]
        | CommandHandler[MessageT],
    ) -> None:
        """Let `handler` hear the messages of `message_type` and of its subclasses.

        Raises:
            SubscriptionError: The handler cannot be called, or is subscribed to this class
                already; or `message_type` is not a message class.
        """
        ...

    @abstractmethod
    def unsubscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], Awaitable[None] | None]
        | AsyncCommandHandler[MessageT]
        | CommandHandler[MessageT],
    ) -> None:
        """Take back what ``subscribe`` was given, leaving the handler's other subscriptions.

        Raises:
            SubscriptionError: `handler` is not subscribed to exactly this class.
        """
        ...
