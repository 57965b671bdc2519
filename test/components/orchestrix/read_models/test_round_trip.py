"""Every value of every type comes back, in a form that a store can hold."""

from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.read_models import RowError, Table, UnreadableRow


class Suit(StrEnum):
    HEARTS = "♥"
    SPADES = "♠"


class Level(IntEnum):
    LOW = -1
    HIGH = 2**63 - 1


class Huge(IntEnum):
    ONE = 2**64
    TWO = 2


class Mixed(Enum):
    ONE = 1
    TRUE = "true"


class Odd(Enum):
    BAD = "\ud800"


class Rights(IntFlag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Point:
    x: int
    y: float | None = None


OFFSETS = st.integers(-1439, 1439).map(lambda each: timezone(timedelta(minutes=each)))
TIMES = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001 - the same
    timezones=st.just(UTC) | OFFSETS,
)

TYPES: dict[Any, tuple[st.SearchStrategy[Any], type]] = {
    str: (st.text(), str),
    int: (st.integers(-(2**63), 2**63 - 1), int),
    float: (st.floats(allow_nan=False), float),
    bool: (st.booleans(), int),
    bytes: (st.binary(), bytes),
    Decimal: (st.decimals(allow_nan=False, allow_infinity=False), str),
    datetime: (TIMES, str),
    date: (st.dates(), str),
    UUID: (st.uuids(), str),
    Suit: (st.sampled_from(Suit), str),
    Level: (st.sampled_from(Level), int),
    Huge: (st.sampled_from(Huge), str),
    Mixed: (st.sampled_from(Mixed), str),
    Odd: (st.sampled_from(Odd), str),
    Rights: (st.integers(0, 3).map(Rights), int),
    list[int]: (st.lists(st.integers(-(2**63), 2**63 - 1)), str),
    tuple[int, str]: (st.tuples(st.integers(0, 9), st.text()), str),
    dict[str, Point]: (st.dictionaries(st.text(), st.builds(Point, st.integers(0, 9))), str),
    set[str]: (st.sets(st.text()), str),
    Point: (st.builds(Point, st.integers(0, 9), st.none() | st.floats(0, 1)), str),
    time: (st.times(), str),
    timedelta: (st.timedeltas(timedelta(-99), timedelta(99)), str),
    int | str: (st.integers(0, 9) | st.text(), str),
}


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_a_value_comes_back(kind: Any, optional: bool) -> None:
    row = make_dataclass("Row", [("id", int), ("value", kind | None if optional else kind)])
    codec = Table(row, key="id").codec
    values, stored_as = TYPES[kind]

    @given(st.none() | values if optional else values)
    def check(value: Any) -> None:
        stored = codec.encode(row(1, value), "segment")
        back = codec.decode(stored)

        assert type(stored[1]) is (type(None) if value is None else stored_as)
        assert (stored[0], stored[2]) == (1, "segment")
        assert back == row(1, value)
        assert type(back.value) is type(value)
        assert codec.encode(back, "segment") == stored

    check()


@given(TIMES, TIMES)
def test_stored_times_sort_as_times_do(one: datetime, other: datetime) -> None:
    key = Table(make_dataclass("Row", [("id", datetime)]), key="id").codec.key

    assert (key([one]) < key([other])) == (one < other)  # type: ignore[operator]
    assert (key([one]) == key([other])) == (one == other)


@given(st.dates(), st.dates())
def test_stored_dates_sort_as_dates_do(one: date, other: date) -> None:
    key = Table(make_dataclass("Row", [("id", date)]), key="id").codec.key

    assert (key([one]) < key([other])) == (one < other)  # type: ignore[operator]


class Name(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "lies"


class Count(int):
    def __int__(self) -> int:
        return 99


class Moment(datetime):
    pass


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (str, Name("x"), "x"),
        (str, Suit.HEARTS, "♥"),
        (int, Count(3), 3),
        (int, Level.LOW, -1),
        (float, 3, 3.0),
        (float, -0.0, 0.0),
        (datetime, Moment(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00.000000+00:00"),
        (list[int] | None, None, None),
        (Any, None, None),
        (set[int], {3, 1, 2}, "[1,2,3]"),
        (dict[str, int], {"b": 1, "a": 2}, '{"b":1,"a":2}'),
    ],
    ids=str,
)
def test_an_unusual_value_is_stored_as_a_plain_one(kind: Any, value: Any, stored: Any) -> None:
    row = make_dataclass("Row", [("id", int), ("value", kind)])
    found = Table(row, key="id").codec.encode(row(1, value), None)[1]

    assert repr(found) == repr(stored)
    assert type(found) is type(stored)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (list[str], ["\ud800"]),
        (list[float], [float("nan")]),
        (list[float], [float("inf")]),
        (dict[str, Any], {"a": (1,)}),
        (Any, {1: 2}),
        (Point, Point("x")),  # type: ignore[arg-type]
        (Rights, 3),
        (datetime, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        (float, 10**400),
    ],
    ids=str,
)
def test_what_could_not_be_read_back_is_refused(kind: Any, value: Any) -> None:
    row = make_dataclass("Row", [("id", int), ("value", kind)])
    with pytest.raises(RowError, match="'row', row 1, column 'value': expected "):
        Table(row, key="id").codec.encode(row(1, value), None)


def test_an_attribute_that_is_missing_is_named() -> None:
    row = make_dataclass("Row", [("id", int), ("value", int)])
    broken = row(1, 2)
    del broken.value

    with pytest.raises(RowError, match=r"row 1, column 'value': .*AttributeError"):
        Table(row, key="id").codec.encode(broken, None)


BAD: dict[Any, list[Any]] = {
    str: [1, b"x", None],
    int: ["1", 1.5, None],
    float: ["1", None],
    bool: [2, "1", None],
    bytes: ["x"],
    Decimal: ["x", 1.5, "NaN", None],
    datetime: ["x", 1, "2026-01-01 00:00:00", None],
    date: ["2026", 1, None],
    UUID: ["x", 1, None],
    Suit: ["HEARTS", 1, None],
    Level: ["LOW", 7, None],
    list[int]: ["{", '["x"]', None],
}


@pytest.mark.parametrize(
    ("kind", "stored"), [(kind, each) for kind, values in BAD.items() for each in values], ids=str
)
def test_a_stored_value_of_another_kind_is_refused(kind: Any, stored: Any) -> None:
    row = make_dataclass("Row", [("id", int), ("value", kind)])
    decode: Callable[..., Any] = Table(row, key="id").codec.decode

    with pytest.raises(UnreadableRow, match="'row', row 1, column 'value' cannot be read back"):
        decode((1, stored, None))
