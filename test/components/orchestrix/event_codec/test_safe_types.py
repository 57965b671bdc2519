"""Whatever an event holds: it is refused, or read back equal."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrix.event_codec import EventCodec, UnstorableEvent
from orchestrix.event_codec.safe_types import SURE, foreign_type, safe_types, type_info
from orchestrix.messaging import Event


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Unit(StrEnum):
    METRE = "m"


class Open(Enum):
    KNOWN = "known"

    @classmethod
    def _missing_(cls, value: object) -> "Open":
        made = object.__new__(cls)
        made._name_ = made._value_ = str(value)
        return made


class Right(Flag):
    READ = 1
    WRITE = 2


class Bit(IntFlag):
    ONE = 1
    TWO = 2


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Moment(datetime):
    pass


@dataclass(frozen=True)
class Money:
    amount: Decimal
    note: Any = None


@dataclass(frozen=True, slots=True)
class Line:
    price: Money | None
    size: float


OFFSETS = st.one_of(
    st.just(UTC),
    st.sampled_from([ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")]),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.integers(-86399, 86399).map(lambda seconds: timezone(timedelta(seconds=seconds))),
)
# But for the hours that a zone skips or repeats: Python calls them equal to nothing.
DATETIMES = st.datetimes(timezones=st.none() | OFFSETS, allow_imaginary=True).filter(
    lambda time: time.replace(fold=0).utcoffset() == time.replace(fold=1).utcoffset()
)
DECIMALS = st.one_of(
    st.decimals(),
    st.sampled_from(["-0", "sNaN", "1E+999999", "0E-999999", "1.000"]).map(Decimal),
)
MONEY = st.builds(Money, DECIMALS, st.none() | st.integers() | st.tuples(st.integers()))
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(codec=None)) | st.sampled_from(["\x00", "\u2028", "\ufeff", "🙂"]),
    int: st.integers() | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400]),
    float: st.floats(),
    bool: st.booleans(),
    bytes: st.binary(max_size=20),
    Decimal: DECIMALS,
    datetime: DATETIMES,
    date: st.dates(),
    time: st.times(timezones=st.none() | st.just(UTC)),
    timedelta: st.timedeltas(),
    UUID: st.uuids(),
    Colour: st.sampled_from(Colour),
    Rank: st.sampled_from(Rank),
    Unit: st.sampled_from(Unit),
    Open: st.sampled_from([Open.KNOWN, Open("made up")]),
    Right: st.integers(0, 3).map(Right),
    Bit: st.integers(0, 9).map(Bit),
    Money: MONEY,
    Line: st.builds(Line, st.none() | MONEY, st.floats()),
    None: st.none(),
}
ODD = st.one_of(
    st.text().map(Text),
    st.integers().map(Number),
    st.builds(Moment, st.integers(1, 9999), st.just(2), st.just(3), tzinfo=OFFSETS),
    st.just(msgspec.UNSET),
    st.just(bytearray(b"a")),
)
LEAF = st.one_of(*LEAVES.values(), ODD)
PAYLOADS = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=6,
)
CONTAINERS: dict[Any, st.SearchStrategy[Any]] = {
    list[int]: st.lists(LEAVES[int] | st.booleans(), max_size=3),
    list[float]: st.lists(st.floats() | st.integers(), max_size=3),
    tuple[datetime, ...]: st.lists(DATETIMES, max_size=3).map(tuple),
    tuple[int, str]: st.tuples(st.integers(), st.text()),
    set[Colour]: st.sets(st.sampled_from(Colour)),
    frozenset[Decimal]: st.frozensets(st.decimals(allow_nan=False), max_size=3),
    dict[str, Money]: st.dictionaries(st.text(), MONEY, max_size=2),
    dict[int, float]: st.dictionaries(st.integers() | st.booleans(), st.floats(), max_size=3),
    dict[UUID, date]: st.dictionaries(st.uuids(), st.dates(), max_size=2),
    dict[Rank, Any]: st.dictionaries(st.sampled_from(Rank), PAYLOADS, max_size=2),
    Any: PAYLOADS,
}
UNIONS: list[Any] = [
    int | None,
    int | float,
    bool | int | float | str | None,
    Decimal | float,
    Decimal | int | None,
    datetime | float,
    date | int,
    UUID | int | None,
    bytes | bool,
    timedelta | int,
    Colour | int | float,
    Rank | str | float,
    Unit | int,
    Open | int,
    Bit | str,
    Money | int | None,
    Any | int,
    list[int] | dict[str, float] | str,
    Literal["a", 1, None],
    Literal["a"] | int,
    Annotated[int, msgspec.Meta(ge=0, multiple_of=2)],
    Annotated[float, msgspec.Meta(lt=5)] | None,  # pyright: ignore[reportOperatorIssue] - it is one
    Annotated[str, msgspec.Meta(pattern="^[a-z]*$")],
    Annotated[bytes, msgspec.Meta(max_length=3)],
    Annotated[datetime, msgspec.Meta(tz=True)],
    Annotated[datetime | int, msgspec.Meta(description="either")],
]
KINDS: dict[Any, st.SearchStrategy[Any]] = LEAVES | CONTAINERS | dict.fromkeys(UNIONS, LEAF)


def event_class(number: int, kind: Any) -> type[Any]:
    namespace = {"__annotations__": {"value": kind}, "__module__": __name__}
    name = f"Safe{number}"
    cls = type(name, (Event,), namespace, type=f"codec-test.safe-{number}")
    return dataclass(frozen=True, kw_only=True)(cls)


CODEC = EventCodec()
CLASSES = [event_class(number, kind) for number, kind in enumerate(KINDS)]
PLAIN_TYPES = frozenset(kind for kind in LEAVES if kind is not None)

pairs = st.one_of(
    *(
        st.tuples(st.just(number), values | LEAF if number % 2 else values)
        for number, values in enumerate(KINDS.values())
    ),
    st.tuples(st.integers(0, len(KINDS) - 1), LEAF),
)


MANY = settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEWER = settings(MANY, max_examples=300)


@MANY
@given(pairs)
def test_a_field_of_any_type_is_refused_or_read_back_equal(pair: tuple[int, Any]) -> None:
    number, value = pair
    event = CLASSES[number](value=value)
    try:
        stored = CODEC.encode(event)
    except UnstorableEvent:
        return

    back: Any = CODEC.decode(event.type, stored.schema_version, stored.data)

    assert back == event
    if list(KINDS)[number] is type(value):
        assert type(back.value) is type(value)


@MANY
@given(pairs)
def test_a_value_that_is_called_safe_is_given_back(pair: tuple[int, Any]) -> None:
    number, value = pair
    kind = list(KINDS)[number]
    settled = SURE.get(type(value), lambda _: True)
    if type(value) not in safe_types(type_info(kind)) or not settled(value):
        return
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return

    back = msgspec.json.decode(data, type=kind)

    assert back == value
    assert type(back) is type(value)
    assert str(back) == str(value)


@dataclass(frozen=True, kw_only=True)
class Wide(Event, type="codec-test.wide"):
    text: str
    count: int
    share: float
    price: Decimal | None
    moment: datetime
    day: date
    key: UUID
    colour: Colour
    rights: Right
    line: Line
    prices: dict[str, Money]
    anything: Any


WIDE: dict[str, st.SearchStrategy[Any]] = {
    "text": LEAVES[str],
    "count": LEAVES[int],
    "share": LEAVES[float],
    "price": st.none() | DECIMALS,
    "moment": DATETIMES,
    "day": LEAVES[date],
    "key": LEAVES[UUID],
    "colour": LEAVES[Colour],
    "rights": LEAVES[Right],
    "line": LEAVES[Line],
    "prices": CONTAINERS[dict[str, Money]],
    "anything": PAYLOADS,
    "timestamp": DATETIMES,
    "subject": st.none() | LEAVES[str],
    "data": PAYLOADS,
}


@FEWER
@given(st.fixed_dictionaries(WIDE))
def test_an_event_of_many_fields_is_refused_or_read_back_equal(values: dict[str, Any]) -> None:
    event = Wide(**values)
    try:
        stored = CODEC.encode(event)
    except UnstorableEvent:
        return

    assert CODEC.decode("codec-test.wide", stored.schema_version, stored.data) == event


@FEWER
@given(PAYLOADS)
def test_a_payload_is_refused_or_read_back_equal(payload: Any) -> None:
    event = Event(type="codec-test.free", data=payload)
    try:
        stored = CODEC.encode(event)
    except UnstorableEvent:
        return

    assert CODEC.decode("codec-test.free", stored.schema_version, stored.data) == event


# which values are safe


@pytest.mark.parametrize(
    ("kind", "safe"),
    [
        (str, {str}),
        (int, {int}),
        (float, {float}),
        (bool, {bool}),
        (bytes, {bytes}),
        (None, {type(None)}),
        (Decimal, {Decimal}),
        (datetime, {datetime}),
        (date, {date}),
        (UUID, {UUID}),
        (Any, {type(None), bool, int, str}),
        (int | None, {int, type(None)}),
        (Colour | int, {Colour, int}),
        (Rank, {Rank}),
        (Unit, {Unit}),
    ],
)
def test_values_of_simple_fields_are_safe(kind: Any, safe: set[type]) -> None:
    assert safe_types(type_info(kind)) == safe


@pytest.mark.parametrize(
    "kind",
    [
        Open,
        Right,
        Bit,
        Money,
        list[int],
        dict[str, int],
        Literal["a"],
        Annotated[int, msgspec.Meta(gt=0)],
        Annotated[float, msgspec.Meta(lt=0)],
        Annotated[str, msgspec.Meta(max_length=1)],
        Annotated[bytes, msgspec.Meta(max_length=1)],
        Annotated[datetime, msgspec.Meta(tz=True)],
        Annotated[datetime, msgspec.Meta(tz=False)],
    ],
    ids=str,
)
def test_no_value_of_a_field_with_more_rules_is_safe(kind: Any) -> None:
    assert safe_types(type_info(kind)) == frozenset()


@pytest.mark.parametrize(
    ("value", "is_sure"),
    [
        (1.5, True),
        (math.nan, False),
        (math.inf, False),
        (Decimal("1.5"), True),
        (Decimal("NaN"), False),
        (Decimal("-Infinity"), False),
        (datetime(2024, 1, 1, tzinfo=UTC), True),
        (datetime(2024, 1, 1), False),  # noqa: DTZ001 - naive on purpose
        (datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")), False),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1))), False),
    ],
)
def test_of_some_types_only_some_values_are_safe(value: Any, is_sure: bool) -> None:
    assert SURE[type(value)](value) is is_sure


# what is no data


@dataclass
class Chain:
    next: "Chain | None"
    held: "list[Chain]"


@dataclass
class Hidden:
    chain: Chain
    held: tuple[dict[str, set[complex]], ...]


@pytest.mark.parametrize(
    ("kind", "foreign"),
    [(int, None), (Chain, None), (complex, complex), (list[range], range), (Hidden, complex)],
)
def test_what_is_no_data_is_found_however_deep_it_lies(kind: Any, foreign: Any) -> None:
    assert foreign_type(type_info(kind)) is foreign


# that a sure event is not decoded again, which would cost as much as writing it


def test_a_simple_event_is_written_without_being_read(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = EventCodec()
    priced = CLASSES[list(KINDS).index(Decimal)]
    event = priced(value=Decimal(1))
    codec.encode(event)
    form = codec._forms[type(event)]

    monkeypatch.setattr(form, "_decoder", None)

    assert b'"value":"1"' in codec.encode(event).data
    with pytest.raises(UnstorableEvent):
        codec.encode(priced(value=1))


class Code(str, Enum):  # noqa: UP042 - StrEnum takes no other text than the value
    """Members are written as their text and searched by their value."""

    OPEN = ("o", "c")
    CLOSED = ("c", "o")
    FINAL = ("f", "final")

    def __new__(cls, value: str, text: str) -> "Code":
        made = str.__new__(cls, text)
        made._value_ = value
        return made


class Level(int, Enum):
    LOW = (1, 2)
    HIGH = (2, 1)

    def __new__(cls, value: int, rank: int) -> "Level":
        made = int.__new__(cls, rank)
        made._value_ = value
        return made


@dataclass(frozen=True, kw_only=True)
class Marked(Event, type="codec-test.marked"):
    code: Code | None = None
    level: Level | None = None
    unit: Unit | None = None


@pytest.mark.parametrize(
    "fields",
    [
        {"code": Code.OPEN},
        {"code": Code.CLOSED},
        {"code": Code.FINAL},
        {"level": Level.LOW},
        {"level": Level.HIGH},
    ],
)
def test_a_member_that_would_be_read_back_as_another_is_refused(fields: Any) -> None:
    codec = EventCodec()
    for _ in range(2):
        with pytest.raises(UnstorableEvent, match="read back"):
            codec.encode(Marked(**fields))


def test_a_member_that_is_read_back_as_itself_is_stored() -> None:
    codec, event = EventCodec(), Marked(unit=Unit.METRE)

    assert codec.decode(event.type, 1, codec.encode(event).data) == event


@dataclass(frozen=True, kw_only=True, init=False)
class Arranged(Event, type="codec-test.arranged"):
    """Its fields stand in the order in which they were given."""

    amount: int
    note: Any

    def __init__(self, **fields: Any) -> None:
        vars(self).update({**vars(Event(type="codec-test.arranged")), **fields})


def test_values_in_another_order_are_not_taken_for_those_that_are_safe() -> None:
    codec = EventCodec()
    codec.encode(Arranged(amount=1, note="one"))
    with pytest.raises(UnstorableEvent, match="could not be read back"):
        codec.encode(Arranged(note=1, amount="one"))

    event = Arranged(note=1, amount=1)
    assert codec.decode(event.type, 1, codec.encode(event).data) == event
