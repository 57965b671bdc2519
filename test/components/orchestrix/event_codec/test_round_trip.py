"""What an event holds is what is read back."""

from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest

from orchestrix.event_codec import EncodedEvent, EventCodec, UnstorableClass
from orchestrix.messaging import Event

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1


class Unit(StrEnum):
    METRE = "m"


class Right(Flag):
    READ = 1
    WRITE = 2


class Bit(IntFlag):
    ONE = 1
    TWO = 2


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Line:
    price: Money
    count: int = 1


@dataclass(frozen=True)
class Tree:
    name: str
    children: "tuple[Tree, ...]" = ()


class Point(NamedTuple):
    x: int
    y: int


class Address(TypedDict):
    street: str


class Struct(msgspec.Struct):
    size: int


KINDS: list[tuple[Any, list[Any]]] = [
    (str, ["", "a", "naïve 東京 🙂", "\x00\x1f\x7f\u2028\ufeff", 'quote " and \\', "é"]),
    (int, [0, -1, 2**63, 2**64, -(2**63) - 1, 10**400]),
    (float, [0.0, -0.0, 1.5, 1e22, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]),
    (bool, [True, False]),
    (bytes, [b"", b"\x00\xff", bytes(range(256))]),
    (Decimal, [Decimal(each) for each in ("1.50", "-0", "0E-9", "1E+999999", "1E-999999")]),
    (date, [date.min, date.max, date(2024, 2, 29)]),
    (time, [time.min, time.max, time(1, 2, 3, 4, tzinfo=UTC)]),
    (timedelta, [timedelta.min, timedelta.max, timedelta(microseconds=-1)]),
    (UUID, [UUID(int=0), UUID("0192d3a4-7c8b-7def-8123-456789abcdef")]),
    (datetime, [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
    (datetime, [datetime(2024, 7, 1, 12)]),  # noqa: DTZ001 - naive on purpose
    (Colour, [Colour.RED]),
    (Rank, [Rank.LOW]),
    (Unit, [Unit.METRE]),
    (Right, [Right.READ, Right.READ | Right.WRITE, Right(0)]),
    (Bit, [Bit.ONE | Bit.TWO, Bit(8)]),
    (Money, [Money(Decimal("0.10"), "CHF")]),
    (Line, [Line(Money(Decimal(3)), 2)]),
    (Tree, [Tree("a", (Tree("b", (Tree("c"),)),))]),
    (Point, [Point(1, 2)]),
    (Address, [{"street": "Main"}]),
    (list[int], [[], [1, 2]]),
    (list[Money], [[Money(Decimal(1)), Money(Decimal("1.0"))]]),
    (tuple[int, str], [(1, "a")]),
    (tuple[int, ...], [(), (1, 2, 3)]),
    (set[str], [set(), {"a"}]),
    (frozenset[int], [frozenset({1})]),
    (dict[str, Decimal], [{}, {"a": Decimal("1.0")}]),
    (dict[int, str], [{1: "a"}]),
    (dict[UUID, date], [{UUID(int=1): date(2024, 1, 1)}]),
    (dict[date, Colour], [{date(2024, 1, 1): Colour.BLUE}]),
    (Money | None, [None, Money(Decimal(1))]),
    (int | float | str | bool | None, [1, 1.0, "1", True, None]),
    (Decimal | float, [Decimal("1.0"), 1.0]),
    (datetime | int, [datetime(2024, 1, 1, tzinfo=UTC), 5]),
    (Literal["a", 1], ["a", 1]),
    (Annotated[int, msgspec.Meta(gt=0)], [3]),
    (Annotated[datetime, msgspec.Meta(tz=False)], [datetime(2024, 1, 1)]),  # noqa: DTZ001 - naive on purpose
    (Any, [None, True, 2**70, 1.5, "text", [1, [2.0, {"a": None}]], {"a": {"b": [{}]}}]),
]
VALUES = [(kind, value) for kind, values in KINDS for value in values]


def event_class(kind: Any) -> type[Any]:
    """An event class with one field, `value`, of this type."""
    namespace = {"__annotations__": {"value": kind}, "__module__": __name__}
    cls = type("Holder", (Event,), namespace, type="codec-test.round-trip-holder")
    return dataclass(frozen=True, kw_only=True)(cls)


def stored_and_read(event: Event) -> Any:
    stored = EventCodec().encode(event)
    return EventCodec().decode(event.type, stored.schema_version, stored.data)


def by_text(value: Any) -> str:
    return str(value)[:25].encode("ascii", "replace").decode().replace("\x00", "0")


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=by_text)
def test_a_value_is_read_back_equal_and_of_its_type(kind: Any, value: Any) -> None:
    cls = event_class(kind)
    event = cls(value=value)

    back = stored_and_read(event)

    assert back == event
    assert type(back) is cls
    assert type(back.value) is type(value)
    assert repr(back.value) == repr(value)


@pytest.mark.parametrize("minutes", [0, 1, 330, 345, -570, 840, -1439, 1439])
@pytest.mark.parametrize("year", [1, 1969, 2024, 9999])
def test_a_time_keeps_its_offset(minutes: int, year: int) -> None:
    offset = timezone(timedelta(minutes=minutes))
    moment = datetime(year, 6, 15, 23, 59, 59, 999999, tzinfo=offset)

    back = stored_and_read(event_class(datetime)(value=moment, timestamp=moment))

    assert back.value == back.timestamp == moment
    assert back.value.utcoffset() == offset.utcoffset(None)


@pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27"])
@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_in_the_hour_that_a_zone_skips_or_repeats_keeps_its_offset(
    day: str, fold: int
) -> None:
    hour = datetime.fromisoformat(f"{day}T02:30")
    moment = hour.replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    back = stored_and_read(event_class(datetime)(value=moment))

    assert back.value.replace(tzinfo=None) == hour
    assert back.value.utcoffset() == moment.utcoffset()


def test_a_time_of_a_zone_is_read_back_as_the_same_moment_with_its_offset() -> None:
    moment = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))

    back = stored_and_read(event_class(datetime)(value=moment))

    assert back.value == moment
    assert back.value.utcoffset() == timedelta(hours=2)


def test_a_text_of_twenty_megabytes_is_read_back() -> None:
    text = "é" * 10_000_000

    assert stored_and_read(Event(type="codec-test.free", data=text)).data == text


def test_an_int_in_a_field_of_floats_is_stored_when_the_float_is_equal() -> None:
    back = stored_and_read(event_class(float)(value=3))

    assert back.value == 3


def test_a_struct_is_data_too() -> None:
    back = stored_and_read(event_class(Struct)(value=Struct(size=3)))

    assert back.value == Struct(size=3)


# the envelope


def test_the_whole_envelope_is_read_back() -> None:
    event = Event(
        id="1",
        specversion="1.1",
        type="codec-test.free",
        source="/till/3",
        timestamp=datetime(2024, 1, 1, tzinfo=UTC),
        subject="account-1",
        data={"a": [1, None]},
        datacontenttype="application/json",
        dataschema="https://example.org/schema",
        correlation_id="2",
        causation_id="3",
    )

    assert stored_and_read(event) == event


def test_the_stored_form_is_the_version_of_the_class_and_json_of_all_fields() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Opened(Event, type="codec-test.opened", schema_version=3):
        owner: str

    event = Opened(owner="Ada", id="1")
    stored = EventCodec().encode(event)

    assert isinstance(stored, EncodedEvent)
    assert stored.schema_version == 3
    assert msgspec.json.decode(stored.data) == {
        "id": "1",
        "specversion": "1.0",
        "type": "codec-test.opened",
        "source": "orchestrix",
        "timestamp": event.timestamp.isoformat().replace("+00:00", "Z"),
        "subject": None,
        "data": None,
        "datacontenttype": None,
        "dataschema": None,
        "correlation_id": None,
        "causation_id": None,
        "owner": "Ada",
    }


def test_stored_data_may_be_text_as_well_as_bytes() -> None:
    codec, event = EventCodec(), Event(type="codec-test.free", data="é")
    stored = codec.encode(event)

    assert codec.decode(event.type, stored.schema_version, stored.data.decode()) == event


# kinds of classes


@dataclass(frozen=True, kw_only=True)
class Shipped(Event, type="codec-test.shipped"):
    parcel: str
    weight: Decimal = Decimal(1)
    carriers: ClassVar[list[str]] = ["post"]


class ShippedFast(Shipped, type="codec-test.shipped-fast"):
    pass


@dataclass(frozen=True, kw_only=True)
class ShippedAbroad(Shipped, type="codec-test.shipped-abroad", schema_version=4):
    country: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Slotted(Event, type="codec-test.slotted"):
    size: int


@dataclass(frozen=True)
class Positional(Event, type="codec-test.positional"):
    size: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Unequal(Event, type="codec-test.unequal"):
    size: int
    note: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class WorkedOut(Event, type="codec-test.worked-out"):
    net: int
    gross: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gross", self.net * 2)


@dataclass(frozen=True, kw_only=True)
class Checked(Event, type="codec-test.checked"):
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is at least 0")


@dataclass(frozen=True, kw_only=True)
class Underscored(Event, type="codec-test.underscored"):
    _size: int


@dataclass(frozen=True, kw_only=True)
class Changed(Event, Generic[T], type="codec-test.changed"):
    old: T
    new: T


class PriceChanged(Changed[Decimal], type="codec-test.price-changed"):
    pass


@dataclass(frozen=True, kw_only=True)
class MoneyChanged(Changed[Money], type="codec-test.money-changed"):
    why: str = ""


@pytest.mark.parametrize(
    "event",
    [
        Event(type="codec-test.free"),
        Event(),
        Shipped(parcel="a", weight=Decimal("1.50")),
        ShippedFast(parcel="a"),
        ShippedAbroad(parcel="a", country="FR"),
        Slotted(size=1),
        Positional(1),
        WorkedOut(net=2),
        Checked(size=1),
        Underscored(_size=3),
        Changed[int](old=1, new=2),
        PriceChanged(old=Decimal("1.0"), new=Decimal("2.50")),
        MoneyChanged(old=Money(Decimal(1)), new=Money(Decimal(2)), why="up"),
    ],
    ids=lambda event: event.type,
)
def test_an_event_of_each_kind_of_class_is_read_back(event: Event) -> None:
    back = stored_and_read(event)

    assert back == event
    assert type(back) is type(event)
    assert back.type == event.type


def test_an_event_whose_class_knows_no_equality_is_read_back_by_its_fields() -> None:
    back = stored_and_read(Unequal(size=3, note="n"))

    assert (back.size, back.note) == (3, "n")


def test_a_plain_event_stays_plain_though_a_class_has_its_type() -> None:
    event = Event(type="codec-test.shipped", data={"any": 1})

    stored = EventCodec().encode(event)
    back = stored_and_read(event)

    assert stored.schema_version == 0
    assert type(back) is Event
    assert back == event


def test_a_codec_writes_the_same_event_twice_alike() -> None:
    codec, event = EventCodec(), Shipped(parcel="a")

    assert codec.encode(event) == codec.encode(event)


def test_a_field_with_a_default_may_be_missing_in_what_is_stored() -> None:
    old = b'{"id":"1","timestamp":"2024-01-01T00:00:00Z","parcel":"a"}'
    event = EventCodec().decode("codec-test.shipped", 1, old)

    assert event == Shipped(id="1", timestamp=datetime(2024, 1, 1, tzinfo=UTC), parcel="a")
    assert event.type == "codec-test.shipped"


def test_a_field_that_the_class_has_no_more_is_passed_over() -> None:
    old = b'{"id":"1","timestamp":"2024-01-01T00:00:00Z","parcel":"a","gone":[1]}'

    assert EventCodec().decode("codec-test.shipped", 1, old).id == "1"


# classes that cannot


@dataclass(frozen=True, kw_only=True)
class Split(Event, type="codec-test.split"):
    name: InitVar[str]
    first: str = field(init=False)

    def __post_init__(self, name: str) -> None:
        object.__setattr__(self, "first", name.split()[0])


def test_a_class_that_needs_more_than_its_fields_to_be_made_is_refused() -> None:
    with pytest.raises(UnstorableClass, match=r"Split, field 'name': .*InitVar"):
        EventCodec().encode(Split(name="Ada Lovelace"))
