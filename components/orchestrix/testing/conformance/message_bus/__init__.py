"""What both buses promise; a bus's test subclasses it and gives a fixture ``bus``.

The sync bus is driven through ``done``, which awaits only what can be awaited.
"""

import functools
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest

from orchestrix.messaging import (
    AsyncMessageBus,
    Command,
    DeadLetteredMessage,
    Event,
    HandlerError,
    InMemoryDeadLetterQueue,
    Message,
    MessageBus,
    NoHandler,
    SubscriptionError,
    TooManyHandlers,
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


class MessageBusConformance:
    """What every message bus promises."""

    @pytest.fixture
    def make_bus(self) -> MakeBus:
        raise NotImplementedError("give a fixture `make_bus`: a class of buses")

    @pytest.fixture
    def letters(self) -> InMemoryDeadLetterQueue:
        return InMemoryDeadLetterQueue()

    @pytest.fixture
    def bus(self, make_bus: MakeBus, letters: InMemoryDeadLetterQueue) -> Any:
        return make_bus(dead_letters=letters)

    @pytest.fixture
    def run(self) -> Callable[[Any], None]:
        raise NotImplementedError("give a fixture `run`: what ends a publish in a thread")

    @pytest.fixture
    def hasty_threads(self) -> Iterator[None]:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        yield
        sys.setswitchinterval(before)

    # who hears a message

    async def test_a_message_nobody_subscribed_to_is_no_error(self, bus: Any) -> None:
        await done(bus.publish(Opened()))

    async def test_a_subscriber_of_a_base_class_hears_its_subclasses(self, bus: Any) -> None:
        heard: list[tuple[str, Event]] = []
        bus.subscribe(Message, lambda event: heard.append(("message", event)))
        bus.subscribe(Opened, lambda event: heard.append(("opened", event)))
        bus.subscribe(OpenedOnline, lambda event: heard.append(("online", event)))
        await done(bus.publish(opened := Opened()))

        assert heard == [("message", opened), ("opened", opened)]

    async def test_handlers_are_called_in_one_order_of_registration(self, bus: Any) -> None:
        order: list[int] = []
        for number, cls in enumerate((OpenedOnline, Event, Opened, Message, OpenedOnline)):
            bus.subscribe(cls, lambda _, number=number: order.append(number))
        await done(bus.publish(OpenedOnline()))

        assert order == [0, 1, 2, 3, 4]

    async def test_a_handler_of_several_matching_classes_hears_a_message_once(
        self, bus: Any
    ) -> None:
        heard: list[Event] = []
        bus.subscribe(Opened, heard.append)
        bus.subscribe(Event, heard.append)
        await done(bus.publish(Opened()))

        assert len(heard) == 1

    async def test_the_class_decides_who_hears_and_not_the_type_attribute(self, bus: Any) -> None:
        heard: list[Event] = []
        bus.subscribe(Opened, heard.append)
        await done(bus.publish(Opened(type="com.example.bank.opened.v1")))
        await done(bus.publish(Closed(type="conformance.opened")))

        assert [event.type for event in heard] == ["com.example.bank.opened.v1"]

    async def test_a_class_first_published_before_a_subscription_is_heard_after_it(
        self, bus: Any
    ) -> None:
        heard: list[Event] = []
        await done(bus.publish(Opened()))
        bus.subscribe(Event, heard.append)
        await done(bus.publish(Opened()))

        assert len(heard) == 1

    async def test_a_handler_may_be_an_object_with_a_handle_method(self, bus: Any) -> None:
        recorder: Recorder[Opened] = Recorder([])
        bus.subscribe(Opened, recorder)
        await done(bus.publish(opened := Opened()))

        assert recorder.seen == [opened]

    async def test_an_object_that_can_be_called_is_called_and_not_its_handle(
        self, bus: Any
    ) -> None:
        class Both(Recorder[str]):
            def __call__(self, event: Opened) -> None:
                self.seen.append("called")

        both = Both([])
        bus.subscribe(Opened, both)
        await done(bus.publish(Opened()))

        assert both.seen == ["called"]

    async def test_a_subscription_made_during_a_publish_is_not_seen_by_it(self, bus: Any) -> None:
        heard: list[Event] = []

        def subscribe_another(event: Opened) -> None:
            bus.subscribe(Opened, lambda later: heard.append(later))

        bus.subscribe(Opened, subscribe_another)
        await done(bus.publish(Opened()))
        before_the_next = len(heard)
        await done(bus.publish(Opened()))

        assert (before_the_next, len(heard)) == (0, 1)

    async def test_a_handler_unsubscribed_during_a_publish_still_hears_it(self, bus: Any) -> None:
        heard: list[Event] = []
        bus.subscribe(Opened, lambda _: bus.unsubscribe(Opened, heard.append))
        bus.subscribe(Opened, heard.append)
        await done(bus.publish(Opened()))

        assert len(heard) == 1

    async def test_what_is_not_a_message_is_refused(self, bus: Any) -> None:
        with pytest.raises(TypeError, match="expected a message, found a type; give an instance"):
            await done(bus.publish(Opened))

    # failures

    async def test_a_failing_handler_does_not_stop_the_others(self, bus: Any) -> None:
        heard: list[Event] = []
        bus.subscribe(Opened, refuse)
        bus.subscribe(Opened, heard.append)
        await done(bus.publish(opened := Opened()))

        assert heard == [opened]

    async def test_a_partial_failure_is_dead_lettered_with_its_handler_and_error(
        self, bus: Any, letters: InMemoryDeadLetterQueue
    ) -> None:
        bus.subscribe(Opened, refuse)
        bus.subscribe(Opened, ignore)
        await done(bus.publish(opened := Opened()))

        (letter,) = letters.dequeue_all()
        assert letter.message is opened
        assert letter.reason == "refuse: Refused('conformance.opened')"
        assert letter.failure_count == 1

    async def test_every_failing_handler_gives_one_dead_letter(
        self, bus: Any, letters: InMemoryDeadLetterQueue
    ) -> None:
        for handler in (refuse, Refusing(), ignore):
            bus.subscribe(Opened, handler)
        await done(bus.publish(Opened()))

        reasons = [letter.reason for letter in letters.dequeue_all()]
        assert reasons == ["refuse: Refused('conformance.opened')", "Refusing.handle: Refused('no')"]

    async def test_a_failure_is_logged_with_its_traceback(
        self, bus: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        bus.subscribe(Opened, refuse)
        bus.subscribe(Opened, ignore)
        await done(bus.publish(opened := Opened()))

        (record,) = caplog.records
        assert (record.name, record.levelno) == ("orchestrix.messaging", logging.ERROR)
        assert record.getMessage() == f"refuse failed for conformance.opened {opened.id}"
        assert record.exc_info is not None
        assert record.exc_info[0] is Refused

    async def test_success_is_not_logged(self, bus: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="orchestrix.messaging")
        bus.subscribe(Opened, ignore)
        await done(bus.publish(Opened()))

        assert caplog.records == []

    async def test_when_all_handlers_fail_every_cause_is_in_the_error(self, bus: Any) -> None:
        bus.subscribe(Opened, Refusing("first"))
        bus.subscribe(Opened, Refusing("second"))

        with pytest.raises(HandlerError) as raised:
            await done(bus.publish(Opened()))
        error = raised.value
        assert (error.message_type, error.handler_name) == ("conformance.opened", "all_handlers")
        assert isinstance(error.original_error, ExceptionGroup)
        assert [str(cause) for cause in error.original_error.exceptions] == ["first", "second"]
        assert error.__cause__ is error.original_error

    async def test_the_handler_error_names_the_message_type_and_not_the_class(
        self, bus: Any
    ) -> None:
        bus.subscribe(Opened, refuse)

        with pytest.raises(HandlerError) as raised:
            await done(bus.publish(Opened(type="bank.opened")))
        assert raised.value.message_type == "bank.opened"

    async def test_a_bus_without_a_dead_letter_queue_works(self, make_bus: MakeBus) -> None:
        bus = make_bus()
        bus.subscribe(Opened, refuse)
        bus.subscribe(Opened, ignore)
        await done(bus.publish(Opened()))

    async def test_a_failing_dead_letter_queue_does_not_hide_the_handlers_failure(
        self, make_bus: MakeBus, caplog: pytest.LogCaptureFixture
    ) -> None:
        bus = make_bus(dead_letters=BrokenQueue())
        bus.subscribe(Opened, refuse)

        with pytest.raises(HandlerError, match=r"all handlers of conformance\.opened"):
            await done(bus.publish(Opened()))
        assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [
            Refused,
            OSError,
        ]

    async def test_an_error_that_cannot_be_shown_does_not_stop_the_others(self, bus: Any) -> None:
        class Unspeakable(Exception):
            def __repr__(self) -> str:
                raise RuntimeError("no words")

        def fail(event: Opened) -> None:
            raise Unspeakable

        heard: list[Event] = []
        bus.subscribe(Opened, fail)
        bus.subscribe(Opened, heard.append)
        await done(bus.publish(Opened()))

        assert len(heard) == 1

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
    async def test_what_ends_the_program_is_not_swallowed(
        self, bus: Any, stop: type[BaseException]
    ) -> None:
        heard: list[Event] = []

        def interrupt(event: Opened) -> None:
            raise stop

        bus.subscribe(Opened, interrupt)
        bus.subscribe(Opened, heard.append)

        with pytest.raises(stop):
            await done(bus.publish(Opened()))
        assert heard == []

    async def test_messages_that_an_interruption_left_behind_are_dead_lettered(
        self, bus: Any, letters: InMemoryDeadLetterQueue
    ) -> None:
        def interrupt(event: Opened) -> None:
            raise KeyboardInterrupt

        bus.subscribe(Opened, lambda _: bus.publish(Closed()))
        bus.subscribe(Opened, interrupt)
        bus.subscribe(Closed, ignore)

        with pytest.raises(KeyboardInterrupt):
            await done(bus.publish(Opened()))
        left = letters.dequeue_all()
        assert [letter.message.type for letter in left] == ["conformance.opened", "conformance.closed"]
        assert {letter.reason for letter in left} == {"interrupted: KeyboardInterrupt()"}
        assert {letter.failure_count for letter in left} == {0}

    async def test_a_bus_works_again_after_an_interruption(self, bus: Any) -> None:
        heard: list[Event] = []

        def interrupt(event: Opened) -> None:
            raise KeyboardInterrupt

        bus.subscribe(Opened, interrupt)
        bus.subscribe(Closed, heard.append)
        with pytest.raises(KeyboardInterrupt):
            await done(bus.publish(Opened()))
        await done(bus.publish(Closed()))

        assert len(heard) == 1

    # messages published by handlers

    async def test_what_a_handler_publishes_waits_for_the_message_it_handles(
        self, bus: Any
    ) -> None:
        order: list[str] = []
        bus.subscribe(Opened, lambda _: bus.publish(Closed()))
        bus.subscribe(Event, lambda event: order.append(("first", event.type)))
        bus.subscribe(Event, lambda event: order.append(("second", event.type)))
        await done(bus.publish(Opened()))

        assert order == [
            ("first", "conformance.opened"),
            ("second", "conformance.opened"),
            ("first", "conformance.closed"),
            ("second", "conformance.closed"),
        ]

    async def test_nested_messages_are_delivered_in_the_order_they_were_published(
        self, bus: Any
    ) -> None:
        order: list[str] = []
        bus.subscribe(Opened, lambda _: bus.publish(Closed(id="by first")))
        bus.subscribe(Opened, lambda _: bus.publish(Closed(id="by second")))
        bus.subscribe(Closed, lambda event: bus.publish(Archived(id=f"then {event.id}")))
        bus.subscribe(Event, lambda event: order.append(event.id))
        await done(bus.publish(Opened(id="outermost")))

        assert order == ["outermost", "by first", "by second", "then by first", "then by second"]

    async def test_the_outermost_publish_raises_for_a_nested_message_nobody_could_handle(
        self, bus: Any, letters: InMemoryDeadLetterQueue
    ) -> None:
        bus.subscribe(Opened, lambda _: bus.publish(Closed()))
        bus.subscribe(Closed, refuse)

        with pytest.raises(HandlerError) as raised:
            await done(bus.publish(Opened()))
        assert raised.value.message_type == "conformance.closed"
        assert [letter.message.type for letter in letters.dequeue_all()] == ["conformance.closed"]

    async def test_of_several_messages_nobody_could_handle_the_first_is_raised_with_notes(
        self, bus: Any
    ) -> None:
        bus.subscribe(Opened, lambda _: bus.publish(Closed()))
        bus.subscribe(Opened, lambda _: bus.publish(Archived()))
        bus.subscribe(Closed, refuse)
        bus.subscribe(Archived, refuse)

        with pytest.raises(HandlerError) as raised:
            await done(bus.publish(Opened()))
        assert raised.value.message_type == "conformance.closed"
        assert ["'conformance.archived'" in note for note in raised.value.__notes__] == [True]

    async def test_who_is_subscribed_when_a_nested_message_is_published_hears_it(
        self, bus: Any
    ) -> None:
        heard: list[Event] = []
        bus.subscribe(Opened, lambda _: bus.publish(Closed()))
        bus.subscribe(Opened, lambda _: bus.subscribe(Closed, heard.append))
        bus.subscribe(Closed, ignore)
        await done(bus.publish(Opened()))

        assert heard == []

    async def test_a_message_is_delivered_at_once_to_another_bus(
        self, bus: Any, make_bus: MakeBus
    ) -> None:
        order: list[str] = []
        other = make_bus()
        other.subscribe(Closed, lambda event: order.append(event.type))
        bus.subscribe(Opened, lambda _: other.publish(Closed()))
        bus.subscribe(Opened, lambda event: order.append(event.type))
        await done(bus.publish(Opened()))

        assert order == ["conformance.closed", "conformance.opened"]

    async def test_a_command_sent_by_a_handler_is_handled_at_once_and_its_events_wait(
        self, bus: Any
    ) -> None:
        order: list[str] = []

        def opens(command: Open) -> Any:
            order.append(command.type)
            return bus.publish(Closed())

        bus.subscribe(Open, opens)
        bus.subscribe(Opened, lambda _: bus.send(Open()))
        bus.subscribe(Event, lambda event: order.append(event.type))
        await done(bus.publish(Opened()))

        assert order == ["conformance.open", "conformance.opened", "conformance.closed"]

    # commands

    async def test_a_command_goes_to_its_one_handler(self, bus: Any) -> None:
        recorder: Recorder[Open] = Recorder([])
        bus.subscribe(Open, recorder)
        await done(bus.send(command := Open()))

        assert recorder.seen == [command]

    async def test_a_command_without_a_handler_is_an_error(self, bus: Any) -> None:
        bus.subscribe(Opened, ignore)

        with pytest.raises(NoHandler, match=r"'conformance\.open'"):
            await done(bus.send(Open()))

    async def test_a_command_with_two_handlers_calls_neither(self, bus: Any) -> None:
        recorder: Recorder[Command] = Recorder([])
        bus.subscribe(Open, recorder)
        bus.subscribe(Command, recorder.seen.append)

        with pytest.raises(TooManyHandlers) as raised:
            await done(bus.send(Open()))
        assert raised.value.handler_names == ("Recorder.handle", "list.append")
        assert recorder.seen == []

    async def test_a_command_raises_what_its_handler_raises_and_leaves_no_letter(
        self, bus: Any, letters: InMemoryDeadLetterQueue, caplog: pytest.LogCaptureFixture
    ) -> None:
        bus.subscribe(Open, Refusing("not today"))

        with pytest.raises(Refused, match="not today"):
            await done(bus.send(Open()))
        assert letters.count() == 0
        assert caplog.records == []

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

        with pytest.raises(SubscriptionError, match=r"'ignore' for 'conformance\.opened' is not subscribed"):
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
