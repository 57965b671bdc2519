"""Subscribing, also from threads."""

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestrix.messaging import Event, SubscriptionError
from orchestrix.testing.conformance.message_bus.samples import (
    Closed,
    MakeBus,
    Opened,
    Recorder,
    done,
    ignore,
)
from orchestrix.testing.conformance.message_bus.suite import MessageBusSuite


class Subscriptions(MessageBusSuite):
    """Who is subscribed."""

    # subscriptions

    async def test_an_unsubscribed_handler_hears_nothing_more(self, bus: Any) -> None:
        recorder: Recorder[Event] = Recorder([])
        bus.subscribe(Opened, recorder.handle)
        await done(bus.publish(Opened()))
        bus.unsubscribe(Opened, recorder.handle)
        await done(bus.publish(Opened()))

        assert len(recorder.seen) == 1

    async def test_unsubscribing_leaves_the_other_subscriptions_of_a_handler(
        self, bus: Any
    ) -> None:
        recorder: Recorder[Event] = Recorder([])
        bus.subscribe(Opened, recorder)
        bus.subscribe(Closed, recorder)
        bus.unsubscribe(Opened, recorder)
        await done(bus.publish(Opened()))
        await done(bus.publish(Closed()))

        assert [event.type for event in recorder.seen] == ["conformance.closed"]

    async def test_of_two_equal_handler_objects_the_right_one_is_unsubscribed(
        self, bus: Any
    ) -> None:
        first, second = Recorder[Event]([]), Recorder[Event]([])
        bus.subscribe(Opened, first)
        bus.subscribe(Opened, second)
        bus.unsubscribe(Opened, second)
        await done(bus.publish(Opened()))

        assert (len(first.seen), len(second.seen)) == (1, 0)

    async def test_a_handler_that_is_not_subscribed_cannot_be_unsubscribed(self, bus: Any) -> None:
        bus.subscribe(Event, ignore)

        with pytest.raises(
            SubscriptionError, match=r"'ignore' for 'conformance\.opened' is not subscribed"
        ):
            bus.unsubscribe(Opened, ignore)

    async def test_the_same_handler_cannot_be_subscribed_twice_to_a_class(self, bus: Any) -> None:
        recorder: Recorder[Event] = Recorder([])
        bus.subscribe(Opened, recorder.handle)

        with pytest.raises(SubscriptionError, match="subscribed already"):
            bus.subscribe(Opened, recorder.handle)
        await done(bus.publish(Opened()))
        assert len(recorder.seen) == 1

    @pytest.mark.parametrize("handler", [None, 3, object(), Recorder])
    async def test_what_cannot_be_called_with_a_message_cannot_be_subscribed(
        self, bus: Any, handler: object
    ) -> None:
        with pytest.raises(SubscriptionError, match="must be a function, or an object that has"):
            bus.subscribe(Opened, handler)

    @pytest.mark.parametrize("cls", [None, "Opened", int, Opened(), Opened | Closed])
    async def test_only_message_classes_can_be_subscribed_to(self, bus: Any, cls: object) -> None:
        with pytest.raises(SubscriptionError, match="needs a message class"):
            bus.subscribe(cls, ignore)

    async def test_a_generator_cannot_be_subscribed_because_calling_it_runs_nothing(
        self, bus: Any
    ) -> None:
        def yields(event: Opened) -> Iterator[None]:
            yield

        async def yields_later(event: Opened) -> Any:
            yield

        for handler in (yields, functools.partial(yields), yields_later):
            with pytest.raises(SubscriptionError, match="remove the yield"):
                bus.subscribe(Opened, handler)

    # threads

    @pytest.mark.usefixtures("hasty_threads")
    def test_threads_that_subscribe_and_publish_lose_no_subscription_and_no_message(
        self, make_bus: MakeBus, run: Callable[[Any], None]
    ) -> None:
        bus = make_bus()
        heard: list[str] = []
        own: list[list[str]] = [[] for _ in range(8)]
        together = threading.Barrier(len(own))
        bus.subscribe(Opened, lambda event: heard.append(event.id))

        def work(worker: int) -> None:
            def hear_own(event: Opened) -> None:
                if event.owner == str(worker):  # others' threads call it as well
                    own[worker].append(event.id)

            together.wait()
            for number in range(50):
                bus.subscribe(Opened, hear_own)
                run(bus.publish(Opened(owner=str(worker))))
                assert len(own[worker]) == number + 1  # whatever others publish meanwhile
                bus.unsubscribe(Opened, hear_own)

        with ThreadPoolExecutor(len(own)) as pool:
            list(pool.map(work, range(len(own))))

        assert [len(each) for each in own] == [50] * 8
        assert len(set(heard)) == len(heard) == 400
        assert len(bus._subscriptions._all) == 1
