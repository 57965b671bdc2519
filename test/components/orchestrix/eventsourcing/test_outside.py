"""Engines that call their handlers outside of the transactions of a store that has some."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from sample_events import Balance, Deposited, deposits, log_of

from orchestrix.eventsourcing import NoTransaction, ProjectionContext, ProjectionEngine, Promise
from orchestrix.memory_store import InMemoryProjections
from orchestrix.projection_state import ProjectionState
from orchestrix.read_models import Table


@dataclass
class Seen:
    amount: int


class Outside:
    """A balance whose engine does not use the transactions of its store."""

    def __init__(self, store: Any, model: Balance | None = None) -> None:
        self.model = model or Balance()
        self.engine = ProjectionEngine("balance", store, transactional=False)
        self.engine.on(Deposited)(self.model.add)
        self.engine.on_reset(self.model.clear)


class Refusing(InMemoryProjections):
    """A store that does not save for some calls."""

    left = 0

    async def save_state(self, state: ProjectionState) -> None:
        if self.left:
            self.left -= 1
            raise ConnectionError("away")
        await super().save_state(state)


def test_what_is_promised_is_at_least_once_and_nothing_can_be_parked() -> None:
    engine = Outside(InMemoryProjections()).engine

    assert (engine.promise, engine.parking) == (Promise.AT_LEAST_ONCE, None)


async def test_there_is_no_transaction_and_the_remedy_is_told() -> None:
    engine = ProjectionEngine("balance", InMemoryProjections(), transactional=False)

    @engine.on(Deposited)
    def write(_: Deposited, context: ProjectionContext) -> None:
        _ = context.transaction

    with pytest.raises(NoTransaction, match="leave out transactional=False"):
        await engine.process_events(log_of(deposits(1)).read_all())


def test_tables_need_the_transactions() -> None:
    table = Table(Seen, key="amount")
    with pytest.raises(ValueError, match="leave out transactional=False, or the tables"):
        ProjectionEngine("p", InMemoryProjections(), tables=[table], transactional=False)


async def test_two_engines_take_turns() -> None:
    store, log, model = InMemoryProjections(), log_of(deposits(1)), Balance()
    one, other = (Outside(store, model).engine for _ in range(2))
    for amount, engine in ((2, one), (3, other), (4, one), (5, other)):
        log.append("account-1", deposits(amount))
        await engine.initialize()
        await engine.process_events(log.read_all())

    assert model.seen == [1, 2, 3, 4, 5]


async def test_what_could_not_be_saved_does_not_overwrite_what_somebody_else_did() -> None:
    store, log, model = Refusing(), log_of(deposits(1, 2, 3, 4, 5)), Balance()
    one, other = (Outside(store, model).engine for _ in range(2))
    await one.initialize()
    store.left = 1
    with pytest.raises(ConnectionError):
        await one.process_events(log.read_all())
    await other.initialize()
    await other.replay(log.read_all(limit=2))
    await one.initialize()
    await one.process_events(log.read_all())

    assert model.seen == [1, 2, 3, 4, 5]
    state = one.get_state()
    assert state is not None
    assert state.last_processed_position == 5


async def test_what_could_not_be_saved_is_not_handled_again() -> None:
    store, log = Refusing(), log_of(deposits(1, 2, 3))
    case = Outside(store)
    await case.engine.initialize()
    store.left = 1
    with pytest.raises(ConnectionError):
        await case.engine.process_events(log.read_all())
    await case.engine.initialize()
    await case.engine.process_events(log.read_all())

    assert case.model.seen == [1, 2, 3]


def test_a_handler_that_returned_before_its_loop_died_is_not_called_again() -> None:
    store, log, calls = InMemoryProjections(), log_of(deposits(1)), list[str]()
    engine = ProjectionEngine("balance", store, transactional=False)
    hangs = [True]

    @engine.on(Deposited)
    def one(_: Deposited) -> None:
        calls.append("one")

    @engine.on(Deposited)
    async def two(_: Deposited) -> None:
        if hangs:
            await asyncio.Event().wait()
        calls.append("two")

    loop = asyncio.new_event_loop()
    processing: Any = loop.create_task(engine.process_events(log.read_all()))
    loop.run_until_complete(asyncio.sleep(0.01))
    processing.get_coro().close()
    processing._log_destroy_pending = False  # else it complains that nobody ended it
    loop.close()
    hangs.clear()

    async def go_on() -> None:
        await engine.initialize()
        await engine.process_events(log.read_all())

    asyncio.run(go_on())
    assert calls == ["one", "two"]


async def test_a_replay_begins_with_nothing_set_aside() -> None:
    store, log, failing = InMemoryProjections(), log_of(deposits(1, 2)), [1]
    before = ProjectionEngine("balance", store)

    @before.on(Deposited)
    def fail(event: Deposited) -> None:
        if event.amount in failing:
            raise ValueError(event.amount)

    with pytest.raises(ValueError, match="1") as failed:
        await before.process_events(log.read_all())
    assert before.parking is not None
    await before.parking.set_aside(log.read_all().events[0], failed.value, None)
    await before.process_events(log.read_all())
    assert len(await store.parked_keys("balance")) == 1

    case = Outside(store)
    await case.engine.replay(log.read_all())
    assert case.model.seen == [1, 2]
    assert await store.parked_keys("balance") == []
