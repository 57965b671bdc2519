"""The async bus: delivers in the caller's task."""

import inspect
from collections.abc import Awaitable, Callable

from orchestrix.messaging.command_handler import AsyncCommandHandler, CommandHandler
from orchestrix.messaging.dead_letter_queue import DeadLetterQueue
from orchestrix.messaging.delivery import Deliveries
from orchestrix.messaging.message import Command, Message, MessageT
from orchestrix.messaging.message_bus import AsyncMessageBus
from orchestrix.messaging.subscriptions import Subscription, Subscriptions


class InMemoryAsyncMessageBus(AsyncMessageBus):
    """A bus inside one process; failures go to `dead_letters`, if given, and to the log.

    Tasks that publish at the same time do not wait for each other, so a handler may be
    entered again while it awaits; the order of messages is kept within one outermost
    ``publish``. A task that a handler started counts as the handler while that publish
    lasts. Safe between threads and event loops, each of which delivers what it publishes.
    """

    def __init__(self, *, dead_letters: DeadLetterQueue | None = None) -> None:
        self._subscriptions = Subscriptions(allow_async=True)
        self._deliveries = Deliveries(self._subscriptions, dead_letters)

    async def publish(self, message: Message) -> None:
        with self._deliveries.of(message) as steps:
            for delivery, subscription in steps:
                try:
                    await _call(subscription, delivery.message)
                except Exception as error:  # noqa: BLE001 - logged, and raised if all fail
                    delivery.fail(subscription, error)

    async def send(self, command: Command) -> None:
        await _call(self._subscriptions.only_one_of(command), command)

    def subscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], Awaitable[None] | None]
        | AsyncCommandHandler[MessageT]
        | CommandHandler[MessageT],
    ) -> None:
        self._subscriptions.add(message_type, handler)

    def unsubscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], Awaitable[None] | None]
        | AsyncCommandHandler[MessageT]
        | CommandHandler[MessageT],
    ) -> None:
        self._subscriptions.remove(message_type, handler)


async def _call(subscription: Subscription, message: Message) -> None:
    result = subscription.call(message)
    if result is not None and inspect.isawaitable(result):
        await result
