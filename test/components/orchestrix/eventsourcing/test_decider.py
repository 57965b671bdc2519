"""Deciders, by themselves and over a store."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bank_account import Deposited, NotEnough, State, Withdraw, Withdrawn, account, evolve
from both_colours import STORES, Colourless, opened

from orchestrix.eventsourcing import (
    ConcurrencyError,
    Decider,
    DeciderRepository,
    InvalidAggregate,
    InvalidRange,
    UnreadableAggregate,
    WrongColour,
)
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import Event, UnknownEvent
from orchestrix.testing import given


@pytest.fixture(params=STORES)
async def repository(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[Colourless, None]:
    async with opened(request.param, tmp_path) as store:
        yield Colourless(DeciderRepository(store, account))


def deposited(*amounts: int) -> list[Event]:
    return [Deposited(amount=Decimal(each)) for each in amounts]


def test_a_state_is_the_fold_of_its_events() -> None:
    assert account.fold(deposited(3, 4)) == State(Decimal(7))
    assert account.fold([]) == State()


async def test_what_is_decided_is_appended(repository: Colourless) -> None:
    await repository.append("account-1", deposited(100))
    command = Withdraw(amount=Decimal(30))
    saved = await repository.execute("account-1", command)

    assert [(type(each), each.causation_id) for each in saved.events] == [(Withdrawn, command.id)]
    assert (saved.last_version, saved.last_position) == (1, 2)
    assert await repository.load("account-1") == State(Decimal(70))


async def test_a_stream_without_events_has_the_initial_state(repository: Colourless) -> None:
    assert await repository.load("account-9") == State()


async def test_what_is_refused_is_raised(repository: Colourless) -> None:
    with pytest.raises(NotEnough):
        await repository.execute("account-1", Withdraw(amount=Decimal(1)))

    assert len(await repository.stream("account-1")) == 0


async def test_a_command_may_lead_to_nothing(repository: Colourless) -> None:
    await repository.append("account-1", deposited(1))
    saved = await repository.execute("account-1", Withdraw(amount=Decimal(0)))

    assert (saved.events, saved.last_version) == ((), 0)


async def test_a_command_that_is_repeated_has_one_effect(repository: Colourless) -> None:
    await repository.append("account-1", deposited(100))
    command = Withdraw(amount=Decimal(80))
    first = await repository.execute("account-1", command)

    assert await repository.execute("account-1", command) == first
    assert await repository.load("account-1") == State(Decimal(20))


@dataclass
class Spend:
    amount: int


async def test_a_command_need_not_be_a_message(repository: Colourless) -> None:
    def decide(command: Spend, _: State) -> list[Event]:
        return [Withdrawn(amount=Decimal(command.amount))]

    spending = Colourless(DeciderRepository(repository.store, Decider(decide, evolve, State)))
    command = Spend(5)
    for _ in range(2):
        await spending.execute("account-1", command)

    assert await spending.load("account-1") == State(Decimal(-10))


async def test_a_conflict_is_decided_again(repository: Colourless) -> None:
    seen: list[Decimal] = []

    def decide(command: Withdraw, state: State) -> list[Event]:
        seen.append(state.balance)
        return [Withdrawn(amount=command.amount)]

    decider = Decider(decide, evolve, State)
    rivalled = Colourless(DeciderRepository(repository.store, decider))
    await repository.append("account-1", deposited(100))
    append = repository.store.append

    def late(stream_id: str, events: Any, **named: Any) -> Any:
        if len(seen) < 3:
            named["expected_version"] = 7
        return append(stream_id, events, **named)

    repositories = rivalled.repository
    repositories._decisions._store = _With(repository.store, late)
    await rivalled.execute("account-1", Withdraw(amount=Decimal(1)))

    assert seen == [100, 100, 100]
    assert len(await repository.stream("account-1")) == 2


class _With:
    """A store with another append."""

    def __init__(self, store: Any, append: Any) -> None:
        self._store, self.append = store, append

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_more_events_than_a_page_are_followed(repository: Colourless) -> None:
    await repository.append("account-1", deposited(*range(2500)))
    saved = await repository.execute("account-1", Withdraw(amount=Decimal(1)))

    assert saved.last_version == 2500


def test_after_the_last_attempt_the_conflict_is_told() -> None:
    store = InMemoryEventStore()

    def decide(command: Withdraw, state: State) -> list[Event]:
        store.append("account-1", deposited(1))
        return [Withdrawn(amount=Decimal(1))]

    repository = DeciderRepository(store, Decider(decide, evolve, State))
    with pytest.raises(ConcurrencyError):
        repository.execute("account-1", Withdraw(amount=Decimal(1)), attempts=2)

    assert store.head() == 2


async def test_deciding_and_evolving_wait_for_nothing() -> None:
    async def wait(*_: Any) -> Any: ...

    late: Any = wait

    store = InMemoryEventStore()
    store.append("a-1", deposited(1))
    command = Withdraw(amount=Decimal(1))
    evolving: Any = Decider(lambda *_: [], late, State)
    deciding: Any = Decider(late, evolve, State)
    with pytest.raises(InvalidAggregate, match=r"evolve of a decider .* is not async"):
        DeciderRepository(store, evolving).load("a-1")
    with pytest.raises(InvalidAggregate, match=r"decide of a decider .* is not async"):
        DeciderRepository(store, deciding).execute("a-1", command)


@pytest.mark.parametrize("name", ["decide", "evolve", "initial"])
def test_what_is_no_decider_is_told(name: str) -> None:
    functions: dict[str, Any] = {"decide": evolve, "evolve": evolve, "initial": State, name: 0}
    with pytest.raises(InvalidAggregate, match=f"^{name} of a decider is a function, such as"):
        Decider(**functions)
    with pytest.raises(InvalidAggregate, match=r"decider is a Decider\(...\); found None"):
        DeciderRepository(InMemoryEventStore(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer", ["", {}, None, 5, ["opened"], [Withdrawn(amount=Decimal(1)), None]]
)
def test_what_is_no_event_is_told(answer: Any) -> None:
    repository = DeciderRepository(InMemoryEventStore(), Decider(lambda *_: answer, evolve, State))
    with pytest.raises(InvalidAggregate, match=r"returns events, as in .* it returned"):
        repository.execute("account-1", Withdraw(amount=Decimal(1)))

    assert repository.event_store.head() == 0


def test_one_event_need_not_be_in_a_list() -> None:
    event = Withdrawn(amount=Decimal(1))

    given(Decider(lambda *_: event, evolve, State)).when(Withdraw(amount=Decimal(1))).then(event)


def test_events_may_be_yielded() -> None:
    def decide(command: Withdraw, _: State) -> Any:
        yield Withdrawn(amount=command.amount)
        yield Withdrawn(amount=command.amount + 1)

    scenario = given(Decider(decide, evolve, State)).when(Withdraw(amount=Decimal(1)))

    scenario.then(Withdrawn(amount=Decimal(1)), Withdrawn(amount=Decimal(2)))


def test_an_event_of_an_unknown_type_is_no_guess() -> None:
    store = InMemoryEventStore()
    store.append("account-1", [UnknownEvent(type="gone", data={})])
    with pytest.raises(UnreadableAggregate):
        DeciderRepository(store, account).load("account-1")


async def test_each_store_wants_the_methods_of_its_colour() -> None:
    sync = DeciderRepository(InMemoryEventStore(), account)
    async_ = DeciderRepository(InMemoryAsyncEventStore(), account)
    command = Withdraw(amount=Decimal(1))
    with pytest.raises(WrongColour, match="load_async"):
        await sync.load_async("a-1")
    with pytest.raises(WrongColour, match="execute_async"):
        await sync.execute_async("a-1", command)
    with pytest.raises(WrongColour, match=r"load: "):
        async_.load("a-1")
    with pytest.raises(WrongColour, match=r"execute: "):
        async_.execute("a-1", command)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(InvalidRange):
        DeciderRepository(InMemoryEventStore(), account).execute(
            "a-1", Withdraw(amount=Decimal(1)), attempts=0
        )
