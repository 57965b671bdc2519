"""The bank's file: the log of its accounts, and beside it the projections of that log."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from orchestrix.messaging import ExponentialBackoff
from orchestrix.projection_demo.balances import BALANCES, Balances, balances_engine
from orchestrix.projection_demo.counting_engine import CountingEngine
from orchestrix.projection_demo.reconciliation import (
    RECONCILIATION,
    Reconciliation,
    reconciliation_engine,
)
from orchestrix.projection_demo.turnover import Turnover
from orchestrix.projection_demo.turnover_table import TURNOVER, turnover_engine
from orchestrix.projection_runtime import FailurePolicy, ProjectionRunner, ProjectionStatus
from orchestrix.projection_state import ParkedKey
from orchestrix.sqlite_store import (
    SQLiteEventStore,
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)

RETRY = ExponentialBackoff(max_retries=2, initial_delay=0.1, max_delay=1.0)
"""A fold in a local file: what fails three times fails always."""

ENGINES = (balances_engine, turnover_engine, reconciliation_engine)


@dataclass(frozen=True)
class Bank:
    """An open file.

    Attributes:
        file: Its path, as it was given.
        store: The log.
        states: Checkpoints and read models, each pair of which commits together.
        engines: The projections, which count what they handle here.
        runner: Keeps the projections up to date.
    """

    file: Path
    store: SQLiteEventStore
    states: SQLiteProjectionStateStore
    engines: Sequence[CountingEngine]
    runner: ProjectionRunner

    async def set_aside(
        self, statuses: Sequence[ProjectionStatus]
    ) -> Mapping[str, Sequence[ParkedKey]]:
        """Return the keys that are set aside, by projection, where there are any."""
        return {
            each.projection_id: await self.runner.parked(each.projection_id)
            for each in statuses
            if each.parked_events
        }

    async def balances(self) -> Balances:
        """Read that table."""
        return Balances(await self.states.table(BALANCES).query())

    async def balance_of(self, account_id: str) -> Decimal:
        """Return what is left on an account; 0 when the table does not have it."""
        row = await self.states.table(BALANCES).get(account_id)
        return Decimal(0) if row is None else row.balance

    async def turnover(self) -> Turnover:
        """Read that table; it has rows when the bank has transactions."""
        return Turnover(await self.states.table(TURNOVER).query())

    async def reconciliation(self) -> Reconciliation:
        """Read that table."""
        return Reconciliation(await self.states.table(RECONCILIATION).query())


@asynccontextmanager
async def open_bank(file: Path) -> AsyncGenerator[Bank]:
    """Open a file, made when missing. Raises what its stores raise."""
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        engines = [make(states) for make in ENGINES]
        policy = FailurePolicy(retry=RETRY)
        runner = ProjectionRunner(store, engines, on_failure=policy)
        yield Bank(file, store, states, engines, runner)
