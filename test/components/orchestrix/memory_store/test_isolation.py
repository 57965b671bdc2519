"""Which events are shared with their readers, and which are copied."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from orchestrix.eventsourcing import InvalidAppend, Snapshot
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Currency(Enum):
    EUR = "eur"


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: Currency = Currency.EUR


@dataclass(frozen=True)
class Basket:
    items: list[str]


@dataclass
class Draft:
    text: str


@dataclass(frozen=True, kw_only=True)
class Inner(Event, type="isolation.inner"):
    items: list[str]


class Span(NamedTuple):
    days: list[int]


@dataclass(frozen=True, kw_only=True)
class Paid(Event, type="isolation.paid"):
    price: Any = None
    when: date = date(2026, 1, 2)
    took: timedelta = timedelta(hours=1)
    by: UUID = field(default_factory=uuid4)
    raw: bytes = b"x"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slotted(Event, type="isolation.slotted"):
    price: Any = None


class Plain(Event, type="isolation.plain"):
    """Neither a dataclass of its own, nor with fields: it sets what it likes."""

    def __init__(self, price: Any) -> None:
        super().__init__()
        object.__setattr__(self, "price", price)


class Text(str):
    """A text that can be changed: it has a ``__dict__``."""

    marks: list[str]

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) and getattr(other, "marks", None) == self.marks

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def marked(text: str) -> Text:
    made = Text(text)
    made.marks = ["new"]
    return made


CONSTANTS = [
    Currency.EUR,
    Money(Decimal("1.50")),
    (1, ("a", Currency.EUR), Money(Decimal(2))),
    frozenset({1, 2}),
    NOON,
    None,
    1.5,
    (),
]

CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "list": (lambda: [1, [2]], lambda value: value[1].append(3)),
    "dict": (lambda: {"a": {"b": 1}}, lambda value: value["a"].clear()),
    "set": (lambda: {1}, lambda value: value.add(2)),
    "bytearray": (lambda: bytearray(b"a"), lambda value: value.append(1)),
    "a list in a tuple": (lambda: (1, [2]), lambda value: value[1].append(3)),
    "a list in a frozen dataclass": (lambda: Basket(["a"]), lambda value: value.items.append("b")),
    "a list in a named tuple": (lambda: Span([1]), lambda value: value.days.append(2)),
    "a dataclass": (lambda: Draft("a"), lambda value: setattr(value, "text", "b")),
    "a dataclass in a tuple": (lambda: (Draft("a"),), lambda v: setattr(v[0], "text", "b")),
    "an event": (lambda: Inner(id="x", timestamp=NOON, items=["a"]), lambda v: v.items.clear()),
    "a text with attributes": (lambda: marked("a"), lambda value: value.marks.clear()),
}

MAKERS: list[Callable[[Any], Any]] = [
    lambda price: Paid(price=price),
    lambda price: Slotted(price=price),
    Plain,
]
KINDS = ["dataclass", "slots", "plain"]


def stored(event: Event) -> InMemoryEventStore:
    store = InMemoryEventStore()
    store.append("a", [event])
    return store


def readings(store: InMemoryEventStore) -> list[Any]:
    return [
        store.read("a").events[0].event,
        store.read_all().events[0].event,
        store.read_all(types=[store.read("a").events[0].type]).events[0].event,
        *store.load("a"),
        *store.load("a", -1),
    ]


@pytest.mark.parametrize("make", MAKERS, ids=KINDS)
@pytest.mark.parametrize("value", CONSTANTS, ids=repr)
def test_an_event_of_constants_is_shared(make: Callable[[Any], Any], value: Any) -> None:
    event = make(value)

    assert all(each is event for each in readings(stored(event)))


@pytest.mark.parametrize("make", MAKERS, ids=KINDS)
@pytest.mark.parametrize("what", CHANGES)
def test_an_event_that_can_change_is_copied(make: Callable[[Any], Any], what: str) -> None:
    fresh, change = CHANGES[what]
    event = make(fresh())
    store = stored(event)

    for changed in (event, *readings(store)):
        change(changed.price)
        assert changed.price != fresh()
        assert [each.price for each in readings(store)] == [fresh()] * 5
    assert {type(each) for each in readings(store)} == {type(event)}


def test_a_copied_event_keeps_what_two_fields_share() -> None:
    shared = ["a"]
    copied: Any = readings(stored(Paid(price=shared, data={"items": shared})))[0]

    assert copied.price is copied.data["items"]
    assert copied.price is not shared


def test_one_reader_sees_one_event() -> None:
    recorded = stored(Paid(data=[])).read_all().events[0]

    assert recorded.event is recorded.event


def test_a_slot_that_was_never_set_is_no_obstacle() -> None:
    class Sparse(Event, type="isolation.sparse"):
        __slots__ = ("never",)

    event = Sparse()

    assert readings(stored(event))[0] is event


def test_an_event_without_one_of_its_fields_is_stored_as_it_is() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Partial(Event, type="isolation.partial"):
        later: str = field(init=False)

    event = Partial()

    assert readings(stored(event))[0] is event


@pytest.mark.parametrize("make", MAKERS, ids=KINDS)
def test_an_event_that_cannot_be_copied_is_refused(make: Callable[[Any], Any]) -> None:
    store = InMemoryEventStore()
    event = make(threading.Lock())
    with pytest.raises(InvalidAppend, match=rf"{event.id}.*cannot be copied.*lock.*data only"):
        store.append("a", [Event(), event])

    assert (store.head(), store.streams()) == (0, [])


def test_a_snapshot_that_cannot_be_copied_is_refused_and_the_old_one_kept() -> None:
    store = InMemoryEventStore()
    store.save_snapshot(Snapshot("a", "Account", 1, {"n": 1}))
    with pytest.raises(InvalidAppend, match=r"snapshot of stream 'a' cannot be copied"):
        store.save_snapshot(Snapshot("a", "Account", 2, {"lock": threading.Lock()}))

    kept = store.load_snapshot("a")
    assert kept is not None
    assert (kept.version, kept.state) == (1, {"n": 1})
