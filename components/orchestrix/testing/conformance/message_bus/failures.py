"""Handlers that fail."""

import logging
from typing import Any

import pytest

from orchestrix.messaging import Event, HandlerError, InMemoryDeadLetterQueue
from orchestrix.testing.conformance.message_bus.samples import (
    BrokenQueue,
    Closed,
    MakeBus,
    Opened,
    Refused,
    Refusing,
    done,
    ignore,
    refuse,
)
from orchestrix.testing.conformance.message_bus.suite import MessageBusSuite


class Failures(MessageBusSuite):
    """Every failure is told."""

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
        assert reasons == [
            "refuse: Refused('conformance.opened')",
            "Refusing.handle: Refused('no')",
        ]

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
        assert [letter.message.type for letter in left] == [
            "conformance.opened",
            "conformance.closed",
        ]
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
