"""Repositories: what is loaded, and that no two writers overwrite each other."""

import asyncio
import pickle
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from bank_account import Account, Deposited, NotEnough, Opened, Withdraw, Withdrawn
from both_colours import STORES, Colourless, opened

from orchestrix.event_codec import EventCodec, EventUpcaster, UpcasterException, UpcasterRegistry
from orchestrix.eventsourcing import (
    AggregateError,
    AggregateNotFound,
    AggregateRepository,
    AggregateRoot,
    ConcurrencyError,
    Decider,
    DeciderRepository,
    DuplicateEvent,
    InvalidAggregate,
    InvalidAppend,
    InvalidRange,
    StoreUnavailable,
    UnreadableAggregate,
    WrongColour,
)
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import Event, UnknownEvent
from orchestrix.sqlite_store import open_sqlite_store


@pytest.fixture(params=STORES)
async def repository(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[Colourless, None]:
    async with opened(request.param, tmp_path) as store:
        yield Colourless(AggregateRepository(store))


async def opened_account(repository: Colourless, balance: int = 100) -> Account:
    account = Account("account-1")
    account.open("Ada")
    account.deposit(balance)
    await repository.save(account)
    return account


async def test_an_aggregate_comes_back_as_its_events_made_it(repository: Colourless) -> None:
    saved = await opened_account(repository)

    assert await repository.load(Account, "account-1") == saved
    assert (saved.owner, saved.balance, saved.version) == ("Ada", 100, 2)


async def test_a_loaded_aggregate_goes_on_where_its_stream_ends(repository: Colourless) -> None:
    await opened_account(repository)
    account = await repository.load(Account, "account-1")
    account.withdraw(30)
    await repository.save(account)
    account.withdraw(20)
    await repository.save(account)

    assert (await repository.load(Account, "account-1")).balance == 50
    assert [each.version for each in await repository.stream("account-1")] == [0, 1, 2, 3]


async def test_of_two_who_loaded_the_same_only_the_first_saves(repository: Colourless) -> None:
    await opened_account(repository)
    one, other = [await repository.load(Account, "account-1") for _ in range(2)]
    one.withdraw(80)
    other.withdraw(80)
    await repository.save(one)
    with pytest.raises(ConcurrencyError) as refused:
        await repository.save(other)

    assert (refused.value.expected_version, refused.value.actual_version) == (1, 2)
    assert len(other.uncommitted_events) == 1
    assert (await repository.load(Account, "account-1")).balance == 20


async def test_of_two_who_begin_the_same_only_the_first_saves(repository: Colourless) -> None:
    await opened_account(repository)
    with pytest.raises(ConcurrencyError):
        await opened_account(repository)


async def test_a_missing_aggregate_is_a_value_error_that_says_not_found(
    repository: Colourless,
) -> None:
    with pytest.raises(ValueError, match=r"Account 'account-9' not found: .* look at the id"):
        await repository.load(Account, "account-9")


async def test_saving_gives_the_events_back_with_their_places(repository: Colourless) -> None:
    account = Account("account-1")
    account.open("Ada")
    account.deposit(5)
    new = tuple(account.uncommitted_events)
    saved = await repository.save(account)

    assert saved.events == new
    assert (saved.last_version, saved.first_position, saved.last_position) == (1, 1, 2)
    assert account.uncommitted_events == []


async def test_saving_nothing_tells_where_the_stream_is(repository: Colourless) -> None:
    account = await opened_account(repository)
    await repository.append("another", [Event()])
    saved = await repository.save(account)

    assert (saved.events, saved.last_version, saved.last_position) == ((), 1, 2)


async def test_saving_nothing_is_no_conflict(repository: Colourless) -> None:
    account = await opened_account(repository)
    await repository.append("account-1", [Deposited(amount=Decimal(1))], 1)

    assert (await repository.save(account)).last_version == 2


async def test_a_save_that_was_recorded_without_an_answer_may_be_repeated(
    repository: Colourless,
) -> None:
    account = Account("account-1")
    account.open("Ada")
    await repository.append("account-1", account.uncommitted_events)  # as if the answer were lost
    await repository.append("account-1", [Deposited(amount=Decimal(1))], 0)
    saved = await repository.save(account)

    assert (saved.last_version, account.uncommitted_events) == (0, [])


async def test_a_store_keeps_what_it_was_given(repository: Colourless) -> None:
    account = Account("account-1")
    account.open("Ada")
    given: list[Any] = []
    append = repository.store.append

    def keeping(stream_id: str, events: Any, **named: Any) -> Any:
        given.append(events)
        return append(stream_id, events, **named)

    repository.repository._decisions._store = type("Store", (), {"append": staticmethod(keeping)})
    await repository.save(account)

    assert len(given[0]) == 1


async def test_without_an_id_nothing_is_saved(repository: Colourless) -> None:
    account = Account()
    account.open("Ada")
    with pytest.raises(InvalidAppend, match="stream id"):
        await repository.save(account)

    assert len(account.uncommitted_events) == 1


async def test_more_events_than_a_page_are_all_followed(repository: Colourless) -> None:
    await repository.append("account-1", [Deposited(amount=Decimal(1)) for _ in range(2500)])

    assert (await repository.load(Account, "account-1")).balance == 2500


async def test_a_generator_of_events_may_be_what_an_aggregate_collects(
    repository: Colourless,
) -> None:
    account = Account("account-1")
    account.open("Ada")
    account.uncommitted_events = tuple(account.uncommitted_events)  # type: ignore[assignment]

    assert len((await repository.save(account)).events) == 1


async def test_what_is_added_while_it_is_saved_stays_new() -> None:
    store = InMemoryAsyncEventStore()
    account = Account("account-1")
    account.open("Ada")
    append = store.append

    async def slow(*arguments: Any, **named: Any) -> Any:
        account.deposit(7)
        return await append(*arguments, **named)

    store.append = slow  # type: ignore[method-assign]
    await AggregateRepository(store).save_async(account)
    store.append = append  # type: ignore[method-assign]

    assert [type(each) for each in account.uncommitted_events] == [Deposited]
    await AggregateRepository(store).save_async(account)
    assert len(await store.load("account-1")) == 2


# Commands


async def test_a_decision_is_saved(repository: Colourless) -> None:
    await opened_account(repository)
    saved = await repository.execute(Account, "account-1", lambda each: each.withdraw(30))

    assert [type(each) for each in saved.events] == [Withdrawn]
    assert (await repository.load(Account, "account-1")).balance == 70


async def test_a_conflict_is_decided_again(repository: Colourless) -> None:
    await opened_account(repository)
    balances: list[Decimal] = []

    def decide(account: Account) -> Any:
        balances.append(account.balance)
        account.withdraw(account.balance)
        if len(balances) < 3:  # somebody else is faster, twice
            return repository.begun("execute", Account, "account-1", lambda each: each.withdraw(10))
        return None

    saved = await repository.execute(Account, "account-1", decide)

    assert balances == [100, 90, 80]
    assert saved.events[0].amount == 80


async def test_after_the_last_attempt_the_conflict_is_told(repository: Colourless) -> None:
    await opened_account(repository)
    tried: list[int] = []

    def decide(account: Account) -> None:
        tried.append(account.version)
        account._replay_events([Event()])  # as if it were loaded from elsewhere
        account.withdraw(1)

    with pytest.raises(ConcurrencyError) as refused:
        await repository.execute(Account, "account-1", decide, attempts=3)

    assert refused.value.__notes__ == ["somebody else was faster in each of 3 attempts"]
    assert tried == [2, 2, 2]


async def test_before_it_is_decided_again_there_is_a_short_random_pause(
    repository: Colourless, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened_account(repository)
    pauses: list[float] = []
    asked: list[tuple[float, float]] = []

    async def slept(seconds: float) -> None:
        pauses.append(seconds)

    def drawn(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("asyncio.sleep", slept)
    monkeypatch.setattr("random.uniform", drawn)

    def decide(account: Account) -> None:
        account._replay_events([Event()])  # as if it were loaded from elsewhere
        account.withdraw(1)

    with pytest.raises(ConcurrencyError):
        await repository.execute(Account, "account-1", decide, attempts=9)

    assert pauses == [0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.25]
    assert asked == [(0, each) for each in pauses]


async def test_what_is_refused_is_raised_and_not_tried_again(repository: Colourless) -> None:
    await opened_account(repository, 5)
    with pytest.raises(NotEnough, match="6 of 5"):
        await repository.execute(Account, "account-1", lambda each: each.withdraw(6))

    assert len(await repository.stream("account-1")) == 2


async def test_a_missing_aggregate_is_not_decided_about(repository: Colourless) -> None:
    with pytest.raises(AggregateNotFound, match="create=True"):
        await repository.execute(Account, "account-9", lambda each: each.deposit(1))

    assert len(await repository.stream("account-9")) == 0


async def test_a_missing_aggregate_may_be_made(repository: Colourless) -> None:
    await repository.execute(Account, "account-9", lambda each: each.open("Ada"), create=True)

    assert (await repository.load(Account, "account-9")).owner == "Ada"
    with pytest.raises(ValueError, match="it is open already"):
        await repository.execute(Account, "account-9", lambda each: each.open("Bob"), create=True)


@pytest.mark.parametrize("attempts", [0, -1, 1.5, True])
async def test_attempts_are_counted_from_one(repository: Colourless, attempts: Any) -> None:
    with pytest.raises(InvalidRange, match="attempts is a whole number from 1 on"):
        await repository.execute(Account, "account-1", lambda _: None, attempts=attempts)


# What a command leads to


async def test_events_continue_the_story_of_their_command(repository: Colourless) -> None:
    await opened_account(repository)
    command = Withdraw(amount=Decimal(1), correlation_id="story")
    saved = await repository.execute(
        Account, "account-1", lambda each: each.withdraw(1), command=command
    )
    (recorded,) = (await repository.stream("account-1"))[2:]

    assert recorded.event == saved.events[0]
    assert (recorded.event.correlation_id, recorded.event.causation_id) == ("story", command.id)


async def test_a_saved_aggregate_carries_the_correlation_of_its_command(
    repository: Colourless,
) -> None:
    command = Withdraw(amount=Decimal(1))
    account = Account("account-1")
    account.open("Ada")
    account._apply_event(Deposited(amount=Decimal(1), causation_id="known", correlation_id="other"))
    saved = await repository.save(account, command=command)

    assert [each.causation_id for each in saved.events] == [command.id, "known"]
    assert [each.correlation_id for each in saved.events] == [command.id, "other"]


async def test_a_command_that_is_repeated_has_one_effect(repository: Colourless) -> None:
    await opened_account(repository)
    command = Withdraw(amount=Decimal(30))

    def decide(account: Account) -> None:
        account.withdraw(command.amount)

    first = await repository.execute(Account, "account-1", decide, command=command)
    await repository.execute(Account, "account-1", lambda each: each.deposit(1))
    again = await repository.execute(Account, "account-1", decide, command=command)

    assert again == first
    assert (await repository.load(Account, "account-1")).balance == 71


async def test_a_repeated_command_that_would_be_refused_now_is_answered_as_before(
    repository: Colourless,
) -> None:
    await opened_account(repository)
    command = Withdraw(amount=Decimal(80))

    def decide(account: Account) -> None:
        account.withdraw(80)

    first = await repository.execute(Account, "account-1", decide, command=command)

    assert await repository.execute(Account, "account-1", decide, command=command) == first


@pytest.mark.parametrize("now", [0, 1, 3])
async def test_a_repeated_command_that_would_do_something_else_now_is_answered_as_before(
    repository: Colourless, now: int
) -> None:
    await opened_account(repository)
    command = Withdraw(amount=Decimal(1))

    def decide(times: int) -> Any:
        def withdraw(account: Account) -> None:
            for _ in range(times):
                account.withdraw(1)

        return withdraw

    first = await repository.execute(Account, "account-1", decide(2), command=command)
    again = await repository.execute(Account, "account-1", decide(now), command=command)

    assert again == first
    assert len(first.events) == 2
    assert len(await repository.stream("account-1")) == 4


@pytest.mark.parametrize("now", [1, 2])
async def test_of_one_command_decided_twice_at_once_both_are_answered_with_what_is_recorded(
    repository: Colourless, now: int
) -> None:
    repository = Colourless(AggregateRepository(repository.store, snapshot_every=1))
    command = Withdraw(amount=Decimal(1))
    answers: list[Any] = []

    def first(account: Account) -> None:
        account.deposit(10)

    def decide(account: Account) -> Any:
        for _ in range(now):
            account.deposit(99)
        if not answers:  # the same command, by somebody who is faster
            answers.append(None)
            return repository.begun("execute", Account, "a-1", first, command=command, create=True)
        return None

    saved = await repository.execute(Account, "a-1", decide, command=command, create=True)
    loaded = await repository.load(Account, "a-1")

    assert ([each.amount for each in saved.events], saved.repeated) == ([10], True)
    assert (loaded.balance, loaded.version, loaded.snapshot_version) == (10, 1, 1)


async def test_two_commands_have_two_effects(repository: Colourless) -> None:
    await opened_account(repository)
    for _ in range(2):
        command = Withdraw(amount=Decimal(30))
        await repository.execute(
            Account, "account-1", lambda each: each.withdraw(30), command=command
        )

    assert (await repository.load(Account, "account-1")).balance == 40


async def test_more_events_than_a_page_are_given_back_as_before(repository: Colourless) -> None:
    command = Withdraw(amount=Decimal(1))

    def decide(account: Account) -> None:
        for amount in range(1500):
            account.deposit(amount)

    first = await repository.execute(Account, "a-1", decide, command=command, create=True)
    again = await repository.execute(Account, "a-1", lambda each: each.deposit(-1), command=command)

    assert again == first
    assert len(again.events) == 1500


async def test_what_is_saved_twice_with_one_command_is_saved_twice(
    repository: Colourless,
) -> None:
    account = await opened_account(repository)
    command = Withdraw(amount=Decimal(1))
    for _ in range(2):
        account.withdraw(1)
        await repository.save(account, command=command)

    assert (await repository.load(Account, "account-1")).balance == 98


async def test_one_command_may_concern_two_aggregates(repository: Colourless) -> None:
    command = Withdraw(amount=Decimal(1))
    for name in ("account-1", "account-2"):
        await repository.execute(
            Account, name, lambda each: each.open("Ada"), command=command, create=True
        )

    assert (await repository.load(Account, "account-2")).owner == "Ada"


async def test_a_command_that_is_refused_the_first_time_is_refused(repository: Colourless) -> None:
    await opened_account(repository, 5)
    command = Withdraw(amount=Decimal(6))
    with pytest.raises(NotEnough):
        await repository.execute(
            Account, "account-1", lambda each: each.withdraw(6), command=command
        )

    assert len(await repository.stream("account-1")) == 2


async def test_an_id_that_is_used_elsewhere_is_told(repository: Colourless) -> None:
    await opened_account(repository)
    (first, *_) = await repository.stream("account-1")

    def decide(account: Account) -> None:
        account._apply_event(first.event)

    with pytest.raises(DuplicateEvent):
        await repository.execute(Account, "account-2", decide, create=True)


# Events that were kept as objects


@dataclass(frozen=True, kw_only=True)
class PaidInV1(Event, type="test-account.paid-in"):
    cents: int
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class PaidIn(Event, type="test-account.paid-in-now"):
    amount: Decimal
    version: int = 2


class ToAmount(EventUpcaster):
    async def upcast(self, event: Event) -> Event:
        assert isinstance(event, PaidInV1)
        return PaidIn(amount=Decimal(event.cents) / 100)


@dataclass
class PaidAccount(AggregateRoot):
    balance: Decimal = Decimal(0)

    def _when_paid_in(self, event: PaidIn) -> None:
        self.balance += event.amount


@pytest.mark.parametrize("store", [InMemoryEventStore, InMemoryAsyncEventStore])
async def test_events_are_brought_up_to_date_when_they_are_loaded(store: type[Any]) -> None:
    upcasters = UpcasterRegistry()
    upcasters.register("test-account.paid-in", ToAmount(1, 2))
    repository = Colourless(AggregateRepository(store(), upcasters=upcasters))
    await repository.append("a-1", [PaidInV1(cents=150), PaidIn(amount=Decimal(1))])

    assert (await repository.load(PaidAccount, "a-1")).balance == Decimal("2.50")


@dataclass(frozen=True, kw_only=True)
class FeePaid(Event, type="test-account.fee-paid", schema_version=2):
    amount: Decimal


@dataclass
class FeeAccount(AggregateRoot):
    fees: Decimal = Decimal(0)

    def _when_fee_paid(self, event: FeePaid) -> None:
        self.fees += event.amount


async def test_events_that_older_programs_stored_are_brought_up_to_date_by_the_codec(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.db"
    async with open_sqlite_store(file) as store:
        await store.append("a-1", [FeePaid(amount=Decimal(1))])
    with closing(sqlite3.connect(file)) as connection:
        old = "UPDATE events SET schema_version = 1, data = replace(data, 'amount', 'fee')"
        connection.execute(old)
        connection.commit()
    codec = EventCodec()

    @codec.upcaster("test-account.fee-paid", 1)
    def rename(data: dict[str, Any]) -> dict[str, Any]:
        data["amount"] = data.pop("fee")
        return data

    async with open_sqlite_store(file, codec=codec) as store:
        account = await AggregateRepository(store).load_async(FeeAccount, "a-1")

    assert account.fees == 1
    assert rename


class Waiting(EventUpcaster):
    async def upcast(self, event: Event) -> Event:
        await asyncio.sleep(0)
        return await ToAmount(1, 2).upcast(event)


@pytest.mark.parametrize("store", [InMemoryEventStore, InMemoryAsyncEventStore])
async def test_an_upcaster_may_wait_where_a_load_may(store: type[Any]) -> None:
    upcasters = UpcasterRegistry()
    upcasters.register("test-account.paid-in", Waiting(1, 2))

    def evolve(balance: Decimal, event: Event) -> Decimal:
        return balance + getattr(event, "amount", 0)

    decider: Decider[Any, Decimal] = Decider(lambda *_: [], evolve, Decimal)
    repository = Colourless(DeciderRepository(store(), decider, upcasters))
    await repository.append("a-1", [PaidInV1(cents=150)])

    if store is InMemoryEventStore:
        with pytest.raises(UpcasterException, match="async"):
            await repository.load("a-1")
    else:
        assert await repository.load("a-1") == Decimal("1.50")


# Two colours


async def test_a_sync_store_wants_the_sync_methods() -> None:
    repository = AggregateRepository(InMemoryEventStore())
    account = Account("account-1")
    account.open("Ada")
    with pytest.raises(WrongColour, match="load_async: the event store is sync; call load"):
        await repository.load_async(Account, "account-1")
    with pytest.raises(WrongColour, match="save_async: the event store is sync; call save"):
        await repository.save_async(account)
    with pytest.raises(WrongColour, match="execute_async: the event store is sync; call execute"):
        await repository.execute_async(Account, "account-1", lambda _: None)

    assert len(account.uncommitted_events) == 1


async def test_an_async_store_wants_the_async_methods() -> None:
    store = InMemoryAsyncEventStore()
    repository = AggregateRepository(store)
    account = Account("account-1")
    account.open("Ada")
    with pytest.raises(WrongColour, match=r"load: .* `await ...load_async\(...\)`"):
        repository.load(Account, "account-1")
    with pytest.raises(WrongColour, match=r"save: .* `await ...save_async\(...\)`"):
        repository.save(account)
    with pytest.raises(WrongColour, match=r"execute: .* `await ...execute_async\(...\)`"):
        repository.execute(Account, "account-1", lambda _: None)

    assert (len(account.uncommitted_events), await store.head()) == (1, 0)


async def test_a_wrapped_store_has_the_colour_of_what_it_wraps() -> None:
    store = InMemoryAsyncEventStore()
    append = store.append

    @wraps(append)
    def noting(*arguments: Any, **named: Any) -> Any:
        return append(*arguments, **named)

    store.append = noting  # type: ignore[method-assign]
    repository = AggregateRepository(store)
    account = Account("account-1")
    account.open("Ada")
    await repository.save_async(account)

    with pytest.raises(WrongColour):
        repository.load(Account, "account-1")


def test_an_async_decision_needs_an_async_store() -> None:
    repository = AggregateRepository(InMemoryEventStore())

    async def decide(account: Account) -> None:
        account.open("Ada")

    with pytest.raises(InvalidAggregate, match="has to be awaited; use the async methods"):
        repository.execute(Account, "account-1", decide, create=True)

    assert repository.event_store.head() == 0


async def test_an_async_decision_is_awaited() -> None:
    repository = AggregateRepository(InMemoryAsyncEventStore())

    async def decide(account: Account) -> None:
        await asyncio.sleep(0)
        account.open("Ada")

    await repository.execute_async(Account, "account-1", decide, create=True)

    assert (await repository.load_async(Account, "account-1")).owner == "Ada"


async def test_a_cancelled_save_may_be_repeated() -> None:
    store = InMemoryAsyncEventStore()
    append = store.append

    async def cancelled(*arguments: Any, **named: Any) -> Any:
        await append(*arguments, **named)
        raise asyncio.CancelledError

    account = Account("account-1")
    account.open("Ada")
    repository = AggregateRepository(store)
    store.append = cancelled  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await repository.save_async(account)
    store.append = append  # type: ignore[method-assign]
    await repository.save_async(account)

    assert len(await store.load("account-1")) == 1


async def test_a_store_that_fails_leaves_the_events_new() -> None:
    store = InMemoryAsyncEventStore()
    append = store.append

    async def failing(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("x", "it is away")

    account = Account("account-1")
    account.open("Ada")
    store.append = failing  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await AggregateRepository(store).save_async(account)

    assert len(account.uncommitted_events) == 1
    store.append = append  # type: ignore[method-assign]


# What cannot be used


@pytest.mark.parametrize("command", ["abc", 5, {}, Withdraw, Withdraw(amount=Decimal(1), id="")])
async def test_what_is_no_command_is_told(repository: Colourless, command: Any) -> None:
    await opened_account(repository)
    with pytest.raises(InvalidAggregate, match="a command is a Message with an id"):
        await repository.execute(
            Account, "account-1", lambda each: each.withdraw(1), command=command
        )
    account = await repository.load(Account, "account-1")
    account.withdraw(1)
    with pytest.raises(InvalidAggregate, match="a command is a Message with an id"):
        await repository.save(account, command=command)

    assert len(await repository.stream("account-1")) == 2


@pytest.mark.parametrize("decide", [None, "withdraw", Withdraw(amount=Decimal(1))])
async def test_what_decides_is_a_function(repository: Colourless, decide: Any) -> None:
    await opened_account(repository)
    with pytest.raises(InvalidAggregate, match="decide is a function of the aggregate"):
        await repository.execute(Account, "account-1", decide)


async def test_an_event_that_is_returned_and_not_recorded_is_told(repository: Colourless) -> None:
    await opened_account(repository)
    with pytest.raises(InvalidAggregate, match="returned a Deposited, and nobody has recorded it"):
        await repository.execute(Account, "account-1", lambda _: deposited_one())


def deposited_one() -> Event:
    return Deposited(amount=Decimal(1))


async def test_what_decides_is_no_generator(repository: Colourless) -> None:
    await opened_account(repository)

    def decide(account: Account) -> Any:
        yield account.withdraw(1)

    with pytest.raises(InvalidAggregate, match="is a generator, so calling it runs nothing"):
        await repository.execute(Account, "account-1", decide)


@pytest.mark.parametrize("event", [Withdraw(amount=Decimal(1)), "deposited", Opened])
def test_what_is_no_event_cannot_be_applied(event: Any) -> None:
    with pytest.raises(InvalidAggregate, match=r"Account._apply_event takes an Event; found"):
        Account("a-1")._apply_event(event)


def test_what_upcasts_nothing_is_told() -> None:
    upcasters: Any = "registry"
    with pytest.raises(InvalidAggregate, match="such as an UpcasterRegistry"):
        AggregateRepository(InMemoryEventStore(), upcasters=upcasters)


def test_an_event_of_an_unknown_type_is_no_guess() -> None:
    store = InMemoryEventStore()
    store.append("account-1", [Opened(owner="Ada"), UnknownEvent(type="gone", data={})])
    with pytest.raises(UnreadableAggregate, match="event 1 has the type 'gone', which no class"):
        AggregateRepository(store).load(Account, "account-1")


@dataclass
class Needy(AggregateRoot):
    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (Needy, "Needy cannot be made without arguments"),
        (dict, "an aggregate is a subclass of AggregateRoot; found <class 'dict'>"),
        ("Account", "an aggregate is a subclass of AggregateRoot; found 'Account'"),
    ],
)
def test_what_is_no_aggregate_is_told(cls: Any, sentence: str) -> None:
    with pytest.raises(InvalidAggregate, match=sentence):
        AggregateRepository(InMemoryEventStore()).load(cls, "account-1")


def test_what_is_no_aggregate_is_not_saved() -> None:
    with pytest.raises(InvalidAggregate, match=r"save takes an aggregate; found {}"):
        AggregateRepository(InMemoryEventStore()).save({})  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [None, "events.db", InMemoryEventStore])
def test_what_is_no_event_store_is_told(store: Any) -> None:
    with pytest.raises(InvalidAggregate, match="event_store is an event store; found"):
        AggregateRepository(store)


@pytest.mark.parametrize(
    "error",
    [
        AggregateNotFound("Account", "a"),
        UnreadableAggregate("a", 1, "gone"),
        WrongColour("load", "load_async"),
        InvalidAggregate("why"),
    ],
)
def test_errors_survive_pickling(error: AggregateError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
