"""Snapshots of aggregates: used when they can be trusted, made anew when they cannot."""

import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from bank_account import Account, Deposited, Opened, Withdrawn
from both_colours import STORES, Colourless, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrix.eventsourcing import (
    AggregateRepository,
    AggregateRoot,
    InvalidAggregate,
    InvalidRange,
    Snapshot,
    StoreUnavailable,
)
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event


@pytest.fixture(params=STORES)
async def repository(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[Colourless, None]:
    async with opened(request.param, tmp_path) as store:
        yield Colourless(AggregateRepository(store, snapshot_every=3))


async def moved(repository: Colourless, *amounts: int) -> Account:
    account = Account("account-1")
    for amount in amounts:
        account.deposit(amount)
        await repository.save(account)
    return account


def counting(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Return a list that gets each event that an account follows."""
    followed: list[Event] = []
    when = AggregateRoot._when

    def noted(self: AggregateRoot, event: Event) -> None:
        followed.append(event)
        when(self, event)

    monkeypatch.setattr(AggregateRoot, "_when", noted)
    return followed


async def test_a_snapshot_is_kept_every_so_many_events(repository: Colourless) -> None:
    versions: list[int | None] = []
    account = Account("account-1")
    for amount in range(7):
        account.deposit(amount)
        await repository.save(account)
        snapshot = await repository.snapshot("account-1")
        versions.append(snapshot and snapshot.version)

    assert versions == [None, None, 2, 2, 2, 5, 5]


async def test_several_events_at_once_make_one_snapshot(repository: Colourless) -> None:
    account = Account("account-1")
    for amount in range(8):
        account.deposit(amount)
    await repository.save(account)

    assert (await repository.snapshot("account-1")).version == 7


async def test_a_load_begins_with_the_snapshot(
    repository: Colourless, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await moved(repository, 1, 2, 3, 4)
    followed = counting(monkeypatch)
    account = await repository.load(Account, "account-1")

    assert account == saved
    assert (account.balance, account.version, account.amounts) == (10, 4, [1, 2, 3, 4])
    assert [each.amount for each in followed if isinstance(each, Deposited)] == [4]


async def test_an_aggregate_from_a_snapshot_goes_on(repository: Colourless) -> None:
    await moved(repository, 1, 2, 3)
    account = await repository.load(Account, "account-1")
    account.withdraw(6)
    saved = await repository.save(account)

    assert saved.last_version == 3
    assert (await repository.load(Account, "account-1")).balance == 0


async def test_a_loaded_aggregate_counts_from_its_snapshot(repository: Colourless) -> None:
    await moved(repository, 1, 2, 3, 4)
    account = await repository.load(Account, "account-1")
    account.deposit(5)
    await repository.save(account)
    assert (await repository.snapshot("account-1")).version == 2

    account.deposit(6)
    await repository.save(account)
    assert (await repository.snapshot("account-1")).version == 5


async def test_without_a_policy_snapshots_are_neither_kept_nor_used(
    repository: Colourless, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moved(repository, 1, 2, 3)
    plain = Colourless(AggregateRepository(repository.store))
    followed = counting(monkeypatch)
    account = await plain.load(Account, "account-1")
    account.deposit(4)
    await plain.save(account)

    assert len(followed) == 4
    assert (await repository.snapshot("account-1")).version == 2


# Changes of code


def changed(**attributes: Any) -> type[Account]:
    """Return the class of the same name after a change of its code."""
    cls = dataclass(type("Account", (Account,), attributes))
    cls.__qualname__ = "Account"
    return cls


def doubled(self: Account, event: Deposited) -> None:
    self.balance += 2 * event.amount


CHANGES: list[tuple[str, Callable[[], type[Account]], int]] = [
    ("a method", lambda: changed(_when_deposited=doubled), 20),
    ("a new method", lambda: changed(_when_something=doubled), 10),
    ("a declared version", lambda: changed(snapshot_schema_version=2), 10),
    (
        "a new field",
        lambda: changed(__annotations__={"limit": int}, limit=5),
        10,
    ),
    ("the default of a field", lambda: changed(__annotations__={"owner": str}, owner="?"), 10),
    (
        "what makes the default of a field",
        lambda: changed(
            __annotations__={"amounts": list[Decimal]},
            amounts=field(default_factory=lambda: list[Decimal]()),
        ),
        10,
    ),
    ("the type of a field", lambda: changed(__annotations__={"owner": str | None}, owner=None), 10),
]


@pytest.mark.parametrize(
    ("make", "balance"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
async def test_a_snapshot_of_other_code_is_not_used(
    repository: Colourless,
    make: Callable[[], type[Account]],
    balance: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await moved(repository, 1, 2, 3, 4)
    followed = counting(monkeypatch)
    account = await repository.load(make(), "account-1")

    assert (account.balance, account.version) == (balance, 4)
    assert len(followed) == 4


async def test_the_same_code_elsewhere_uses_it(
    repository: Colourless, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moved(repository, 1, 2, 3, 4)
    followed = counting(monkeypatch)
    await repository.load(changed(), "account-1")

    assert len(followed) == 1


async def test_a_snapshot_of_other_code_is_replaced_by_the_next_save(
    repository: Colourless,
) -> None:
    await moved(repository, 1, 2, 3)
    cls = changed(snapshot_schema_version=2)
    account = await repository.load(cls, "account-1")
    account.deposit(4)
    await repository.save(account)

    snapshot = await repository.snapshot("account-1")
    assert snapshot.version == 3
    assert snapshot.state["schema"].startswith("2-")


async def test_a_snapshot_of_another_class_is_not_used(repository: Colourless) -> None:
    @dataclass
    class Customer(AggregateRoot):
        balance: Decimal = Decimal(0)

    await moved(repository, 1, 2, 3)

    assert (await repository.load(Customer, "account-1")).balance == 0


async def test_a_snapshot_of_a_class_of_another_name_is_not_used(
    repository: Colourless, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moved(repository, 1, 2, 3)
    renamed = changed()
    renamed.__qualname__ = "Customer"
    followed = counting(monkeypatch)
    await repository.load(renamed, "account-1")

    assert len(followed) == 3


async def test_a_repeated_command_keeps_no_snapshot_of_what_was_decided_now(
    repository: Colourless,
) -> None:
    command = Deposited(amount=Decimal(0))
    amounts = iter(range(1, 100))

    def decide(account: Account) -> None:
        for _ in range(2):
            account.deposit(next(amounts))

    for _ in range(2):
        await repository.execute(Account, "account-1", decide, command=command, create=True)

    assert await repository.snapshot("account-1") is None
    assert (await repository.load(Account, "account-1")).balance == 3


async def test_a_value_that_is_refused_now_is_told_and_the_snapshot_not_used(
    repository: Colourless, caplog: pytest.LogCaptureFixture
) -> None:
    basket = Basket("basket-1")
    for _ in range(3):
        basket.fill()
    await repository.save(basket)
    kept = await repository.snapshot("basket-1")
    kept.state["fields"]["items"]["0"]["name"] = "forbidden"
    await keep(repository, kept)

    assert await repository.load(Basket, "basket-1") == basket
    assert "no such item" in caplog.text


@pytest.mark.parametrize(
    "break_", [lambda fields: fields.pop("balance"), lambda fields: fields.update(balance="much")]
)
async def test_a_snapshot_that_was_changed_by_hand_is_told_and_not_used(
    repository: Colourless, break_: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    await moved(repository, 1, 2, 3)
    kept = await repository.snapshot("account-1")
    break_(kept.state["fields"])
    await keep(repository, kept)

    assert (await repository.load(Account, "account-1")).balance == 6
    assert "does not fit the class" in caplog.text


async def test_a_snapshot_from_beyond_the_end_of_its_stream_is_not_used(
    repository: Colourless,
) -> None:
    await moved(repository, 1, 2, 3)
    kept = await repository.snapshot("account-1")
    await keep(
        repository,
        Snapshot(kept.aggregate_id, kept.aggregate_type, 7, {**kept.state, "fields": {
            **kept.state["fields"], "balance": "1000"}}),
    )  # fmt: skip

    account = await repository.load(Account, "account-1")
    assert (account.balance, account.version, account.snapshot_version) == (6, 3, 0)


async def test_a_snapshot_of_another_log_is_not_used(repository: Colourless) -> None:
    await moved(repository, 1, 2, 3)
    kept = await repository.snapshot("account-1")
    await keep(repository, replace(kept, state={**kept.state, "event_id": "another"}))

    account = await repository.load(Account, "account-1")
    assert (account.balance, account.snapshot_version) == (6, 0)


async def test_a_snapshot_without_our_envelope_is_not_used(repository: Colourless) -> None:
    await moved(repository, 1, 2, 3)
    await keep(repository, Snapshot("account-1", "Account", 2, {"balance": "1000"}))

    assert (await repository.load(Account, "account-1")).balance == 6


async def keep(repository: Colourless, snapshot: Snapshot) -> None:
    result = repository.store.save_snapshot(snapshot)
    if result is not None:
        await result


# What a snapshot can hold


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Item:
    name: str
    price: Decimal

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise LookupError("no such item")


@dataclass
class Basket(AggregateRoot):
    items: dict[int, Item] = field(default_factory=dict[int, Item])
    at: datetime = datetime(2026, 1, 2, 3, tzinfo=UTC)
    day: date | None = None
    colour: Colour = Colour.RED
    ids: set[UUID] = field(default_factory=set[UUID])
    pair: tuple[int, str] = (0, "")

    def fill(self) -> None:
        self._apply_event(Event(type="filled"))

    def _when_filled(self, event: Event) -> None:
        self.items[self.version] = Item("pen", Decimal("1.50"))
        self.day = date(2026, 1, 2)
        self.ids.add(UUID(int=self.version))
        self.pair = (self.version, "x")


async def test_the_types_people_use_come_back_as_they_were(repository: Colourless) -> None:
    basket = Basket("basket-1")
    for _ in range(3):
        basket.fill()
    await repository.save(basket)
    loaded = await repository.load(Basket, "basket-1")

    assert loaded.snapshot_version == 3
    assert loaded == basket


class Level(IntEnum):
    LOW = 1


@dataclass
class Subtle(AggregateRoot):
    votes: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))

    def _when_event(self, event: Event) -> None: ...


@dataclass
class Numbered(AggregateRoot):
    level: int = Level.LOW


@dataclass
class Located(AggregateRoot):
    at: datetime = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))


@dataclass
class Whole(AggregateRoot):
    share: float = 1


@dataclass
class Mixed(AggregateRoot):
    kinds: frozenset[object] = frozenset((Level.LOW,))


@dataclass
class Nothing(AggregateRoot):
    amount: Decimal = Decimal("sNaN")


@dataclass
class Endless(AggregateRoot):
    parts: list[Any] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.parts.append(self.parts)


@dataclass
class Vague(AggregateRoot):
    amount: Any = None
    other: object = None

    def _when_deposited(self, event: Deposited) -> None:
        self.amount = event.amount


class Undeclared(AggregateRoot):
    def __init__(self) -> None:
        super().__init__()
        self.seen = 0


@dataclass
class Unkeepable(AggregateRoot):
    amount: object = field(default_factory=object)


@pytest.mark.parametrize(
    ("aggregate", "sentence"),
    [
        (Vague("a-1"), r"Vague.amount: .*Decimal\('1'\) would be read back as '1'"),
        (Undeclared(), "Undeclared: a snapshot would lose seen; declare the class with @dataclass"),
        (Unkeepable("a-1"), "Unkeepable.amount: snapshots cannot hold it"),
        (Subtle("a-1"), "Subtle.votes: .*defaultdict.* would be read back as {}"),
        (Numbered("a-1"), "Numbered.level: .*would be read back as 1"),
        (Located("a-1"), "Located.at: .*would be read back as"),
        (Whole("a-1"), "Whole.share: .*1 would be read back as 1.0"),
        (Mixed("a-1"), "Mixed.kinds: .*would be read back as"),
        (Nothing("a-1"), "Nothing.amount: snapshots cannot hold it .*InvalidOperation"),
        (Endless("a-1"), "Endless.parts: snapshots cannot hold it .*RecursionError"),
    ],
)
def test_what_a_snapshot_would_lose_is_told_before_anything_is_written(
    aggregate: AggregateRoot, sentence: str
) -> None:
    store = InMemoryEventStore()
    aggregate.aggregate_id = "a-1"
    aggregate._apply_event(Deposited(amount=Decimal(1)))
    with pytest.raises(InvalidAggregate, match=sentence):
        AggregateRepository(store, snapshot_every=1).save(aggregate)

    assert store.head() == 0


def test_a_type_that_cannot_be_found_is_told() -> None:
    @dataclass
    class Local(AggregateRoot):
        amount: "Missing" = 0  # type: ignore[name-defined]  # noqa: F821 - that is what is tried

    aggregate = Local("a-1")
    aggregate._apply_event(Event())
    with pytest.raises(InvalidAggregate, match=r"a field's type cannot be found \(name 'Missing'"):
        AggregateRepository(InMemoryEventStore(), snapshot_every=1).save(aggregate)


def test_the_state_is_kept_as_it_was_when_the_events_were_saved() -> None:
    store = InMemoryEventStore()
    account = Account("account-1")
    account.deposit(1)
    append = store.append

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        account.deposit(100)
        return append(*arguments, **named)

    store.append = meanwhile  # type: ignore[method-assign]
    AggregateRepository(store, snapshot_every=1).save(account)
    snapshot = store.load_snapshot("account-1")

    assert snapshot is not None
    assert (snapshot.version, snapshot.state["fields"]["balance"]) == (0, "1")


def test_a_snapshot_that_cannot_be_kept_harms_no_event(caplog: pytest.LogCaptureFixture) -> None:
    store = InMemoryEventStore()
    save_snapshot = store.save_snapshot

    def failing(_: Snapshot) -> None:
        raise StoreUnavailable("x", "it is away")

    store.save_snapshot = failing  # type: ignore[method-assign]
    repository = AggregateRepository(store, snapshot_every=1)
    account = Account("account-1")
    account.deposit(1)
    with caplog.at_level(logging.WARNING):
        assert len(repository.save(account).events) == 1

    assert "are saved, but its snapshot is not" in caplog.text
    store.save_snapshot = save_snapshot  # type: ignore[method-assign]
    account.deposit(1)
    repository.save(account)
    assert account.snapshot_version == 2


@pytest.mark.parametrize("every", [0, -1, 2.5, "3", True])
def test_the_policy_counts_events(every: Any) -> None:
    with pytest.raises(InvalidRange, match="snapshot_every is a whole number from 1 on"):
        AggregateRepository(InMemoryEventStore(), snapshot_every=every)


EVENTS = st.one_of(
    st.builds(Opened, owner=st.text(max_size=5)),
    st.builds(Deposited, amount=st.decimals(0, 10**6, places=2)),
    st.builds(Withdrawn, amount=st.decimals(0, 10**6, places=2)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(EVENTS, max_size=4), max_size=12), st.integers(1, 6), st.data())
def test_with_and_without_snapshots_an_aggregate_is_the_same(
    saves: list[list[Event]], every: int, data: st.DataObject
) -> None:
    store = InMemoryEventStore()
    with_snapshots, without = AggregateRepository(store, every), AggregateRepository(store)
    account = Account("account-1")
    for events in saves:
        for event in events:
            account._apply_event(event)
        with_snapshots.save(account)
        if account.version and data.draw(st.booleans()):
            account = with_snapshots.load(Account, "account-1")
            assert account == without.load(Account, "account-1")
