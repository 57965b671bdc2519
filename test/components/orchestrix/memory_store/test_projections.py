"""States and tables in memory: the suites of state stores, of tables and of the engine."""

import asyncio
import contextvars
import gc
import threading
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from orchestrix.eventsourcing import (
    BatchInsideBatch,
    NoTransaction,
    ProjectionContext,
    ProjectionEngine,
    Promise,
)
from orchestrix.memory_store import InMemoryProjections
from orchestrix.memory_store.projection_transaction import MemoryTransaction
from orchestrix.projection_state import (
    ProjectionState,
    StateConflict,
)
from orchestrix.read_models import Table, TableTaken
from orchestrix.testing.conformance.deposits import Deposited, deposits
from orchestrix.testing.conformance.projection_engine import ProjectionEngineConformance, World
from orchestrix.testing.conformance.projection_state_store import (
    FULL,
    TransactionalStateStoreConformance,
)
from orchestrix.testing.conformance.read_model_table import (
    Balance,
    ReadModelTableConformance,
    accounts,
)
from orchestrix.testing.conformance.read_model_table.driver import Driver

T = TypeVar("T")


class TestInMemoryProjections(TransactionalStateStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryProjections:
        return InMemoryProjections()


class TestTablesInMemory(ReadModelTableConformance):
    @pytest.fixture
    def store(self) -> InMemoryProjections:
        return InMemoryProjections()

    def make_store(self) -> InMemoryProjections:
        return InMemoryProjections()


@dataclass
class Written:
    id: int
    amounts: list[int] = field(default_factory=list)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


class Slow(InMemoryProjections):
    """The store, with a turn for others wherever a slower one would give it."""

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        await asyncio.sleep(0)
        return await super().load_state(projection_id)

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[MemoryTransaction, None]:
        await asyncio.sleep(0)
        async with super().transaction(projection_id) as transaction:
            yield transaction
            await asyncio.sleep(0)
        await asyncio.sleep(0)


class TableWorld(World):
    """One row that holds all amounts, so that nothing is doubled or lost unnoticed."""

    def __init__(self) -> None:
        self.table = Table(Written, key="id")
        self.store = self.states = Slow()
        self.tables = [self.table]

    def rows(self) -> list[int]:
        row = at_once(self.states.table(self.table).get(0))
        return [] if row is None else row.amounts

    async def write(self, amount: int, context: ProjectionContext) -> None:
        if (row := await self.table.get(0)) is None:
            self.table.put(row := Written(0))
        row.amounts.append(amount)

    async def clear(self, context: ProjectionContext) -> None:
        """The engine does it."""


class StorageWorld(World):
    """The same, written through the transaction's storage, without a batch of a table."""

    def __init__(self) -> None:
        self.table = Table(Written, key="id")
        self.store = self.states = InMemoryProjections()

    def rows(self) -> list[int]:
        row = at_once(self.states.table(self.table).get(0))
        return [] if row is None else row.amounts

    async def write(self, amount: int, context: ProjectionContext) -> None:
        tables, definition = self._tables(context), self.table.definition
        await tables.open(definition, "balance")
        row = Written(0)
        for stored in await tables.load(definition, [(0,)]):
            row = self.table.codec.decode(stored)
        row.amounts.append(amount)
        await tables.write(definition, [self.table.codec.encode(row, None)], [])

    async def clear(self, context: ProjectionContext) -> None:
        await self._tables(context).empty(self.table.definition, "balance")

    def _tables(self, context: ProjectionContext) -> Any:
        transaction: Any = context._transaction  # what the engine will hand to tables
        return transaction.tables


class TestEngineWithATable(ProjectionEngineConformance):
    @pytest.fixture
    def world(self) -> World:
        return TableWorld()

    def make_world(self) -> World:
        return TableWorld()


class TestEngineWithStorage(ProjectionEngineConformance):
    @pytest.fixture
    def world(self) -> World:
        return StorageWorld()

    def make_world(self) -> World:
        return StorageWorld()


async def test_the_promise_is_exactly_once() -> None:
    assert ProjectionEngine("p", InMemoryProjections()).promise is Promise.EXACTLY_ONCE


async def test_there_is_no_connection_to_write_with() -> None:
    engine = ProjectionEngine("p", InMemoryProjections())

    @engine.on(Deposited)
    def write(event: Deposited, context: ProjectionContext) -> None:
        context.transaction.execute("...")

    with pytest.raises(NoTransaction, match=r"tables and nothing else.* declare a Table"):
        await engine.process_events(deposits(1))


async def test_a_batch_inside_a_batch_is_refused() -> None:
    store = InMemoryProjections()
    inner = ProjectionEngine("inner", store)
    inner.on(Deposited)(lambda event: None)
    outer = ProjectionEngine("outer", store)

    @outer.on(Deposited)
    async def feed(event: Deposited) -> None:
        await inner.process_events([event])

    with pytest.raises(BatchInsideBatch, match="'inner' is fed from inside another"):
        await outer.process_events(deposits(1))
    await inner.process_events(deposits(2))


async def test_a_task_that_outlives_its_batch_may_begin_another() -> None:
    store, gate = InMemoryProjections(), asyncio.Event()

    async def later() -> None:
        await gate.wait()
        await store.save_state(FULL)

    async with store.transaction("p"):
        task = asyncio.create_task(later())
    gate.set()
    await task

    assert await store.load_state("balances") == FULL


async def test_the_batches_of_a_loop_wait_for_each_other() -> None:
    store = InMemoryProjections()
    async with store.transaction("p"):
        waiter = contextvars.Context().run(asyncio.create_task, store.save_state(FULL))
        ended, _ = await asyncio.wait([waiter], timeout=0.01)
        assert not ended, "it waits for the batch"

    await waiter
    assert await store.load_state("balances") == FULL


async def test_a_transaction_sees_the_state_it_has_saved() -> None:
    store = InMemoryProjections()
    async with store.transaction("balances") as transaction:
        await transaction.save_state(FULL, replacing=None)
        with pytest.raises(StateConflict):
            await transaction.save_state(FULL.changed(revision=9), replacing=None)
        await transaction.save_state(FULL.changed(revision=8), replacing=7)

    found = await store.load_state("balances")
    assert found is not None
    assert found.revision == 8


def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end in another thread, and so in another loop."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


async def test_of_two_loops_at_one_projection_the_later_one_conflicts() -> None:
    store, table = InMemoryProjections(), accounts()

    async def overtake() -> None:
        async with Driver(store, table).batch():
            table.put(Balance("fast"))

    slow = Driver(store, table)
    with pytest.raises(StateConflict):  # noqa: PT012 - the batch's end is part of it
        async with slow.batch():
            table.put(Balance("slow"))
            in_a_thread(overtake())

    assert await store.table(table).query() == [Balance("fast")]


async def test_a_conflict_that_comes_while_committing_writes_nothing() -> None:
    store, table = InMemoryProjections(), accounts()

    async def overtake() -> None:
        async with store.transaction("balances") as transaction:
            await transaction.save_state(FULL, replacing=None)

    late = Driver(store, table).opened[0]
    with pytest.raises(StateConflict):  # noqa: PT012 - the commit is part of it
        async with store.transaction("balances") as transaction:
            await late.begin(transaction, None)
            table.put(Balance("slow"))
            await late.flush()
            state = ProjectionState(projection_id="balances")
            await transaction.save_state(state, replacing=None)
            in_a_thread(overtake())
    late.end(None)

    assert await store.table(table).count() == 0
    assert await store.load_state("balances") == FULL


async def test_of_two_loops_that_make_one_table_one_gets_it() -> None:
    store, table = InMemoryProjections(), accounts()

    async def overtake() -> None:
        async with Driver(store, table, projection_id="fast").batch():
            table.put(Balance("fast"))

    slow = Driver(store, table, projection_id="slow")
    with pytest.raises(TableTaken, match="'fast', and 'slow'"):  # noqa: PT012 - the same
        async with slow.batch():
            await table.get("slow")
            in_a_thread(overtake())

    assert await store.load_state("slow") is None


def test_a_call_that_is_collected_after_its_loop_was_closed_does_nothing_more() -> None:
    store, hangs, calls = Slow(), [True], list[int]()

    def left_behind() -> None:
        loop = asyncio.new_event_loop()
        engine = ProjectionEngine("balance", store)

        @engine.on(Deposited)
        async def handle(event: Deposited) -> None:
            calls.append(event.amount)
            if hangs:
                await loop.create_future()

        task: Any = loop.create_task(engine.process_events(deposits(1, 2)))
        task._log_destroy_pending = False  # that is what this is about
        loop.run_until_complete(asyncio.wait([task], timeout=0.05))
        loop.close()

    async def later() -> ProjectionState | None:
        gc.collect()
        return await store.load_state("balance")

    gc.disable()  # it would not be collected in another context
    try:
        left_behind()
        hangs.clear()
        state = asyncio.run(later())
    finally:
        gc.enable()

    assert (calls, state) == ([1], None)
