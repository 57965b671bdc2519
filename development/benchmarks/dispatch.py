"""Handing events to handlers."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from measure import Work
from messages import Deposited

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_state import InMemoryProjectionStateStore

COUNT = 20_000
BALANCES: dict[str, int] = {}
GOALS = {
    ("recorded", 100): 0.75,
    ("recorded", 1000): 0.75,
    ("recorded", COUNT): 0.75,
    ("bare", 100): 0.4,
    ("bare", 1000): 0.4,
    ("bare", COUNT): 0.4,
    ("bare", 1): 0.2,
}


async def deposit(event: Deposited) -> None:
    """Handle as the documentation's example does."""
    BALANCES[event.account_id] = BALANCES.get(event.account_id, 0) + event.amount


def deposit_sync(event: Deposited) -> None:
    """Do the same without ``async``."""
    BALANCES[event.account_id] = BALANCES.get(event.account_id, 0) + event.amount


def works() -> list[Work]:
    """What is measured here."""
    events = [Deposited(account_id=str(each % 100), amount=1) for each in range(COUNT)]
    store = InMemoryEventStore()
    store.append("account-1", events)
    records = list(store.read_all(limit=COUNT).events)
    kinds: dict[str, Sequence[Any]] = {"recorded": records, "bare": events}
    sizes = (1, 10, 100, 1000, COUNT)
    found = [_dispatch(kind, feed, size) for kind, feed in kinds.items() for size in sizes]
    return [*found, _dispatch_sync(records)]


def _dispatch(kind: str, feed: Sequence[Any], size: int) -> Work:
    name = f"{kind} events, async handler, calls of {size if size < COUNT else 'all'}"
    goal = GOALS.get((kind, size))
    return Work(name, COUNT, lambda: _process(feed, size, deposit), lambda: _loop(feed), goal)


def _dispatch_sync(records: Sequence[Any]) -> Work:
    name = "recorded events, sync handler, calls of all"
    return Work(
        name, COUNT, lambda: _process(records, COUNT, deposit_sync), lambda: _loop_sync(records)
    )


def _process(feed: Sequence[Any], size: int, handler: Any) -> float:
    async def run() -> float:
        engine = ProjectionEngine("balances", InMemoryProjectionStateStore())
        engine.on(Deposited)(handler)
        calls = [feed[start : start + size] for start in range(0, len(feed), size)]
        began = perf_counter()
        for call in calls:
            await engine.process_events(call)
        return perf_counter() - began

    return asyncio.run(run())


def _loop(feed: Sequence[Any]) -> float:
    """Await the same handler from a dict, and nothing else."""
    handlers: dict[type[Any], Any] = {Deposited: deposit}

    async def run() -> float:
        began = perf_counter()
        if isinstance(feed[0], Deposited):
            for event in feed:
                await handlers[type(event)](event)
        else:
            for recorded in feed:
                event = recorded.event
                await handlers[type(event)](event)
        return perf_counter() - began

    return asyncio.run(run())


def _loop_sync(records: Sequence[Any]) -> float:
    handlers: dict[type[Any], Any] = {Deposited: deposit_sync}
    began = perf_counter()
    for recorded in records:
        event = recorded.event
        handlers[type(event)](event)
    return perf_counter() - began
