"""State stores to test with: two plain methods, and a database with all that can go wrong."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from orchestrix.eventsourcing import ProjectionContext
from orchestrix.projection_state import (
    ProjectionState,
    ProjectionStateStore,
    StateConflict,
    StateTransaction,
    TransactionalProjectionStateStore,
)
from orchestrix.testing.conformance.projection_engine import World


class Lost(Exception):
    """The connection broke; whether the last statement was done, only the database knows."""


class ForbiddenRow(Exception):
    """A deferred constraint does not allow a row."""


class PlainStore(ProjectionStateStore):
    """Two methods over a dict, and the time they take; `broken` makes saving fail."""

    def __init__(self) -> None:
        self.states: dict[str, ProjectionState] = {}
        self.saves = 0
        self.broken = False

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        await asyncio.sleep(0)
        return self.states.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise ConnectionError("store is away")
        self.saves += 1
        self.states[state.projection_id] = state


class FakeTransaction(StateTransaction):
    """What is written here is seen by others when it commits."""

    def __init__(self, database: "FakeDatabase") -> None:
        self._database = database
        self.rows: list[int] = list(database.rows)
        self.states = dict(database.states)
        self.expected: dict[str, int | None] = {}

    @property
    def connection(self) -> Any:
        return self

    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        await self._database.step()
        stored = self.states.get(state.projection_id)
        found = None if stored is None else stored.revision
        if found != replacing:
            raise StateConflict(state.projection_id, replacing, found)
        self.states[state.projection_id] = state
        self.expected[state.projection_id] = replacing


class FakeDatabase(TransactionalProjectionStateStore):
    """Rows and states that change together or not at all.

    Every operation takes some turns of the loop, and is a *step*; `fails_at` is the number of the
    step (from 1) at which the connection breaks. A commit has a step before and one after it.
    A `forbidden` row is noticed by the commit.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.rows: list[int] = []
        self.states: dict[str, ProjectionState] = {}
        self.steps = 0
        self.fails_at = fails_at
        self.forbidden: int | None = None

    async def step(self) -> None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.steps == self.fails_at:
            raise Lost(f"at step {self.steps}")

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        await self.step()
        return self.states.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        await self.step()
        self.states[state.projection_id] = state

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[FakeTransaction]:
        await self.step()
        transaction = FakeTransaction(self)
        yield transaction
        await self.step()
        self._check_again(transaction)
        if self.forbidden in transaction.rows:
            raise ForbiddenRow(self.forbidden)
        self.rows, self.states = transaction.rows, transaction.states
        await self.step()

    def _check_again(self, transaction: FakeTransaction) -> None:
        """Compare and set when it commits, as a row lock would have it."""
        for projection_id, replacing in transaction.expected.items():
            stored = self.states.get(projection_id)
            found = None if stored is None else stored.revision
            if found != replacing:
                raise StateConflict(projection_id, replacing, found)


class ClosingDatabase(FakeDatabase):
    """Closes the connection under a cancelled statement, as drivers do, and fails to roll back."""

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        try:
            return await super().load_state(projection_id)
        except asyncio.CancelledError:
            raise Lost("connection is closed") from None

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[FakeTransaction]:
        try:
            async with super().transaction(projection_id) as transaction:
                yield transaction
        except asyncio.CancelledError:
            raise Lost("connection is closed") from None


class DatabaseWorld(World):
    """Rows and state in one database."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.store = self.database = FakeDatabase(fails_at)

    def rows(self) -> list[int]:
        return self.database.rows

    async def write(self, amount: int, context: ProjectionContext) -> None:
        await self.database.step()
        context.transaction.rows.append(amount)

    async def clear(self, context: ProjectionContext) -> None:
        await self.database.step()
        context.transaction.rows.clear()
