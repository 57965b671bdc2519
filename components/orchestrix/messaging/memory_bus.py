"""The sync bus: delivers in the caller's thread."""

from collections.abc import Callable

from orchestrix.messaging.command_handler import CommandHandler
from orchestrix.messaging.dead_letter_queue import DeadLetterQueue
from orchestrix.messaging.delivery import Deliveries
from orchestrix.messaging.errors import SubscriptionError
from orchestrix.messaging.handler import is_awaitable
from orchestrix.messaging.message import Command, Message, MessageT
from orchestrix.messaging.message_bus import MessageBus
from orchestrix.messaging.subscriptions import Subscription, Subscriptions


class InMemoryMessageBus(MessageBus):
    """A bus inside one process; failures go to `dead_letters`, if given, and to the log.

    Safe between threads: each call delivers in its own thread to those who were subscribed
    when it began, so a handler may run in several threads at once. The order of messages
    is kept within a thread only.
    """

    def __init__(self, *, dead_letters: DeadLetterQueue | None = None) -> None:
        self._subscriptions = Subscriptions(allow_async=False)
        self._deliveries = Deliveries(self._subscriptions, dead_letters)

    def publish(self, message: Message) -> None:
        with self._deliveries.of(message) as steps:
            for delivery, subscription in steps:
                try:
                    _call(subscription, delivery.message)
                except Exception as error:  # noqa: BLE001 - logged, and raised if all fail
                    delivery.fail(subscription, error)

    def send(self, command: Command) -> None:
        _call(self._subscriptions.only_one_of(command), command)

    def subscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], None] | CommandHandler[MessageT],
    ) -> None:
        self._subscriptions.add(message_type, handler)

    def unsubscribe(
        self,
        message_type: type[MessageT],
        handler: Callable[[MessageT], None] | CommandHandler[MessageT],
    ) -> None:
        self._subscriptions.remove(message_type, handler)


def _call(subscription: Subscription, message: Message) -> None:
    result = subscription.call(message)
    if is_awaitable(result):
        problem = "returned an awaitable, which nobody awaits; use an InMemoryAsyncMessageBus"
        raise SubscriptionError(message.type, subscription.name, problem)
