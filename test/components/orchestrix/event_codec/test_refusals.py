"""What could not be read back is refused when it is encoded."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

import msgspec
import pytest

from orchestrix.event_codec import EventCodec, UnstorableClass, UnstorableEvent
from orchestrix.messaging import Event, UnknownEvent

T = TypeVar("T")


class Size(IntEnum):
    SMALL = 1


class Open(Enum):
    """An enum that makes up members for values it does not know."""

    KNOWN = "known"

    @classmethod
    def _missing_(cls, value: object) -> "Open":
        made = object.__new__(cls)
        made._name_ = made._value_ = str(value)
        return made


class Text(str):
    __slots__ = ()


@dataclass
class Thing:
    value: Any = None


@dataclass
class SubThing(Thing):
    pass


@dataclass(eq=False)
class Nameless:
    value: int = 0


class Spiteful:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def event_class(kind: Any) -> type[Any]:
    """An event class with one field, `value`, of this type."""
    namespace = {"__annotations__": {"value": kind}, "__module__": __name__}
    cls = type("Holder", (Event,), namespace, type="codec-test.refusals-holder")
    return dataclass(frozen=True, kw_only=True)(cls)


def refusal(event: Event) -> UnstorableEvent:
    codec = EventCodec()
    with pytest.raises(UnstorableEvent) as first:
        codec.encode(event)
    with pytest.raises(UnstorableEvent) as second:
        codec.encode(event)
    assert str(first.value) == str(second.value)
    return first.value


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def cyclic() -> list[Any]:
    own: list[Any] = []
    own.append(own)
    return own


SECONDS = timezone(timedelta(hours=5, minutes=30, seconds=30))

REFUSED: list[tuple[Any, Any]] = [
    (int, True),
    (int, 1.0),
    (int, "1"),
    (int, 10**4300),
    (bool, 1),
    (str, 1),
    (str, b"a"),
    (str, Text("a")),
    (str, "\ud800"),
    (str, None),
    (float, True),
    (float, 2**53 + 1),
    (float, 10**400),
    (float, math.nan),
    (float, math.inf),
    (float, -math.inf),
    (float | None, math.nan),
    (list[float], [math.nan]),
    (Decimal, Decimal("NaN")),
    (Decimal, Decimal("sNaN")),
    (Decimal, 0.1),
    (Decimal, "1.0"),
    (datetime, "2024-01-01T00:00:00Z"),
    (datetime, datetime(2024, 1, 1, tzinfo=SECONDS)),
    (datetime, datetime(2024, 1, 1, tzinfo=timezone(timedelta(microseconds=1)))),
    (time, time(1, tzinfo=SECONDS)),
    (UUID, "0192d3a4-7c8b-7def-8123-456789abcdef"),
    (Size, 2),
    (Open, Open("made up")),
    (list[int], (1, 2)),
    (tuple[int, ...], [1, 2]),
    (tuple[int, int], (1, 2, 3)),
    (dict[str, int], {1: 1}),
    (Literal["a"], "b"),
    (Annotated[int, msgspec.Meta(gt=0)], 0),
    (Annotated[str, msgspec.Meta(max_length=3)], "long"),
    (Annotated[datetime, msgspec.Meta(tz=True)], datetime(2024, 1, 1)),  # noqa: DTZ001 - naive on purpose
    (Annotated[datetime, msgspec.Meta(tz=False)], datetime(2024, 1, 1, tzinfo=UTC)),
    (Thing, SubThing(1)),
    (Thing, Thing((1, 2))),
    (Nameless, Nameless(3)),
    (Any, math.nan),
    (Any, math.inf),
    (Any, [1, {"a": math.nan}]),
    (Any, Decimal(1)),
    (Any, Decimal("sNaN")),
    (Any, (1, 2)),
    (Any, {"a": (1,)}),
    (Any, {1: "a"}),
    (Any, {"1": 1, 1: 2}),
    (Any, {None: 1}),
    (Any, {1, 2}),
    (Any, b"a"),
    (Any, datetime(2024, 1, 1, tzinfo=UTC)),
    (Any, UUID(int=1)),
    (Any, Thing(1)),
    (Any, {"\udfff": 1}),
    (Any, object()),
    (Any, Spiteful()),
    (Any, msgspec.UNSET),
    (Any, msgspec.Raw(b"1")),
    (Any, cyclic()),
    (Any, nested(100_000)),
]


def by_text(value: Any) -> str:
    try:
        return str(value)[:25].encode("ascii", "backslashreplace").decode()
    except (RecursionError, RuntimeError, ValueError):
        return type(value).__name__


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=by_text)
def test_a_value_that_would_be_read_back_as_another_is_refused(kind: Any, value: Any) -> None:
    error = refusal(event_class(kind)(value=value, id="7"))

    assert (error.event_id, error.event_type) == ("7", "codec-test.refusals-holder")
    assert "'7'" in str(error)
    assert "'codec-test.refusals-holder'" in str(error)
    assert "'value'" in str(error) or "$.value" in str(error) or "`value`" in str(error)


@pytest.mark.parametrize("value", [(1, 2), {1: "a"}, math.nan, b"a", Decimal(1), object()])
def test_the_payload_of_a_plain_event_is_refused_alike(value: Any) -> None:
    assert "field 'data' holds" in str(refusal(Event(type="codec-test.free", data=value)))


@pytest.mark.parametrize("value", [math.nan, Decimal("NaN"), Decimal("sNaN")])
def test_a_refused_nan_is_told_to_become_none(value: Any) -> None:
    text = str(refusal(event_class(Any)(value=value)))

    assert f"field 'value' holds {value!r}, which is no value; use None" in text


def test_a_refusal_shows_the_value_and_what_it_would_become() -> None:
    text = str(refusal(Event(type="codec-test.free", data=(1, 2))))

    assert "field 'data' holds (1, 2), which would be read back as [1, 2]; give it" in text


def test_a_refusal_shows_the_offset_that_would_be_lost() -> None:
    moment = datetime(2024, 1, 1, 12, tzinfo=SECONDS)
    text = str(refusal(event_class(datetime)(value=moment)))

    assert f"holds {moment!r}, which" in text


def test_a_refusal_of_something_long_stays_short() -> None:
    assert len(str(refusal(Event(type="codec-test.free", data=("x" * 1_000_000,))))) < 600


def test_the_field_is_named_that_json_cannot_carry() -> None:
    text = str(refusal(Event(type="codec-test.free", source="\ud800")))

    assert "field 'source' holds what JSON cannot carry ('utf-8' codec can't encode" in text


@pytest.mark.parametrize("envelope", [{"subject": 3}, {"timestamp": "today"}, {"id": 3}])
def test_the_envelope_is_looked_at_too(envelope: dict[str, Any]) -> None:
    refusal(Event(type="codec-test.free", **envelope))


def test_a_refused_event_does_not_make_the_next_one_unstorable() -> None:
    codec, cls = EventCodec(), event_class(float)
    with pytest.raises(UnstorableEvent):
        codec.encode(cls(value=math.nan))

    assert b'"value":1.5' in codec.encode(cls(value=1.5)).data


def test_a_stored_event_does_not_make_the_next_one_sure() -> None:
    codec, cls = EventCodec(), event_class(float)
    codec.encode(cls(value=1.5))

    with pytest.raises(UnstorableEvent):
        codec.encode(cls(value=math.nan))


# code that runs when an event is made


@dataclass(frozen=True, kw_only=True)
class Doubling(Event, type="codec-test.doubling"):
    size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.size * 2)


class DoublingPlain(Doubling, type="codec-test.doubling-plain"):
    pass


class Mixin:
    def __post_init__(self) -> None:
        object.__setattr__(self, "size", "changed")


@dataclass(frozen=True, kw_only=True)
class Mixed(Mixin, Event, type="codec-test.mixed"):
    size: str


@pytest.mark.parametrize("cls", [Doubling, DoublingPlain])
def test_an_event_that_changes_each_time_it_is_made_is_refused(cls: type[Doubling]) -> None:
    assert "field 'size' holds 2, which would be read back as 4" in str(refusal(cls(size=1)))


def test_code_of_a_mixin_counts_as_well() -> None:
    event = Mixed(size="given")
    object.__setattr__(event, "size", "given")

    assert "holds 'given', which would be read back as 'changed'" in str(refusal(event))


@pytest.mark.parametrize("kind", [ValueError, TypeError, KeyError, RuntimeError, RecursionError])
def test_an_event_that_cannot_be_made_again_is_refused(kind: type[Exception]) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Once(Event, type=f"codec-test.once-{kind.__name__}"):
        size: int

        def __post_init__(self) -> None:
            if self.subject is None:
                raise kind("only once")

    event = Once(size=1, subject="first")
    object.__setattr__(event, "subject", None)

    assert "it could not be read back" in str(refusal(event))
    assert "only once" in str(refusal(event))


@dataclass(frozen=True, kw_only=True)
class Unset(Event, type="codec-test.unset"):
    size: int = field(init=False)


def test_a_field_that_was_never_set_is_refused_by_its_name() -> None:
    assert "field 'size' holds" in str(refusal(Unset()))


# the type of an event


@dataclass(frozen=True, kw_only=True)
class Opened(Event, type="codec-test.refusals-opened"):
    owner: str = "Ada"


def test_an_event_is_refused_whose_type_leads_to_another_class() -> None:
    text = str(refusal(Opened(type="another")))

    assert "of type 'another': its class Opened is found again by the type " in text
    assert "'codec-test.refusals-opened'; declare a class of its own" in text


def test_an_event_of_unknown_class_is_refused_naming_it() -> None:
    error = refusal(UnknownEvent(id="7", type="codec-test.gone", data={"a": 1}))

    assert (error.event_id, error.event_type) == ("7", "codec-test.gone")
    assert "import the module that declares the class" in str(error)


# classes that JSON cannot carry


@dataclass(frozen=True)
class Handle:
    callback: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Base(Event, type="codec-test.base"):
    good: int = 1
    bad: complex = 1j


class Sub(Base, type="codec-test.sub"):
    pass


@dataclass(frozen=True, kw_only=True)
class EitherBase(Event, type="codec-test.either-base"):
    either: Decimal | str = ""


@dataclass(frozen=True, kw_only=True)
class EitherSub(EitherBase, type="codec-test.either-sub"):
    good: int = 1


@dataclass(frozen=True, kw_only=True)
class Forward(Event, type="codec-test.forward"):
    good: int = 1
    later: "Later" = None  # type: ignore[name-defined, assignment] # noqa: F821 - does not exist, on purpose  # pyright: ignore[reportUndefinedVariable] - the same


@dataclass(frozen=True, kw_only=True)
class Boxed(Event, Generic[T], type="codec-test.boxed"):
    content: T


@dataclass(frozen=True, kw_only=True)
class Counted(Event, type="codec-test.counted"):
    made: ClassVar[list[complex]] = []
    kept: "ClassVar[int]" = 0
    either: Decimal | str


class BoxedEither(Boxed[Decimal | str], type="codec-test.boxed-either"):
    pass


class BoxedComplex(Boxed[complex], type="codec-test.boxed-complex"):
    pass


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (object, "object"),
        (complex, "complex"),
        (Exception, "Exception"),
        (re.Pattern, "Pattern"),
        (Callable[[], int], "Callable"),
        (Iterable[int], "Iterable"),
        (list[complex], "complex"),
        (dict[str, list[complex | None]], "complex"),
        (Handle, "Callable"),
        (datetime | str, "str-like"),
        (Decimal | str, "str-like"),
        (list[int] | set[int], "array-like"),
        (Enum("Mixed", {"A": 1.5}), "Enums must contain"),
        (Enum("Big", {"A": 2**70}), "Integer values"),
        ("Missing", "'Missing' is not defined"),
    ],
    ids=str,
)
def test_a_class_is_refused_by_the_name_of_its_bad_field(kind: Any, named: str) -> None:
    codec, event = EventCodec(), event_class(kind)(value=None)

    for _ in range(2):
        with pytest.raises(UnstorableClass, match=named) as caught:
            codec.encode(event)
        assert caught.value.cls == f"{__name__}.Holder"
        assert caught.value.field == "value"
        assert str(caught.value).startswith(f"{__name__}.Holder, field 'value': ")


@pytest.mark.parametrize("cls", [Base, Sub])
def test_a_bad_field_of_a_base_is_named_too(cls: type[Event]) -> None:
    with pytest.raises(UnstorableClass, match=rf"{cls.__name__}, field 'bad': complex is not"):
        EventCodec().encode(cls())


def test_a_field_of_a_base_that_json_cannot_tell_apart_is_named_too() -> None:
    with pytest.raises(UnstorableClass, match="EitherSub, field 'either': Type unions may not"):
        EventCodec().encode(EitherSub())


def test_a_bad_parameter_of_a_generic_class_is_named_too() -> None:
    with pytest.raises(UnstorableClass, match="BoxedComplex, field 'content': complex is not"):
        EventCodec().encode(BoxedComplex(content=1j))


def test_a_bad_union_as_parameter_of_a_generic_class_is_shown() -> None:
    with pytest.raises(UnstorableClass, match=r"BoxedEither, .* type `decimal.Decimal \| str`"):
        EventCodec().encode(BoxedEither(content="a"))


def test_a_variable_of_the_class_is_not_taken_for_its_bad_field() -> None:
    with pytest.raises(UnstorableClass, match="Counted, field 'either': Type unions may not"):
        EventCodec().encode(Counted(either="a"))


def test_a_name_that_does_not_exist_is_found_in_the_field_that_uses_it() -> None:
    with pytest.raises(UnstorableClass, match="Forward, field 'later': name 'Later' is not def"):
        EventCodec().encode(Forward())


def test_a_class_that_only_a_function_knows_is_named() -> None:
    @dataclass
    class Local:
        value: int

    cls = event_class("list[Local]")

    with pytest.raises(UnstorableClass, match="field 'value': name 'Local' is not defined"):
        EventCodec().encode(cls(value=[Local(1)]))


def test_a_generic_class_without_its_parameter_takes_what_json_has() -> None:
    assert "field 'content' holds Decimal('1')" in str(refusal(Boxed[Decimal](content=Decimal(1))))
    assert b'"content":1' in EventCodec().encode(Boxed[int](content=1)).data
