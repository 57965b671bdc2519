"""Projections in this process's memory: states and tables that commit together."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar
from weakref import WeakKeyDictionary

from orchestrix.eventsourcing import BatchInsideBatch
from orchestrix.memory_store.projection_transaction import (
    CommittedRows,
    Contents,
    MemoryTransaction,
)
from orchestrix.projection_state import ProjectionState
from orchestrix.read_models import TableDeclaration, TableReader, TableStore

RowT = TypeVar("RowT")


class _Batch:
    """A transaction that is under way; tasks that its handlers started may outlive it."""

    def __init__(self, store: "InMemoryProjections") -> None:
        self.store = store
        self.is_open = True


_batches: ContextVar[tuple[_Batch, ...]] = ContextVar("orchestrix_memory_batches", default=())


class InMemoryProjections(TableStore):
    """States and tables that live as long as the process: exactly once, with rollback.

    For tests, demos and read models that may be lost. A batch commits its rows and its state
    together or not at all; there is no connection to write anything else with. The batches of
    one event loop wait for each other; safe for several loops and threads, of which the later
    one to commit to the same projection gets a StateConflict.
    """

    def __init__(self) -> None:
        self._contents = Contents()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._gate = threading.Lock()

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        return self._contents.states.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        async with self.transaction(state.projection_id) as transaction:
            transaction.put(state)

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[MemoryTransaction, None]:
        outer = _batches.get()
        if any(each.is_open and each.store is self for each in outer):
            raise BatchInsideBatch(projection_id)
        async with self._turn():
            batch = _Batch(self)
            inside = _batches.set((*outer, batch))
            try:
                transaction = MemoryTransaction(self._contents)
                yield transaction
                transaction.commit()
            finally:
                batch.is_open = False
                _batches.reset(inside)

    def table(self, table: TableDeclaration[RowT]) -> TableReader[RowT]:
        return TableReader(table, CommittedRows(self._contents))

    def _turn(self) -> asyncio.Lock:
        with self._gate:
            return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
