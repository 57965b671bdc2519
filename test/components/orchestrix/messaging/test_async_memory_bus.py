import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from orchestrix.messaging import (
    AsyncMessageBus,
    Event,
    HandlerError,
    InMemoryAsyncMessageBus,
    InMemoryDeadLetterQueue,
)
from orchestrix.testing.conformance.message_bus import (
    Closed,
    MakeBus,
    MessageBusConformance,
    Open,
    Opened,
    Refused,
    ignore,
    refuse,
)


class TestInMemoryAsyncMessageBus(MessageBusConformance):
    @pytest.fixture
    def make_bus(self) -> MakeBus:
        return InMemoryAsyncMessageBus

    @pytest.fixture
    def run(self) -> Callable[[Coroutine[Any, Any, None]], None]:
        return asyncio.run


class Recorder:
    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.heard.append("called")

    async def method(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.heard.append("method")

    def future(self, event: Event) -> Awaitable[None]:
        return asyncio.ensure_future(self.method(event))


HANDLERS: dict[str, Callable[[Recorder], Any]] = {
    "bound method": lambda recorder: recorder.method,
    "partial": lambda recorder: functools.partial(recorder.method),
    "callable object": lambda recorder: recorder,
    "sync function that returns a coroutine": lambda recorder: lambda e: recorder.method(e),
    "sync function that returns a future": lambda recorder: recorder.future,
    "sync function": lambda recorder: lambda e: recorder.heard.append("sync"),
}


@pytest.mark.parametrize("of", HANDLERS.values(), ids=HANDLERS)
async def test_every_kind_of_handler_has_finished_when_publish_returns(
    of: Callable[[Recorder], Any],
) -> None:
    bus, recorder = InMemoryAsyncMessageBus(), Recorder()
    bus.subscribe(Opened, of(recorder))
    await bus.publish(Opened())

    assert len(recorder.heard) == 1


async def test_a_handler_object_may_have_an_async_handle() -> None:
    class Handler:
        heard = 0

        async def handle(self, command: Open) -> None:
            await asyncio.sleep(0)
            self.heard += 1

    bus, handler = InMemoryAsyncMessageBus(), Handler()
    bus.subscribe(Open, handler)
    await bus.send(Open())

    assert handler.heard == 1


async def test_the_failure_of_an_awaited_result_is_a_failure_of_its_handler() -> None:
    async def fail(event: Opened) -> None:
        await asyncio.sleep(0)
        raise Refused

    letters = InMemoryDeadLetterQueue()
    bus, recorder = InMemoryAsyncMessageBus(dead_letters=letters), Recorder()
    bus.subscribe(Opened, lambda event: asyncio.ensure_future(fail(event)))
    bus.subscribe(Opened, recorder)
    await bus.publish(Opened())

    assert recorder.heard == ["called"]
    assert letters.count() == 1


async def test_a_failing_sync_handler_does_not_stop_an_async_one() -> None:
    bus, recorder = InMemoryAsyncMessageBus(), Recorder()
    bus.subscribe(Opened, refuse)
    bus.subscribe(Opened, recorder)
    await bus.publish(Opened())

    assert recorder.heard == ["called"]


async def test_the_handlers_of_one_message_run_one_after_another() -> None:
    bus, order = InMemoryAsyncMessageBus(), list[str]()

    async def slow(event: Opened) -> None:
        order.append("slow begins")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append("slow ends")

    bus.subscribe(Opened, slow)
    bus.subscribe(Opened, lambda _: order.append("next"))
    await bus.publish(Opened())

    assert order == ["slow begins", "slow ends", "next"]


async def test_a_command_raises_what_its_async_handler_raises() -> None:
    async def fail(command: Open) -> None:
        raise Refused(command.owner)

    bus = InMemoryAsyncMessageBus()
    bus.subscribe(Open, fail)

    with pytest.raises(Refused, match="Ada"):
        await bus.send(Open())


async def test_a_cancelled_publish_ends_and_dead_letters_what_it_left_behind() -> None:
    async def wait_for_ever(event: Opened) -> None:
        await bus.publish(Closed())
        entered.set()
        await asyncio.Event().wait()

    letters, recorder, entered = InMemoryDeadLetterQueue(), Recorder(), asyncio.Event()
    bus = InMemoryAsyncMessageBus(dead_letters=letters)
    bus.subscribe(Opened, wait_for_ever)
    bus.subscribe(Event, recorder)
    publishing = asyncio.create_task(bus.publish(Opened()))
    await entered.wait()
    publishing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert recorder.heard == []
    assert [letter.message.type for letter in letters.dequeue_all()] == [
        "conformance.opened",
        "conformance.closed",
    ]


async def test_a_nested_publish_returns_before_its_message_is_delivered() -> None:
    bus, order = InMemoryAsyncMessageBus(), list[str]()

    async def close(event: Opened) -> None:
        await bus.publish(Closed())
        order.append("publish returned")

    bus.subscribe(Opened, close)
    bus.subscribe(Closed, lambda _: order.append("delivered"))
    await bus.publish(Opened())

    assert order == ["publish returned", "delivered"]


async def test_an_event_of_a_command_handler_has_been_delivered_when_publish_returns() -> None:
    bus, order = InMemoryAsyncMessageBus(), list[str]()

    async def opens(command: Open) -> None:
        await bus.publish(Opened())
        order.append("handler goes on")

    bus.subscribe(Open, opens)
    bus.subscribe(Opened, lambda _: order.append("subscriber"))
    await bus.send(Open())

    assert order == ["subscriber", "handler goes on"]


async def test_a_handler_that_gathers_nested_publishes_does_not_block() -> None:
    bus, heard = InMemoryAsyncMessageBus(), list[Event]()

    async def close_twice(event: Opened) -> None:
        await asyncio.gather(bus.publish(Closed()), bus.publish(Closed()))
        assert heard == []

    bus.subscribe(Opened, close_twice)
    bus.subscribe(Closed, heard.append)
    await bus.publish(Opened())

    assert len(heard) == 2


async def test_a_task_that_outlives_the_publish_delivers_by_itself() -> None:
    bus, heard = InMemoryAsyncMessageBus(), list[Event]()
    tasks, ended = list[asyncio.Task[None]](), asyncio.Event()

    async def close_later() -> None:
        await ended.wait()
        await bus.publish(Closed())

    bus.subscribe(Opened, lambda _: tasks.append(asyncio.create_task(close_later())))
    bus.subscribe(Closed, heard.append)
    await bus.publish(Opened())
    ended.set()
    await asyncio.gather(*tasks)

    assert len(heard) == 1


async def test_publishes_of_different_tasks_do_not_wait_for_each_other() -> None:
    bus, order = InMemoryAsyncMessageBus(), list[str]()
    entered, release = asyncio.Event(), asyncio.Event()

    async def block(event: Opened) -> None:
        entered.set()
        await release.wait()
        order.append("opened")

    bus.subscribe(Opened, block)
    bus.subscribe(Closed, lambda _: order.append("closed"))
    blocked = asyncio.create_task(bus.publish(Opened()))
    await entered.wait()
    await bus.publish(Closed())
    release.set()
    await blocked

    assert order == ["closed", "opened"]


async def test_a_nested_failure_reaches_the_outermost_publish_only() -> None:
    bus, order = InMemoryAsyncMessageBus(), list[str]()

    async def close(event: Opened) -> None:
        await bus.publish(Closed())
        order.append("went on")

    bus.subscribe(Opened, close)
    bus.subscribe(Closed, refuse)

    with pytest.raises(HandlerError) as raised:
        await bus.publish(Opened())
    assert raised.value.message_type == "conformance.closed"
    assert order == ["went on"]


async def test_it_is_an_async_message_bus_and_the_port_itself_cannot_be_made() -> None:
    bus: AsyncMessageBus = InMemoryAsyncMessageBus()
    bus.subscribe(Opened, ignore)

    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (AsyncMessageBus,), {})()
