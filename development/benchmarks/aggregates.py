"""Loading aggregates and executing commands, beside the `eventsourcing` library.

Both sides load one aggregate again and again; what is measured is in a process of its own for the
other side. Commands are executed one after the other there, and here also by many callers.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from measure import Work
from sqlite_events import answer_of

from orchestrix.eventsourcing import AggregateRepository, AggregateRoot, AsyncEventStore
from orchestrix.memory_store import InMemoryAsyncEventStore
from orchestrix.messaging import Event
from orchestrix.sqlite_store import open_sqlite_store

TIMES = {10: 1000, 1_000: 50, 100_000: 1}
"""How often an aggregate of so many events is loaded in one run."""

WITH_SNAPSHOT = 200
COMMANDS = 300
CALLERS = 100

PEER = Path(__file__).with_name("peer_aggregates.py")


@dataclass(frozen=True, kw_only=True)
class PaidIn(Event, type="benchmark.paid-in"):
    """Money came to an account."""

    amount: Decimal


@dataclass
class Account(AggregateRoot):
    """An account with its balance."""

    balance: Decimal = Decimal(0)

    def deposit(self, amount: Decimal) -> None:
        """Pay in."""
        self._apply_event(PaidIn(amount=amount))

    def _when_paid_in(self, event: PaidIn) -> None:
        self.balance += event.amount


def works() -> list[Work]:
    """What is measured here, where the other library is installed."""
    if find_spec("eventsourcing") is None:
        return []
    loads = [
        work
        for storage in ("popo", "sqlite")
        for events in TIMES
        for work in (_load(storage, events), _load(storage, events, with_snapshot=True))
    ]
    return [*loads, _execute(1), _execute(CALLERS)]


def _load(storage: str, events: int, *, with_snapshot: bool = False) -> Work:
    times = WITH_SNAPSHOT if with_snapshot else TIMES[events]
    kind, how = ("snapshot", "with a snapshot") if with_snapshot else ("load", "without")
    name = f"{'memory' if storage == 'popo' else 'SQLite'} aggregate of {events:,}, {how}"

    async def load(store: AsyncEventStore) -> float:
        accounts = await _filled(store, events, with_snapshot=with_snapshot)
        began = perf_counter()
        for _ in range(times):
            await accounts.load_async(Account, "account-1")
        return perf_counter() - began

    return Work(name, times, lambda: _in(storage, load), _peer(storage, kind, events, times))


def _execute(callers: int) -> Work:
    async def execute(store: AsyncEventStore) -> float:
        accounts = AggregateRepository[Account](store)
        for number in range(callers):
            await _filled(store, 10, f"account-{number}")

        async def call(number: int) -> None:
            for _ in range(COMMANDS // callers):
                await accounts.execute_async(
                    Account, f"account-{number}", lambda each: each.deposit(Decimal("12.50"))
                )

        began = perf_counter()
        await asyncio.gather(*map(call, range(callers)))
        return perf_counter() - began

    name = f"SQLite commands, {callers} caller{'s' if callers > 1 else ''}"
    reference = _peer("sqlite", "execute", 10, COMMANDS)
    return Work(name, COMMANDS, lambda: _in("sqlite", execute), reference)


def _in(storage: str, work: Callable[[AsyncEventStore], Awaitable[float]]) -> float:
    async def run() -> float:
        if storage == "popo":
            return await work(InMemoryAsyncEventStore())
        with tempfile.TemporaryDirectory() as folder:
            async with open_sqlite_store(Path(folder) / "events.db") as store:
                return await work(store)

    return asyncio.run(run())


async def _filled(
    store: AsyncEventStore, events: int, account_id: str = "account-1", **options: Any
) -> AggregateRepository[Account]:
    amounts = [PaidIn(amount=Decimal("12.50")) for _ in range(events - 1)]
    for start in range(0, len(amounts), 1000):
        await store.append(account_id, amounts[start : start + 1000])
    every = 1 if options.get("with_snapshot") else None
    accounts = AggregateRepository[Account](store, snapshot_every=every)
    await accounts.execute_async(
        Account, account_id, lambda each: each.deposit(Decimal("12.50")), create=True
    )
    return accounts


def _peer(storage: str, work: str, events: int, times: int) -> Callable[[], float]:
    """Return what the other library does in a process of its own."""
    arguments = (str(PEER), storage, work, str(events), str(times))
    return lambda: answer_of([sys.executable, *arguments])[0]
