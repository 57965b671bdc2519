"""Stored forms as they lie in users' databases: they stay readable, and are written as ever.

A file that cannot be read any more means that stored events cannot be read any more: mend the
codec, not the file.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest

from orchestrix.event_codec import EventCodec
from orchestrix.messaging import Event, UnknownEvent

GOLDEN = Path(__file__).with_name("golden")

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class Envelope(Event, type="golden.envelope"):
    pass


@dataclass(frozen=True, kw_only=True)
class Numbers(Event, type="golden.numbers"):
    price: Decimal
    exact: Decimal
    large: int
    share: float
    flag: bool


@dataclass(frozen=True, kw_only=True)
class Times(Event, type="golden.times"):
    moment: datetime
    local: datetime
    naive: datetime
    day: date
    hour: time
    length: timedelta


@dataclass(frozen=True, kw_only=True)
class Keyed(Event, type="golden.uuid"):
    key: UUID


@dataclass(frozen=True, kw_only=True)
class Painted(Event, type="golden.enum"):
    colour: Colour
    rights: Right


@dataclass(frozen=True, kw_only=True)
class Paid(Event, type="golden.nested"):
    money: Money
    parts: tuple[Money, ...]
    by_name: dict[str, Money]
    tip: Money | None = None


@dataclass(frozen=True, kw_only=True)
class Collected(Event, type="golden.collections"):
    names: list[str]
    places: set[int]
    pair: tuple[int, str]
    by_day: dict[date, int]
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class Changed(Event, Generic[T], type="golden.changed"):
    old: T
    new: T


class PriceChanged(Changed[Decimal], type="golden.generic"):
    pass


class Repainted(Painted, type="golden.plain-subclass"):
    pass


@dataclass(frozen=True, kw_only=True)
class Named(Event, type="golden.text"):
    name: str


@dataclass(frozen=True, kw_only=True)
class Versioned(Event, type="golden.versioned", schema_version=3):
    first_name: str
    last_name: str
    fee: Decimal


EVENTS: dict[str, Event] = {}
"""File -> the event that it holds, in the version of today's class."""

OLD: dict[str, tuple[str, int, Event]] = {}
"""File -> event type and version of an older form, and the event that comes of it."""


def envelope(number: int, **others: Any) -> dict[str, Any]:
    moment = datetime(2024, 2, 29, 23, 59, 58, 120000, tzinfo=UTC)
    return {"id": f"0192d3a4-7c8b-7def-8123-{number:012}", "timestamp": moment, **others}


def codec() -> EventCodec:
    made = EventCodec()

    @made.upcaster("golden.versioned", 1)
    def split_name(data: dict[str, Any]) -> dict[str, Any]:
        first, last = data.pop("name").split()
        return {**data, "first_name": first, "last_name": last}

    @made.upcaster("golden.versioned", 2)
    def cents_to_decimal(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "fee": str(Decimal(data.pop("fee_cents")) / 100)}

    return made


EVENTS["default_envelope"] = Envelope(**envelope(1))
EVENTS["full_envelope"] = Envelope(
    **envelope(
        2,
        specversion="1.1",
        source="/tills/3",
        subject="account-7",
        data={"note": [1, 2.5, None, True, {"deep": "er"}]},
        datacontenttype="application/json",
        dataschema="https://example.org/envelope",
        correlation_id="0192d3a4-7c8b-7def-8123-000000000001",
        causation_id="0192d3a4-7c8b-7def-8123-000000000000",
    )
)
EVENTS["numbers"] = Numbers(
    **envelope(3),
    price=Decimal("19.90"),
    exact=Decimal("-1E-28"),
    large=2**70,
    share=0.1 + 0.2,
    flag=True,
)
EVENTS["times"] = Times(
    **envelope(4),
    moment=datetime(2024, 3, 31, 0, 30, tzinfo=UTC),
    local=datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    naive=datetime(2024, 3, 31, 2, 30),  # noqa: DTZ001 - naive on purpose
    day=date(2024, 2, 29),
    hour=time(23, 59, 59, 999999),
    length=timedelta(days=-1, seconds=3, microseconds=5),
)
EVENTS["uuid"] = Keyed(**envelope(5), key=UUID("c0ffee00-1234-4abc-8def-0123456789ab"))
EVENTS["enum"] = Painted(**envelope(6), colour=Colour.GREEN, rights=Right.READ | Right.WRITE)
EVENTS["nested_dataclass"] = Paid(
    **envelope(7),
    money=Money(Decimal("1.50"), "EUR"),
    parts=(Money(Decimal("1.00"), "EUR"), Money(Decimal("0.50"), "EUR")),
    by_name={"Ada": Money(Decimal(1), "CHF")},
)
EVENTS["collections"] = Collected(
    **envelope(8),
    names=["a", "b"],
    places={5},
    pair=(1, "one"),
    by_day={date(2024, 1, 1): 1},
    raw=b"\x00\xffraw",
)
EVENTS["generic_subclass"] = PriceChanged(**envelope(9), old=Decimal("1.0"), new=Decimal("2.00"))
EVENTS["plain_subclass"] = Repainted(**envelope(10), colour=Colour.RED, rights=Right(0))
EVENTS["free_type"] = Event(
    **envelope(11), type="com.example.anything.v1", data={"amount": 5, "tags": ["x"]}
)
EVENTS["free_type_of_a_class"] = Event(**envelope(12), type="golden.uuid", data="free")
EVENTS["non_ascii_text"] = Named(
    **envelope(13), name='Zoë 東京 🙂 e\u0301 \u2028 \x00\x1f\x7f "quoted" \\ / <&>'
)
EVENTS["of_today"] = Versioned(
    **envelope(14), first_name="Ada", last_name="Lovelace", fee=Decimal("2.50")
)
OLD["of_version_1"] = (
    "golden.versioned",
    1,
    Versioned(**envelope(15), first_name="Ada", last_name="Lovelace", fee=Decimal("2.5")),
)
OLD["of_version_2"] = (
    "golden.versioned",
    2,
    Versioned(**envelope(16), first_name="Ada", last_name="Lovelace", fee=Decimal("2.5")),
)
OLD["without_envelope"] = (
    "golden.text",
    1,
    Named(id="1", timestamp=datetime(2020, 1, 1, tzinfo=UTC), name="Ada"),
)
OLD["with_a_field_of_old"] = ("golden.text", 1, Named(**envelope(17), name="Ada"))
OLD["of_no_class"] = (
    "golden.gone",
    4,
    UnknownEvent(
        **envelope(18, type="golden.gone", subject="s"),
        data={
            "id": "0192d3a4-7c8b-7def-8123-000000000018",
            "specversion": "1.0",
            "type": "golden.gone",
            "source": "orchestrix",
            "timestamp": "2024-02-29T23:59:58.120000Z",
            "subject": "s",
            "data": None,
            "correlation_id": None,
            "causation_id": None,
            "size": 3,
        },
    ),
)
VERSIONS = {"free_type": 0, "free_type_of_a_class": 0, "of_today": 3}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().rstrip()


@pytest.mark.parametrize("name", EVENTS)
def test_what_was_stored_is_read_as_it_was(name: str) -> None:
    expected = EVENTS[name]

    event = codec().decode(expected.type, VERSIONS.get(name, 1), golden(name))

    assert event == expected
    assert type(event) is type(expected)
    assert repr(event) == repr(expected)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_stored_in_exactly_this_form(name: str) -> None:
    stored = codec().encode(EVENTS[name])

    assert stored.data == golden(name)
    assert stored.schema_version == VERSIONS.get(name, 1)


@pytest.mark.parametrize("name", OLD)
def test_an_older_form_is_read_as_an_event_of_today(name: str) -> None:
    event_type, version, expected = OLD[name]

    event = codec().decode(event_type, version, golden(name))

    assert event == expected
    assert type(event) is type(expected)


def test_each_file_is_read_by_a_test() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == EVENTS.keys() | OLD.keys()
