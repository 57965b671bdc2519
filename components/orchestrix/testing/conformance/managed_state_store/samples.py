"""Keys, states and leases for the suite, and short questions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrix.projection_state import (
    Lease,
    ManagedStateStore,
    ManagedTransaction,
    ParkedKey,
    ProjectionState,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(days=1, microseconds=1)
ALL = 10**6
"""More events than a test sets aside."""

TEXTS = [
    "a", "A", "", " ", "a ", " a", "1", "01", "1.0", "1e0", "NULL", "None", "'; --", "%", "_",
    "a/b", "\n", "\t", "\x7f", "\x01", "\ufeff", "\u200b", "\u202e", "\uffff", "\u00e9", "e\u0301",
    "\u00df", "SS", "\U0001f468\u200d\U0001f469", "\U0010ffff", "x" * 512, "\U0001f382" * 512,
]  # fmt: skip
"""Ids and keys that are easily taken for each other, or for something else."""


def parked(key: str = "k", position: int = 1, **changes: Any) -> ParkedKey:
    """A key that failed once, of projection "p"."""
    made = ParkedKey(
        projection_id="p", key=key, position=position, since=NOW, attempts=1,
        error="ValueError: no\nand \U0001f382", failed_at=LATER, delay=0.1,
    )  # fmt: skip
    return replace(made, **changes)


def state(revision: int, projection_id: str = "p") -> ProjectionState:
    return ProjectionState(projection_id=projection_id, revision=revision)


async def set_aside(
    store: ManagedStateStore, key: str, *positions: int, projection_id: str = "p", **changes: Any
) -> None:
    """Set events of a key aside, in a transaction of its own."""
    async with store.transaction(projection_id) as transaction:
        kept = parked(key, min(positions), projection_id=projection_id, **changes)
        await transaction.parked.save(kept)
        await transaction.parked.add([(key, each) for each in positions])


async def only(store: ManagedStateStore, projection_id: str = "p") -> ParkedKey:
    """Return the one key that is set aside."""
    (found,) = await store.parked_keys(projection_id)
    return found


async def names(store: ManagedStateStore, projection_id: str = "p") -> list[str]:
    return [each.key for each in await store.parked_keys(projection_id)]


async def positions(
    store: ManagedStateStore, key: str = "k", projection_id: str = "p"
) -> list[int]:
    return list(await store.parked_positions(projection_id, key, limit=ALL))


async def discarded(store: ManagedStateStore, projection_id: str = "p") -> list[int]:
    found = await store.discarded_events(projection_id, limit=ALL)
    return [each.position for each in found]


async def everything(store: ManagedStateStore, projection_ids: Iterable[str] = "pq") -> list[Any]:
    """Return all that can be read, to be compared with later."""
    found: list[Any] = []
    for each in projection_ids:
        keys = list(await store.parked_keys(each))
        found += [keys, [await positions(store, key.key, each) for key in keys]]
        found += [list(await store.discarded_events(each, limit=ALL))]
        found += [await store.desired_status(each), await store.lease(each)]
        found += [await store.load_state(each)]
    return found


async def taken(store: ManagedStateStore, holder: str = "one", projection_id: str = "p") -> Lease:
    """Take the lease as it is now."""
    seen = await store.lease(projection_id)
    lease = await store.take_lease(projection_id, holder, 10, seen=seen)
    assert lease is not None
    return lease


async def after(turns: int, work: Awaitable[None]) -> None:
    """Do something after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await work


class Undone(Exception):
    """Raised in a batch, so that it is rolled back."""


async def save_and_add(transaction: ManagedTransaction, key: str, position: int) -> None:
    await transaction.parked.save(parked(key, position))
    await transaction.parked.add([(key, position)])


ParkedWork = Callable[[ManagedTransaction], Awaitable[Any]]


async def prepare(store: ManagedStateStore) -> None:
    """Let two projections have something of everything."""
    for each in ("p", "q"):
        await store.save_state(state(3, each))
        await set_aside(store, "a", 1, 3, 5, projection_id=each)
        await set_aside(store, "b", 2, 4, projection_id=each, delay=None)
        await set_aside(store, "gone", 6, projection_id=each)
        async with store.transaction(each) as transaction:
            await transaction.parked.discard("gone", "broken", NOW)
        await store.request(each, "a", "retry")
        await store.set_desired_status(each, "paused")
        await taken(store, projection_id=each)


def lease_of(projection_id: str, **changes: Any) -> Lease:
    made = Lease(projection_id=projection_id, holder="one", token=1, beat=0, seconds=10)
    return replace(made, **changes)
