"""Tables to test with: an engine's order of calls, and a store that is watched, or breaks."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from orchestrix.messaging import Event
from orchestrix.projection_state import (
    ProjectionState,
)
from orchestrix.read_models import OpenTable, Table, TableStorage, TableStore, TableTransaction


class Broken(Exception):
    """The connection broke."""


class Driver:
    """Drives open tables as an engine does: begin, prefetch, settle, flush, state, end."""

    def __init__(
        self, store: TableStore, *tables: Table[Any], projection_id: str = "balances"
    ) -> None:
        self.store = store
        self.projection_id = projection_id
        self.opened: list[OpenTable[Any]] = [each.opened(projection_id, store) for each in tables]

    @asynccontextmanager
    async def batch(self, *, is_replay: bool = False) -> AsyncGenerator[TableTransaction, None]:
        """One batch, committed at the end of the block."""
        state = await self.store.load_state(self.projection_id)
        before = None if state is None else state.revision
        after = None
        try:
            async with self.store.transaction(self.projection_id) as transaction:
                for each in self.opened:
                    await each.begin(transaction, before)
                    if is_replay:
                        await each.empty()
                yield transaction
                for each in self.opened:
                    await each.flush()
                following = 0 if before is None else before + 1
                new = ProjectionState(projection_id=self.projection_id, revision=following)
                await transaction.save_state(new, replacing=before)
            after = following
        finally:
            for each in self.opened:
                each.end(after)

    async def settle(self, events: Sequence[Event] = ()) -> None:
        """Between two slices."""
        for each in self.opened:
            await each.settle()
            await each.prefetch(events)

    def segment(self, key: str | None) -> None:
        """Before an event."""
        for each in self.opened:
            each.segment_key = key


class _Spy:
    """A storage that tells what was asked of it, one turn of the loop for each question."""

    def __init__(self, storage: TableStorage, store: "SpiedStore") -> None:
        self._storage = storage
        self._store = store

    def __getattr__(self, name: str) -> Any:
        async def asked(*arguments: Any) -> Any:
            await self._store.step()
            self._store.asked.append((name, *arguments[1:]))
            answer = await getattr(self._storage, name)(*arguments)
            await self._store.step()
            if name in ("load", "find"):
                await self._store.hold()
            return answer

        return asked


class _SpiedTransaction:
    def __init__(self, transaction: TableTransaction, store: "SpiedStore") -> None:
        self._transaction = transaction
        self.tables = _Spy(transaction.tables, store)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)


class SpiedStore(TableStore):
    """Another store, watched; it breaks at the step with the number `fails_at`, from 1."""

    def __init__(self, store: TableStore, fails_at: int | None = None) -> None:
        self._store = store
        self.fails_at = fails_at
        self.steps = 0
        self.asked: list[Any] = []
        self.held: asyncio.Event | None = None

    async def step(self) -> None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.steps == self.fails_at:
            raise Broken(f"at step {self.steps}")

    async def hold(self) -> None:
        """Keep the next answer back until `held` is set."""
        held, self.held = self.held, None
        if held is not None:
            await held.wait()

    def loaded(self) -> list[Any]:
        """Keys, of one column, of each load; and forget them."""
        return [[key for (key,) in each[1]] for each in self._taken("load")]

    def written(self) -> list[Any]:
        """Rows and keys that are gone, of each write, and forget them."""
        return [(list(each[1]), list(each[2])) for each in self._taken("write")]

    def _taken(self, name: str) -> list[Any]:
        taken = [each for each in self.asked if each[0] == name]
        self.asked = [each for each in self.asked if each[0] != name]
        return taken

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        return await self._store.load_state(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        await self._store.save_state(state)

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[Any, None]:
        async with self._store.transaction(projection_id) as transaction:
            yield _SpiedTransaction(transaction, self)
            await self.step()

    def table(self, table: Any) -> Any:
        return self._store.table(table)
