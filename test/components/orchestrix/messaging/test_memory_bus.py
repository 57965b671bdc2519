import functools
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest

from orchestrix.messaging import (
    HandlerError,
    InMemoryMessageBus,
    Message,
    MessageBus,
    SubscriptionError,
)
from orchestrix.testing.conformance.message_bus import (
    Closed,
    MakeBus,
    MessageBusConformance,
    Open,
    Opened,
    ignore,
    refuse,
)


class TestInMemoryMessageBus(MessageBusConformance):
    @pytest.fixture
    def make_bus(self) -> MakeBus:
        return InMemoryMessageBus

    @pytest.fixture
    def run(self) -> Callable[[Any], None]:
        return lambda result: None


class Async:
    async def __call__(self, event: Opened) -> None: ...

    async def method(self, event: Opened) -> None: ...


class AsyncHandle:
    async def handle(self, event: Opened) -> None: ...


async def function(event: Opened) -> None: ...


def hidden(message: Message) -> Any:
    return function(Opened())


ASYNC: dict[str, Any] = {
    "function": function,
    "partial": functools.partial(function),
    "bound method": Async().method,
    "callable object": Async(),
    "partial of a callable object": functools.partial(Async()),
    "handler object": AsyncHandle(),
}


@pytest.mark.parametrize("handler", ASYNC.values(), ids=ASYNC)
def test_an_async_handler_is_refused_with_the_name_of_the_right_bus(handler: Any) -> None:
    bus = InMemoryMessageBus()

    with pytest.raises(SubscriptionError, match="is async; subscribe it to an InMemoryAsync"):
        bus.subscribe(Opened, handler)
    bus.publish(Opened())


def test_a_coroutine_that_nobody_could_foresee_is_a_failure_of_its_handler() -> None:
    bus = InMemoryMessageBus()
    bus.subscribe(Opened, hidden)

    with pytest.raises(HandlerError) as raised:
        bus.publish(Opened())
    assert isinstance(raised.value.original_error, ExceptionGroup)
    (cause,) = raised.value.original_error.exceptions
    assert isinstance(cause, SubscriptionError)
    assert "returned an awaitable" in str(cause)


def test_a_command_whose_handler_returns_a_coroutine_is_not_taken_for_handled() -> None:
    bus = InMemoryMessageBus()
    bus.subscribe(Open, hidden)

    with pytest.raises(SubscriptionError, match="returned an awaitable"):
        bus.send(Open())


def test_an_event_of_a_command_handler_has_been_delivered_when_publish_returns() -> None:
    bus, order = InMemoryMessageBus(), list[str]()

    def opens(command: Open) -> None:
        bus.publish(Opened())
        order.append("handler goes on")

    bus.subscribe(Open, opens)
    bus.subscribe(Opened, lambda _: order.append("subscriber"))
    bus.send(Open())

    assert order == ["subscriber", "handler goes on"]


def test_a_nested_publish_returns_before_its_message_is_delivered() -> None:
    bus, order = InMemoryMessageBus(), list[str]()

    def close(event: Opened) -> None:
        bus.publish(Closed())
        order.append("publish returned")

    bus.subscribe(Opened, close)
    bus.subscribe(Closed, lambda _: order.append("delivered"))
    bus.publish(Opened())

    assert order == ["publish returned", "delivered"]


def test_a_nested_publish_does_not_raise_in_the_handler() -> None:
    bus, order = InMemoryMessageBus(), list[str]()

    def close(event: Opened) -> None:
        bus.publish(Closed())
        order.append("went on")

    bus.subscribe(Opened, close)
    bus.subscribe(Closed, refuse)

    with pytest.raises(HandlerError):
        bus.publish(Opened())
    assert order == ["went on"]


def test_another_thread_does_not_wait_its_turn_even_with_the_handlers_context() -> None:
    bus, order = InMemoryMessageBus(), list[str]()

    def close_elsewhere(event: Opened) -> None:
        context = copy_context()
        thread = threading.Thread(target=lambda: context.run(bus.publish, Closed()))
        thread.start()
        thread.join()
        order.append("thread ended")

    bus.subscribe(Opened, close_elsewhere)
    bus.subscribe(Closed, lambda _: order.append("delivered"))
    bus.publish(Opened())

    assert order == ["delivered", "thread ended"]


def test_it_is_a_message_bus_and_the_port_itself_cannot_be_made() -> None:
    bus: MessageBus = InMemoryMessageBus()
    bus.subscribe(Opened, ignore)

    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (MessageBus,), {})()
