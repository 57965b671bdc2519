"""The rules that every store applies before it writes; stores prove the rest of them."""

import reprlib
from collections.abc import Sequence
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    ConcurrencyError,
    DuplicateEvent,
    InvalidAppend,
    InvalidRange,
    RecordedId,
    check_append,
    check_range,
    check_stream_id,
    check_version,
    repeated_append,
)
from orchestrix.messaging import Event

A, B, C = events = [Event(id=each) for each in "abc"]
UNTYPED: Any = 7


def places(*versions: int | None, stream_id: str = "s") -> list[RecordedId | None]:
    """Where ids are recorded, positions ten above versions."""
    return [None if at is None else RecordedId(stream_id, at, at + 10) for at in versions]


@pytest.mark.parametrize("expected", [None, NO_STREAM, 0, 10**12])
@pytest.mark.parametrize("metadata", [None, {}, {"user": "ada", "": ""}])
def test_what_can_be_written_passes(expected: int | None, metadata: dict[str, str] | None) -> None:
    check_append("s", events, expected, metadata)
    check_append("s", [], expected, metadata)


NAMELESS = ["", 7, None, b"s", ["s"], "a\0b", "\ud800", "x" * 513, "ä" * 10_000_000]


@pytest.mark.parametrize("bad", NAMELESS, ids=lambda bad: repr(bad)[:9])
def test_a_stream_id_is_a_text_that_every_store_can_hold(bad: Any) -> None:
    for check in (check_stream_id, lambda bad: check_append(bad, [], None, None)):
        with pytest.raises(InvalidAppend) as caught:
            check(bad)
        assert str(caught.value) == (
            "a stream id is a text of 1 to 512 characters, without NUL and lone surrogates; "
            f"found {reprlib.repr(bad)}"
        )


@pytest.mark.parametrize("good", ["x", "x" * 512, "🂡" * 512, "\ud7ff\ue000", "a b\n"])
def test_any_other_text_is_a_name(good: str) -> None:
    check_append(good, [Event(id=good, type=good)], None, {"": "\0"})


@pytest.mark.parametrize("bad", [None, "opened", {"type": "opened"}, Event, object()])
def test_an_item_that_is_no_event_is_named_with_its_place(bad: Any) -> None:
    with pytest.raises(InvalidAppend, match=r"'s': item 2 is .*, not an Event; declare"):
        check_append("s", [A, B, bad], None, None)


@pytest.mark.parametrize("bad", NAMELESS, ids=lambda bad: repr(bad)[:9])
def test_an_event_whose_id_or_type_is_no_name_is_named_with_its_place(bad: Any) -> None:
    nameless = [Event(id=bad)] if not bad else [Event(id=bad), Event(type=bad)]
    for event in nameless:  # no type is the class's
        with pytest.raises(InvalidAppend, match="'s': the id and type of item 1 are each a text"):
            check_append("s", [A, event], None, None)


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ({"k": 7}, "text to text, without lone surrogates; found 'k': 7"),
        ({"k": None}, "text to text, without lone surrogates; found 'k': None"),
        ({7: "v"}, "text to text, without lone surrogates; found 7: 'v'"),
        ({"k": "\ud800"}, "text to text, without lone surrogates; found 'k':"),
        ({"\ud800": "v"}, "text to text, without lone surrogates; found '"),
        ("k=v", "found 'k=v'"),
        ("", "found ''"),
        ([("k", "v")], r"found \[\('k', 'v'\)\]"),
    ],
)
def test_metadata_is_a_mapping_of_texts(bad: Any, found: str) -> None:
    with pytest.raises(InvalidAppend, match=f"'s': metadata is .*{found}"):
        check_append("s", [A], None, bad)


@pytest.mark.parametrize("bad", [-2, True, False, 1.0, "1"])
def test_an_expected_version_is_a_version_or_no_stream(bad: Any) -> None:
    with pytest.raises(InvalidRange, match=f"'s': expected_version .* -1 on, found {bad!r}"):
        check_append("s", [A], bad, None)


def test_two_events_with_one_id_are_refused() -> None:
    with pytest.raises(DuplicateEvent, match="'a' stands twice") as caught:
        check_append("s", [A, B, Event(id="a")], None, None)

    assert (caught.value.event_id, caught.value.stream_id) == ("a", "s")


def test_events_nobody_recorded_are_a_new_append() -> None:
    assert repeated_append("s", events, places(None, None, None)) is None
    assert repeated_append("s", [], []) is None


@pytest.mark.parametrize("first", [0, 5])
def test_neighbours_in_their_order_are_a_repeated_append(first: int) -> None:
    recorded = places(first, first + 1, first + 2)

    assert repeated_append("s", events, recorded) == AppendResult(first + 2, first + 12, first + 10)


@pytest.mark.parametrize(
    ("recorded", "found"),
    [
        (places(1, 0, 2), "'b' is recorded in another order"),
        (places(0, 1, 3), "'c' is recorded in another order"),
        (places(0, 2, 3), "'b' is recorded in another order"),
        (places(0, 1, None), "'a' is recorded, others of this append are not"),
        (places(None, 1, None), "'b' is recorded, others of this append are not"),
        (places(None, 0, 1), "'b' is recorded, others of this append are not"),
        (places(0, 1, 2, stream_id="t"), "'a' is in stream 't'"),
        ([*places(0, 1), *places(2, stream_id="t")], "'c' is in stream 't'"),
        ([None, *places(0, 1, stream_id="t")], "'b' is in stream 't'"),
    ],
)
def test_any_other_known_events_are_refused(
    recorded: Sequence[RecordedId | None], found: str
) -> None:
    with pytest.raises(DuplicateEvent, match=f"'s': event id {found}; repeat .*whole"):
        repeated_append("s", events, recorded)


def test_the_version_is_checked_only_when_one_is_expected() -> None:
    for actual in (NO_STREAM, 0, 7):
        check_version("s", None, actual)
        check_version("s", actual, actual)
        for wrong in (actual - 1, actual + 1):
            with pytest.raises(ConcurrencyError) as caught:
                check_version("s", wrong, actual)
            assert caught.value.args == ("s", wrong, actual)


@pytest.mark.parametrize("least", [-1, 0, 1])
def test_a_range_begins_with_its_least_value(least: int) -> None:
    check_range("limit", least, least)
    check_range("limit", 10**30, least)
    bad: Any
    for bad in (least - 1, True, float(least), str(least), None):
        with pytest.raises(InvalidRange) as caught:
            check_range("limit", bad, least)
        assert str(caught.value) == f"limit is a whole number from {least} on, found {bad!r}"
