"""Who hears a message, in which order; commands."""

from typing import Any

import pytest

from orchestrix.messaging import (
    Command,
    Event,
    HandlerError,
    InMemoryDeadLetterQueue,
    Message,
    NoHandler,
    TooManyHandlers,
)
from orchestrix.testing.conformance.message_bus.samples import (
    Archived,
    Closed,
    MakeBus,
    Open,
    Opened,
    OpenedOnline,
    Recorder,
    Refused,
    Refusing,
    done,
    ignore,
    refuse,
)
from orchestrix.testing.conformance.message_bus.suite import MessageBusSuite


class Delivery(MessageBusSuite):
    """Each message to whom it is for."""

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

    # messages published by handlers

    async def test_what_a_handler_publishes_waits_for_the_message_it_handles(
        self, bus: Any
    ) -> None:
        order: list[tuple[str, str]] = []
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
