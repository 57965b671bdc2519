"""Who hears what: the handlers of one bus, in the order in which they were subscribed."""

import threading
import types
from dataclasses import dataclass

from orchestrix.messaging.errors import NoHandler, SubscriptionError, TooManyHandlers
from orchestrix.messaging.handler import Call, entry_point, is_async, is_generator, name_of
from orchestrix.messaging.message import Command, Message, message_type


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One handler of one class of messages.

    Attributes:
        cls: The class whose messages, and whose subclasses' messages, it hears.
        handler: What was subscribed.
        call: What to call with a message.
        name: The handler's name, for people.
    """

    cls: type[Message]
    handler: object
    call: Call
    name: str


class Subscriptions:
    """The handlers of one bus.

    Safe between threads: a reader gets the handlers of one moment, as a tuple that no
    later change touches.
    """

    def __init__(self, *, allow_async: bool) -> None:
        self._allow_async = allow_async
        self._lock = threading.Lock()
        self._all: tuple[Subscription, ...] = ()
        self._heard_by: dict[type, tuple[Subscription, ...]] = {}

    def add(self, cls: type[Message], handler: object) -> None:
        added = _subscription(cls, handler, allow_async=self._allow_async)
        with self._lock:
            if self._find(cls, handler):
                raise _error(cls, handler, "is subscribed already; subscribe it once")
            self._replace((*self._all, added))

    def remove(self, cls: type[Message], handler: object) -> None:
        with self._lock:
            removed = self._find(cls, handler)
            if removed is None:
                raise _error(cls, handler, "is not subscribed; name the class it subscribed to")
            self._replace(tuple(each for each in self._all if each is not removed))

    def of(self, message: Message) -> tuple[Subscription, ...]:
        """Return who hears `message`, in order, each handler once."""
        cls = type(message)
        found = self._heard_by.get(cls)
        return self._matching(cls) if found is None else found

    def only_one_of(self, command: Command) -> Subscription:
        """Return the one handler of `command`, or raise NoHandler or TooManyHandlers."""
        match self.of(command):
            case (handler,):
                return handler
            case ():
                raise NoHandler(command.type)
            case several:
                raise TooManyHandlers(command.type, (each.name for each in several))

    def _matching(self, cls: type) -> tuple[Subscription, ...]:
        if not issubclass(cls, Message):
            raise TypeError(f"expected a message, found a {cls.__qualname__}; give an instance")
        with self._lock:
            matching: list[Subscription] = []
            for each in self._all:
                if issubclass(cls, each.cls) and not _has(matching, each.handler):
                    matching.append(each)
            found = self._heard_by[cls] = tuple(matching)
            return found

    def _find(self, cls: type[Message], handler: object) -> Subscription | None:
        same = (each for each in self._all if each.cls is cls and _is(each.handler, handler))
        return next(same, None)

    def _replace(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._all = subscriptions
        self._heard_by = {}


def _subscription(cls: type[Message], handler: object, *, allow_async: bool) -> Subscription:
    if not _is_message_class(cls):
        raise _error(cls, handler, "needs a message class; subscribe it to each class it hears")
    call = entry_point(handler)
    if call is None:
        raise _error(cls, handler, "must be a function, or an object that has handle(message)")
    if is_generator(call):
        raise _error(cls, handler, "yields, so that calling it runs nothing; remove the yield")
    if is_async(call) and not allow_async:
        raise _error(cls, handler, "is async; subscribe it to an InMemoryAsyncMessageBus")
    return Subscription(cls, handler, call, name_of(call))


def _error(cls: type[Message], handler: object, problem: str) -> SubscriptionError:
    subject = message_type(cls) if _is_message_class(cls) else repr(cls)
    return SubscriptionError(subject, name_of(handler), problem)


def _is_message_class(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, Message)


def _has(subscriptions: list[Subscription], handler: object) -> bool:
    return any(_is(each.handler, handler) for each in subscriptions)


_METHODS = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)


def _is(one: object, other: object) -> bool:
    # Each access of a bound method makes a new object, and handlers may define __eq__.
    return one is other or (isinstance(one, _METHODS) and one == other)
