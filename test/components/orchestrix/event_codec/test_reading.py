"""Stored data that does not become an event of its class."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from orchestrix.event_codec import (
    AmbiguousEventType,
    EventCodec,
    UnreadableEvent,
    UnstorableClass,
)
from orchestrix.messaging import Event, UnknownEvent

ENVELOPE: dict[str, Any] = {"id": "7", "timestamp": "2020-01-01T00:00:00Z"}


@dataclass(frozen=True, kw_only=True)
class Sized(Event, type="codec-test.sized", schema_version=2):
    size: int


@dataclass(frozen=True, kw_only=True)
class Picky(Event, type="codec-test.picky"):
    size: int

    def __post_init__(self) -> None:
        if self.size > 9:
            raise LookupError("above 9")
        if self.size < 0:
            raise ValueError("below 0")


@dataclass(frozen=True, kw_only=True)
class Bad(Event, type="codec-test.bad-field"):
    field: complex


def stored(**fields: object) -> bytes:
    return msgspec.json.encode({**ENVELOPE, **fields})


def refusal(event_type: str, version: int, data: Any) -> UnreadableEvent:
    with pytest.raises(UnreadableEvent) as caught:
        EventCodec().decode(event_type, version, data)
    assert (caught.value.event_type, caught.value.schema_version) == (event_type, version)
    return caught.value


# data that does not fit


def test_data_that_does_not_fit_names_the_class_the_place_and_the_remedy() -> None:
    assert str(refusal("codec-test.sized", 2, stored(size="big"))) == (
        "an event of type 'codec-test.sized' stored in version 2 cannot be read: "
        f"it does not fit {__name__}.Sized (Expected `int`, got `str` - at `$.size`); "
        "raise its schema_version and register an upcaster, or give new fields defaults"
    )


@pytest.mark.parametrize(
    "data",
    [
        stored(),
        stored(size=1.5),
        stored(size="3"),
        stored(size=None),
        stored(size=1, id=3),
        b"[]",
        b"null",
        b"3",
    ],
)
def test_data_of_another_shape_does_not_fit(data: bytes) -> None:
    assert f"it does not fit {__name__}.Sized" in str(refusal("codec-test.sized", 2, data))


@pytest.mark.parametrize(("size", "why"), [(10, "above 9"), (-1, "below 0")])
def test_an_event_that_its_class_refuses_does_not_fit(size: int, why: str) -> None:
    error = refusal("codec-test.picky", 1, stored(size=size))

    assert f"it does not fit {__name__}.Picky" in str(error)
    assert why in str(error)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"id": "\xff"}', b"\x00\x01", "{\ud800", b'{"data": ' + b"[" * 100],
    ids=range(6),
)
@pytest.mark.parametrize(
    ("event_type", "version"),
    [("codec-test.sized", 2), ("codec-test.free", 0), ("codec-test.no-class", 3)],
)
def test_what_is_not_json_is_damaged(event_type: str, version: int, data: Any) -> None:
    text = str(refusal(event_type, version, data))

    assert "it is not JSON (" in text
    assert text.endswith("; restore the store from a backup")


@dataclass(frozen=True, kw_only=True)
class Filed(Event, type="codec-test.filed"):
    content: Any = None


@dataclass(frozen=True, kw_only=True)
class Refiled(Event, type="codec-test.refiled", schema_version=2):
    content: Any = None


@pytest.mark.parametrize(
    ("event_type", "version"),
    [("codec-test.filed", 1), ("codec-test.refiled", 1), ("codec-test.unknown", 1), ("free", 0)],
)
def test_sound_data_for_which_the_stack_is_too_short_is_not_called_damaged(
    event_type: str, version: int
) -> None:
    depth = 700
    data = f'{{"id":"7","timestamp":"2020-01-01T00:00:00Z","content":{"[" * depth}{"]" * depth}}}'
    codec = EventCodec()
    codec.upcaster("codec-test.refiled", 1)(lambda data: data)

    def read_deeper(calls: int) -> Event:
        return read_deeper(calls - 1) if calls else codec.decode(event_type, version, data)

    read_deeper(0)
    with pytest.raises(UnreadableEvent, match=r"nested too deeply .* raise sys.setrecursionlimit"):
        read_deeper(sys.getrecursionlimit() - depth)


@pytest.mark.parametrize(("event_type", "version"), [("codec-test.sized", 2), ("free", 0)])
def test_data_that_is_missing_is_unreadable(event_type: str, version: int) -> None:
    refusal(event_type, version, None)


@pytest.mark.parametrize("version", [3, 4, 2**31])
def test_a_newer_version_was_written_by_a_newer_program(version: int) -> None:
    text = str(refusal("codec-test.sized", version, stored(size=1)))

    assert "its class here has version 2, so a newer program wrote it; run that one" in text


def test_what_was_wrong_stays_visible_as_the_cause() -> None:
    error = refusal("codec-test.sized", 2, stored())

    assert isinstance(error.__cause__, msgspec.ValidationError)


# one at a time


@pytest.mark.parametrize(
    ("event_type", "version", "kind"),
    [
        ("codec-test.sized", 1, UnreadableEvent),
        ("codec-test.sized", 3, UnreadableEvent),
        ("codec-test.bad-field", 1, UnstorableClass),
        ("codec-test.two", 1, AmbiguousEventType),
    ],
)
def test_asking_for_a_decoder_never_raises_but_using_it_does(
    event_type: str, version: int, kind: type[Exception]
) -> None:
    two = [type(name, (Event,), {}, type="codec-test.two") for name in ("One", "Other")]
    codec = EventCodec()
    read = codec.decoder(event_type, version)

    for _ in range(2):
        with pytest.raises(kind):
            read(stored(size=1))
    assert two


def test_a_decoder_is_built_once() -> None:
    codec = EventCodec()

    assert codec.decoder("codec-test.sized", 2) is codec.decoder("codec-test.sized", 2)


def test_a_decoder_reads_many_events() -> None:
    read = EventCodec().decoder("codec-test.sized", 2)

    assert [read(stored(size=size)) for size in range(3)] == [
        Sized(id="7", timestamp=datetime(2020, 1, 1, tzinfo=UTC), size=size) for size in range(3)
    ]


# plain events


def test_a_plain_event_is_read_back_by_version_0_only() -> None:
    data = stored(type="codec-test.sized", data={"size": 1})

    assert type(EventCodec().decode("codec-test.sized", 0, data)) is Event
    assert type(EventCodec().decode("codec-test.no-class", 0, data)) is Event
    assert type(EventCodec().decode("codec-test.no-class", 1, data)) is UnknownEvent


# unknown classes


def test_an_event_of_unknown_class_has_its_type_and_all_that_was_stored() -> None:
    content = ENVELOPE | {
        "type": "ignored",
        "source": "till",
        "subject": "s",
        "data": {"inner": 1},
        "correlation_id": "c",
        "causation_id": "d",
        "big": 2**70,
        "list": [1, {"a": None}],
    }

    event = EventCodec().decode("codec-test.no-class", 3, msgspec.json.encode(content))

    assert event == UnknownEvent(
        id="7",
        timestamp=datetime(2020, 1, 1, tzinfo=UTC),
        type="codec-test.no-class",
        source="till",
        subject="s",
        data=content,
        correlation_id="c",
        causation_id="d",
    )


@pytest.mark.parametrize("version", [1, 2, 99])
def test_an_unknown_class_has_no_version_to_compare_with(version: int) -> None:
    event = EventCodec().decode("codec-test.no-class", version, stored())

    assert type(event) is UnknownEvent


def test_an_unknown_class_whose_envelope_does_not_fit_is_unreadable() -> None:
    assert "Expected `str`, got `int` - at `$.id`" in str(
        refusal("codec-test.no-class", 3, stored(id=3))
    )
