import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from orchestrix.messaging import Event, RecordedEvent, StreamEvent

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class Opened(Event):
    pass


EVENT = Opened(id="e1", timestamp=WHEN)


def recorded(content: Event | Callable[[], Event] = EVENT, **changes: Any) -> RecordedEvent:
    event = RecordedEvent(
        id="e1",
        type="Opened",
        stream_id="account-1",
        version=0,
        position=7,
        recorded_at=WHEN,
        metadata={"user": "ada"},
        content=content,
    )
    return msgspec.structs.replace(event, **changes)


class Decoder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Event:
        self.calls += 1
        return EVENT


def test_an_event_that_is_there_is_given_as_it_is() -> None:
    assert recorded().event is EVENT


def test_an_event_is_decoded_on_first_access_and_only_then() -> None:
    decoder = Decoder()
    event = recorded(decoder)
    before = decoder.calls

    assert event.event is event.event is EVENT
    assert (before, decoder.calls) == (0, 1)


def test_comparing_and_hashing_decode_nothing() -> None:
    decoder = Decoder()

    assert recorded(decoder) == recorded()
    assert hash(recorded(decoder)) == hash(recorded())
    assert decoder.calls == 0


def test_a_decoder_that_fails_is_asked_again() -> None:
    answers: list[Event] = []
    event = recorded(lambda: answers[0])

    with pytest.raises(IndexError):
        _ = event.event
    answers.append(EVENT)
    assert event.event is EVENT


@pytest.mark.parametrize(
    "change",
    [
        {"id": "e2"},
        {"type": "Closed"},
        {"stream_id": "account-2"},
        {"version": 1},
        {"position": 8},
        {"recorded_at": datetime(2026, 1, 2, tzinfo=UTC)},
        {"metadata": {}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_difference_in_anything_but_the_content_is_a_difference(change: dict[str, Any]) -> None:
    assert recorded() != recorded(**change)
    assert not recorded() == recorded(**change)  # noqa: SIM201 - both operators are promised


def test_the_content_makes_no_difference() -> None:
    assert recorded() == recorded(Opened())
    assert not recorded() != recorded(Opened())  # noqa: SIM202 - both operators are promised


def test_a_recorded_event_is_not_equal_to_other_things() -> None:
    assert recorded() != EVENT


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        recorded().position = 8  # pyright: ignore[reportAttributeAccessIssue] - on purpose


@pytest.mark.parametrize("cls", [RecordedEvent, StreamEvent])
def test_pickling_takes_the_decoded_event_along(cls: type[RecordedEvent]) -> None:
    metadata = MappingProxyType({"user": "ada"})
    event = cls("e1", "Opened", "account-1", 0, 7, WHEN, metadata, lambda: EVENT)
    restored = pickle.loads(pickle.dumps(event))  # noqa: S301 - made here

    assert type(restored) is cls
    assert restored == event
    assert restored.content == EVENT


def test_a_copy_is_equal() -> None:
    assert copy.copy(recorded()) == copy.deepcopy(recorded(Decoder())) == recorded()


def test_a_stream_event_says_that_its_neighbours_may_be_missing() -> None:
    event = StreamEvent("e1", "Opened", "account-1", 0, 7, WHEN, {}, EVENT)

    assert isinstance(event, RecordedEvent)
    assert not isinstance(recorded(), StreamEvent)
