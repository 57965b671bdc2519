"""What a store promises that keeps what running projections takes, stated once.

A store's test subclasses :class:`ManagedStateStoreConformance` and gives a fixture `store`; one
whose storage can be opened twice gives `rival`, too. What it promises of states alone is in
:mod:`conformance.projection_state_store`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrix.eventsourcing import BatchInsideBatch
from orchestrix.messaging import OrchestrixError
from orchestrix.projection_state import (
    DiscardedEvent,
    KeyRequest,
    Lease,
    ManagedStateStore,
    ManagedTransaction,
    NotParked,
    ParkedEvents,
    ParkedKey,
    ProjectionState,
    StateConflict,
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

CHANGES: dict[str, ParkedWork] = {
    "save": lambda it: it.parked.save(parked("a", 9, attempts=7, error="another")),
    "save and add": lambda it: save_and_add(it, "new", 8),
    "add": lambda it: it.parked.add([("a", 9), ("b", 8)]),
    "release": lambda it: it.parked.release("a", 3),
    "release all": lambda it: it.parked.release("a", 5),
    "answer": lambda it: it.parked.answer("a", "retry"),
    "discard": lambda it: it.parked.discard("a", "why", NOW),
    "clear": lambda it: it.parked.clear(),
}
"""What a transaction can do to what :func:`prepare` has set aside."""


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


StoreWork = Callable[[ManagedStateStore], Awaitable[Any]]

WRITES: dict[str, StoreWork] = {
    "save_state": lambda it: it.save_state(state(9)),
    "request": lambda it: it.request("p", "a", "discard", "why"),
    "set_desired_status": lambda it: it.set_desired_status("p", "running"),
    "take_lease": lambda it: it.take_lease("p", "two", 10, seen=lease_of("p")),
    "renew_lease": lambda it: it.renew_lease(lease_of("p")),
    "release_lease": lambda it: it.release_lease(lease_of("p")),
}
"""What changes a store that was prepared, in a transaction of its own."""

WRONG: dict[str, tuple[StoreWork, str]] = {
    "limit 0": (
        lambda it: it.parked_positions("p", "a", limit=0),
        "limit is a whole number from 1 on, found 0",
    ),
    "limit True": (
        lambda it: it.parked_positions("p", "a", limit=True),
        "limit is a whole number from 1 on, found True",
    ),
    "after_position -1": (
        lambda it: it.parked_positions("p", "a", after_position=-1),
        "after_position is a whole number from 0 on, found -1",
    ),
    "discarded, limit 0": (
        lambda it: it.discarded_events("p", limit=0),
        "limit is a whole number from 1 on, found 0",
    ),
    "discarded, after_position -1": (
        lambda it: it.discarded_events("p", after_position=-1),
        "after_position is a whole number from 0 on, found -1",
    ),
    "request": (
        lambda it: it.request("p", "a", "again"),  # type: ignore[arg-type] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
    "request in capitals": (
        lambda it: it.request("p", "a", "Retry"),  # type: ignore[arg-type] - on purpose
        "a request is 'retry' or 'discard', found 'Retry'",
    ),
    "request of an unknown key": (
        lambda it: it.request("p", "zzz", "again"),  # type: ignore[arg-type] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
    "desired status": (
        lambda it: it.set_desired_status("p", "stopped"),  # type: ignore[arg-type] - on purpose
        "a desired status is 'running' or 'paused', found 'stopped'",
    ),
    "no holder": (
        lambda it: it.take_lease("p", "", 10, seen=lease_of("p")),
        "holder is a text, not empty; found ''",
    ),
    "0 seconds": (
        lambda it: it.take_lease("p", "two", 0, seen=lease_of("p")),
        "seconds is a finite number above 0, found 0",
    ),
    "-1 seconds": (
        lambda it: it.take_lease("p", "two", -1, seen=lease_of("p")),
        "seconds is a finite number above 0, found -1",
    ),
    "no number of seconds": (
        lambda it: it.take_lease("p", "two", float("nan"), seen=lease_of("p")),
        "seconds is a finite number above 0, found nan",
    ),
    "seconds for ever": (
        lambda it: it.take_lease("p", "two", float("inf"), seen=lease_of("p")),
        "seconds is a finite number above 0, found inf",
    ),
    "the lease of another": (
        lambda it: it.take_lease("p", "two", 10, seen=lease_of("q")),
        "seen is the lease of projection 'p' as it was read, or None; found that of 'q'",
    ),
}
"""What a store refuses -> the call, and what it says."""

NAIVE = NOW.replace(tzinfo=None)

WRONG_INSIDE: dict[str, tuple[ParkedWork, str]] = {
    "a key of another projection": (
        lambda it: it.parked.save(parked(projection_id="q")),
        "parked is a key of projection 'p', found one of 'q'",
    ),
    "position 0": (
        lambda it: it.parked.save(parked(position=0)),
        "position is a whole number from 1 on, found 0",
    ),
    "attempts -1": (
        lambda it: it.parked.save(parked(attempts=-1)),
        "attempts is a whole number from 0 on, found -1",
    ),
    "delay -1": (
        lambda it: it.parked.save(parked(delay=-1)),
        "delay is a finite number of seconds from 0 on, or None; found -1",
    ),
    "no number of seconds": (
        lambda it: it.parked.save(parked(delay=float("nan"))),
        "delay is a finite number of seconds from 0 on, or None; found nan",
    ),
    "since without an offset": (
        lambda it: it.parked.save(parked(since=NAIVE)),
        "since is a time with an offset, best UTC; found",
    ),
    "failed_at without an offset": (
        lambda it: it.parked.save(parked(failed_at=NAIVE)),
        "failed_at is a time with an offset, best UTC; found",
    ),
    "discarded at a time without an offset": (
        lambda it: it.parked.discard("a", "why", NAIVE),
        "at is a time with an offset, best UTC; found",
    ),
    "answer": (
        lambda it: it.parked.answer("a", "again"),  # type: ignore[arg-type] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
}
"""What a transaction refuses -> the call, and what it says."""


steps = st.sampled_from(["fail", "add", "add", "release", "discard", "answer", "clear"])
keys = st.sampled_from("abc")
numbers = st.integers(0, 12)


@dataclass
class KeptKey:
    """What there is of a key."""

    parked: ParkedKey
    positions: list[int]


class Kept:
    """Parked events of one projection, kept as simply as can be."""

    def __init__(self, projection_id: str) -> None:
        self.projection_id = projection_id
        self.keys: dict[str, KeptKey] = {}
        self.given_up: list[DiscardedEvent] = []
        self.newest = 0
        self.asked = 0

    async def change(
        self, transaction: ManagedTransaction, step: str, key: str, number: int
    ) -> None:
        """Do the same to a transaction and to this."""
        found = self.keys.get(key)
        match step:
            case "fail":
                await self._fail(transaction.parked, key, number)
            case "add" if found is not None:
                new = [self.newest + 1, self.newest + 2]
                self.newest = new[-1]
                found.positions += new
                await transaction.parked.add([(key, each) for each in reversed(new)])
            case "release":
                await transaction.parked.release(key, number)
                self._release(key, number)
            case "discard":
                count = await transaction.parked.discard(key, f"{number}", NOW)
                assert count == (0 if found is None else len(found.positions))
                self._discard(key, f"{number}")
            case "answer":
                request: KeyRequest = "retry" if number % 2 else "discard"
                await transaction.parked.answer(key, request)
                if found is not None and found.parked.request == request:
                    found.parked = replace(found.parked, request=None, reason=None)
            case "clear" if number == 0:
                await transaction.parked.clear()
                self.keys.clear()
                self.given_up.clear()
            case _:
                pass

    async def ask(self, store: ManagedStateStore, key: str) -> None:
        """Make a request, each time another one."""
        self.asked += 1
        request: KeyRequest = "retry" if self.asked % 3 else "discard"
        reason = f"{self.asked}" if self.asked % 2 else None
        await store.request(self.projection_id, key, request, reason)
        found = self.keys[key]
        found.parked = replace(found.parked, request=request, reason=reason)

    def listed(self) -> list[ParkedKey]:
        found = [replace(each.parked, events=len(each.positions)) for each in self.keys.values()]
        return sorted(found, key=lambda each: each.position)

    def between(self, first: int) -> ParkedKey | None:
        """Return the key of the first event at this position or the next."""
        for position in (first, first + 1):
            for each in self.keys.values():
                if position in each.positions:
                    return replace(each.parked, events=len(each.positions))
        return None

    async def _fail(self, events: ParkedEvents, key: str, number: int) -> None:
        if (found := self.keys.get(key)) is None:
            self.newest += 1
            new = parked(key, self.newest, projection_id=self.projection_id, attempts=number)
            self.keys[key] = KeptKey(new, [self.newest])
            await events.save(new)
            await events.add([(key, self.newest)])
        else:
            saved = replace(found.parked, attempts=number, delay=number or None)
            found.parked = saved
            await events.save(replace(saved, request="discard", reason="ignored"))

    def _release(self, key: str, through: int) -> None:
        if (found := self.keys.get(key)) is None:
            return
        found.positions = [each for each in found.positions if each > through]
        if found.positions:
            first = found.positions[0]
            found.parked = replace(found.parked, position=first, attempts=0, delay=0)
        else:
            del self.keys[key]

    def _discard(self, key: str, reason: str) -> None:
        if (found := self.keys.pop(key, None)) is None:
            return
        self.given_up += [
            DiscardedEvent(
                projection_id=self.projection_id, key=key, position=each, reason=reason,
                discarded_at=NOW,
            )
            for each in found.positions
        ]  # fmt: skip
        self.given_up.sort(key=lambda each: each.position)


class ManagedStateStoreConformance:
    """What every managed state store promises, whatever it is made of."""

    cannot: ClassVar[dict[str, str]] = {}
    """Test name -> reason, for promises that this store does not make."""

    @pytest.fixture
    def store(self) -> ManagedStateStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    @pytest.fixture
    def rival(self, store: ManagedStateStore) -> ManagedStateStore:
        """A second handle on the same storage, as another process would hold."""
        return store

    @pytest.fixture(autouse=True)
    def _skip_what_it_cannot_do(self, request: pytest.FixtureRequest) -> None:
        assert all(hasattr(self, test) for test in self.cannot), "unknown name in `cannot`"
        if request.node.originalname in self.cannot:
            pytest.skip(self.cannot[request.node.originalname])

    def test_it_is_known_by_what_it_can_do(self, store: ManagedStateStore) -> None:
        assert isinstance(store, ManagedStateStore)

    async def test_of_a_projection_nobody_heard_of_nothing_is_known(
        self, store: ManagedStateStore
    ) -> None:
        async with store.transaction("p") as transaction:
            assert list(await transaction.parked.keys()) == []

        assert list(await store.parked_keys("p")) == []
        assert list(await store.parked_positions("p", "k")) == []
        assert await store.parked_between("p", 1, ALL) is None
        assert list(await store.discarded_events("p")) == []
        assert await store.desired_status("p") == "running"
        assert await store.lease("p") is None

    # keys that are set aside

    async def test_every_field_of_a_key_comes_back(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        saved = [
            parked("one", 2**53 + 1, attempts=2**40, error="", delay=86400.25),
            parked("two", 2**53 + 3, attempts=0, error="x" * 4000, delay=None),
            parked("three", 2**53 + 5, since=LATER, failed_at=NOW, delay=0),
        ]
        async with store.transaction("p") as transaction:
            for each in saved:
                await transaction.parked.save(each)
                await transaction.parked.add([(each.key, each.position)])

        for reader in (store, rival):
            found = await reader.parked_keys("p")
            assert list(found) == saved
            assert [each.status for each in found] == ["retrying", "parked", "retrying"]

    async def test_times_are_in_utc_and_keep_their_microseconds(
        self, store: ManagedStateStore
    ) -> None:
        zone = timezone(timedelta(hours=5, minutes=30))
        times = [datetime(1, 1, 2, tzinfo=zone), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)]
        async with store.transaction("p") as transaction:
            for position, each in enumerate([*times, NOW.astimezone(zone)], 1):
                key = parked(str(each), position, since=each, failed_at=each)
                await transaction.parked.save(key)
                await transaction.parked.add([(key.key, position), (key.key, position + 10)])
            before = await transaction.parked.keys()
            await transaction.parked.discard(str(times[0]), "why", LATER.astimezone(zone))

        found = await store.parked_keys("p")
        (first, _) = await store.discarded_events("p")
        assert [(each.since, each.failed_at) for each in before] == [
            (each, each) for each in (*times, NOW)
        ]
        assert [each.since for each in found] == [times[1], NOW]
        assert first.discarded_at == LATER
        read = [*before, *found]
        for each in (
            first.discarded_at,
            *(time for key in read for time in (key.since, key.failed_at)),
        ):
            assert each.tzinfo is UTC

    async def test_events_are_counted_whatever_was_said_of_them(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2, 3, events=99)
        assert (await only(store)).events == 3

        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked(events=1))
            await transaction.parked.add([("k", 4)])
            (seen,) = await transaction.parked.keys()
            assert seen.events == 4

        assert (await only(store)).events == 4

    async def test_a_key_that_is_saved_again_keeps_its_events_and_its_request(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2)
        await set_aside(store, "other", 5)
        await store.request("p", "k", "discard", "why")
        new = parked(since=LATER, attempts=2, error="KeyError", failed_at=NOW, delay=None)

        async with store.transaction("p") as transaction:
            await transaction.parked.save(new)

        (first, other) = await store.parked_keys("p")
        assert first == replace(new, events=2, request="discard", reason="why")
        assert other == parked("other", 5)
        assert await positions(store) == [1, 2]

    async def test_nothing_is_asked_for_by_saving_a_key(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1, request="retry", reason="why")
        assert await only(store) == parked()

        await store.request("p", "k", "retry")
        await set_aside(store, "k", 1, request="discard", reason="why")

        assert await only(store) == parked(request="retry")

    async def test_keys_are_listed_by_the_positions_of_their_first_events(
        self, store: ManagedStateStore
    ) -> None:
        for key, position in (("b", 10), ("c", 9), ("a", 100), ("d", 1)):
            await set_aside(store, key, position, position + 1000)

        assert await names(store) == ["d", "c", "b", "a"]
        async with store.transaction("p") as transaction:
            await transaction.parked.release("d", 1)
            assert [each.key for each in await transaction.parked.keys()] == ["c", "b", "a", "d"]

    @pytest.mark.parametrize("collection", [list, tuple, set, dict.fromkeys])
    async def test_events_are_listed_by_position_however_they_were_added(
        self, store: ManagedStateStore, collection: Callable[[Any], Any]
    ) -> None:
        events = [("k", each) for each in (30, 4, 200, 5)]
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked(position=4))
            await transaction.parked.add(collection(events[:2]))
            await transaction.parked.add(collection(events[2:]))
            await transaction.parked.add(collection([]))

        assert await positions(store) == [4, 5, 30, 200]
        assert (await only(store)).events == 4

    async def test_who_adds_events_may_change_their_list_afterwards(
        self, store: ManagedStateStore
    ) -> None:
        events = [("k", 1)]
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked())
            await transaction.parked.add(events)
            events[:] = [("k", 2), ("unknown", 3)]

        assert await positions(store) == [1]

    async def test_an_event_that_is_added_again_stays_once(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1, 2, 2)

        await set_aside(store, "k", 1, 2, 3)

        assert await positions(store) == [1, 2, 3]
        assert (await only(store)).events == 3

    async def test_events_are_added_to_keys_that_are_saved_only(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        await set_aside(store, "theirs", 7, projection_id="q")
        before = await everything(store)

        for key in ("new", "gone", "theirs"):
            with pytest.raises(NotParked, match=f"'p'.* {key!r} aside"):  # noqa: PT012 - a batch
                async with store.transaction("p") as transaction:
                    await transaction.parked.save(parked("good", 8))
                    await transaction.parked.add([("good", 8), (key, 9)])

        assert await everything(store) == before

    async def test_a_key_with_thousands_of_events_is_read_in_slices(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        expected = list(range(1, 15_001, 3))
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked())
            await transaction.parked.save(parked("other", 2))
            for start in range(0, 5000, 1000):
                await transaction.parked.add([("k", e) for e in expected[start : start + 1000]])
                await transaction.parked.add(
                    [("other", e + 1) for e in expected[start : start + 2]]
                )

        read: list[int] = []
        while found := await rival.parked_positions(
            "p", "k", after_position=read[-1] if read else 0, limit=700
        ):
            assert len(found) == min(700, 5000 - len(read))
            read += found
        assert read == expected
        assert [each.events for each in await rival.parked_keys("p")] == [5000, 10]
        async with store.transaction("p") as transaction:
            await transaction.parked.release("k", expected[2499])
        assert await positions(rival) == expected[2500:]
        async with store.transaction("p") as transaction:
            assert await transaction.parked.discard("k", "why", NOW) == 2500
        assert await discarded(rival) == expected[2500:]

    async def test_after_a_position_is_exclusive_and_a_limit_is_the_most(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 4, 6)

        async def listed(after_position: int, limit: int) -> list[int]:
            return list(
                await store.parked_positions("p", "k", after_position=after_position, limit=limit)
            )

        assert await listed(0, 1) == [2]
        assert await listed(1, 2) == [2, 4]
        assert await listed(2, 2) == [4, 6]
        assert await listed(3, 3) == [4, 6]
        assert await listed(6, 1) == []
        assert await listed(0, 2**70) == [2, 4, 6]
        assert await listed(2**70, 1) == []

    async def test_without_a_limit_a_thousand_are_listed(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", *range(1, 1003))
        assert list(await store.parked_positions("p", "k")) == list(range(1, 1001))

        async with store.transaction("p") as transaction:
            await transaction.parked.discard("k", "why", NOW)

        found = await store.discarded_events("p")
        assert [each.position for each in found] == list(range(1, 1001))

    async def test_keys_and_projections_may_have_any_name(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for number, text in enumerate(TEXTS, 1):
            await set_aside(store, text, number, number + 100)
            if text:
                await set_aside(store, "k", number, projection_id=text, error=text)
                await store.set_desired_status(text, "paused")
                await taken(store, holder=text, projection_id=text)

        assert await names(rival) == TEXTS
        for number, text in enumerate(TEXTS, 1):
            assert await positions(rival, text) == [number, number + 100]
            assert await rival.parked_between("p", number, number) == parked(text, number, events=2)
            await rival.request("p", text, "discard", text)
            async with store.transaction("p") as transaction:
                assert await transaction.parked.discard(text, text, NOW) == 2
            assert await names(rival) == TEXTS[number:]
        for number, text in enumerate(TEXTS, 1):
            if text:
                found = await only(rival, text)
                assert found == parked("k", number, projection_id=text, error=text)
                assert await rival.lease(text) == lease_of(text, holder=text)
        given_up = await rival.discarded_events("p", limit=len(TEXTS))
        assert [(each.key, each.reason) for each in given_up] == [(each, each) for each in TEXTS]

    async def test_projections_do_not_share_what_they_set_aside(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store, "q")

        for work in CHANGES.values():
            async with store.transaction("p") as transaction:
                await work(transaction)
                await transaction.parked.save(parked("a", 1))
                await transaction.parked.add([("a", each) for each in (1, 3, 5)])
            await store.request("p", "a", "discard", "why")

        assert await everything(store, "q") == before

    async def test_a_key_may_be_set_aside_by_several_projections(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2)
        await set_aside(store, "k", 2, 3, 4, projection_id="q", error="another")

        assert await only(store) == parked(events=2)
        assert await only(store, "q") == parked(
            "k", 2, projection_id="q", error="another", events=3
        )
        assert await positions(store, "k", "q") == [2, 3, 4]

    # release

    async def test_what_is_left_of_a_key_begins_anew_with_its_first_event(
        self, store: ManagedStateStore
    ) -> None:
        others = [parked("other", 1, attempts=4, events=3), parked("third", 7, delay=None)]
        await set_aside(store, "other", 1, 3, 5, attempts=4)
        await set_aside(store, "third", 7, delay=None)
        for delay in (5.0, None):
            await set_aside(store, "k", 2, 4, 6, 8, attempts=7, delay=delay)
            await store.request("p", "k", "discard", "why")

            async with store.transaction("p") as transaction:
                await transaction.parked.release("k", 4)
                seen = await transaction.parked.keys()

            left = parked("k", 6, attempts=0, delay=0, events=2, request="discard", reason="why")
            assert list(seen) == [others[0], left, others[1]]
            assert list(await store.parked_keys("p")) == list(seen)
            assert left.is_due(left.failed_at)
            assert await positions(store) == [6, 8]
            assert await positions(store, "other") == [1, 3, 5]

    async def test_events_are_released_up_to_a_position_inclusive(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 4, 6, 8)

        for through, left in ((1, [2, 4, 6, 8]), (3, [4, 6, 8]), (6, [8]), (7, [8])):
            async with store.transaction("p") as transaction:
                await transaction.parked.release("k", through)
            assert await positions(store) == left
            assert (await only(store)).events == len(left)
            assert (await only(store)).position == left[0]

    @pytest.mark.parametrize("through", [8, 9, 2**53])
    async def test_a_key_is_forgotten_with_its_last_event(
        self, store: ManagedStateStore, through: int
    ) -> None:
        await set_aside(store, "k", 2, 8)
        await set_aside(store, "other", 3, 9)
        await store.request("p", "k", "discard", "why")

        async with store.transaction("p") as transaction:
            await transaction.parked.release("k", through)
            assert [each.key for each in await transaction.parked.keys()] == ["other"]

        assert await names(store) == ["other"]
        assert await positions(store) == []
        assert await positions(store, "other") == [3, 9]
        assert await discarded(store) == []
        await set_aside(store, "k", 5)
        assert (await store.parked_keys("p"))[1] == parked("k", 5)

    async def test_to_release_what_is_not_set_aside_changes_nothing(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store)

        async with store.transaction("p") as transaction:
            await transaction.parked.release("unknown", ALL)
            await transaction.parked.release("gone", ALL)
            await transaction.parked.answer("unknown", "retry")
            assert await transaction.parked.discard("unknown", "why", NOW) == 0
            assert await transaction.parked.discard("gone", "why", NOW) == 0

        assert await everything(store) == before

    # discard

    async def test_events_that_are_given_up_are_listed_with_the_reason(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 8)
        await set_aside(store, "other", 3, 9)
        await store.request("p", "k", "discard", "asked")

        async with store.transaction("p") as transaction:
            assert await transaction.parked.discard("k", "broken \U0001f382", LATER) == 2
            assert [each.key for each in await transaction.parked.keys()] == ["other"]

        assert await names(store) == ["other"]
        assert await positions(store) == []
        assert list(await rival.discarded_events("p")) == [
            DiscardedEvent(
                projection_id="p", key="k", position=each, reason="broken \U0001f382",
                discarded_at=LATER,
            )
            for each in (2, 8)
        ]  # fmt: skip

    async def test_a_key_that_was_given_up_may_be_set_aside_anew(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2)
        await store.request("p", "k", "discard", "why")
        async with store.transaction("p") as transaction:
            await transaction.parked.discard("k", "why", NOW)

        await set_aside(store, "k", 5, 6)

        assert await only(store) == parked("k", 5, events=2)
        assert await positions(store) == [5, 6]
        assert await discarded(store) == [2]

    async def test_events_that_were_given_up_are_listed_by_position_in_slices(
        self, store: ManagedStateStore
    ) -> None:
        for key, given_up in (("b", (5, 30)), ("a", (4, 200)), ("c", (1, 6))):
            await set_aside(store, key, *given_up)
            async with store.transaction("p") as transaction:
                await transaction.parked.discard(key, key, NOW)

        async def listed(after_position: int, limit: int) -> list[int]:
            found = await store.discarded_events("p", after_position=after_position, limit=limit)
            return [each.position for each in found]

        assert await listed(0, ALL) == [1, 4, 5, 6, 30, 200]
        assert await listed(0, 2) == [1, 4]
        assert await listed(4, 2) == [5, 6]
        assert await listed(199, 2**70) == [200]
        assert await listed(200, 1) == []
        assert await listed(2**70, 1) == []

    # clear

    async def test_all_that_one_projection_has_set_aside_or_given_up_is_forgotten(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        others, lease = await everything(store, "q"), await store.lease("p")

        async with store.transaction("p") as transaction:
            await transaction.parked.clear()
            assert list(await transaction.parked.keys()) == []

        assert list(await store.parked_keys("p")) == []
        for key in ("a", "b", "gone"):
            assert await positions(store, key) == []
        assert await store.parked_between("p", 0, ALL) is None
        assert await discarded(store) == []
        assert await everything(store, "q") == others
        assert await store.desired_status("p") == "paused"
        assert await store.lease("p") == lease
        assert await store.load_state("p") == (await store.load_state("p"))
        await set_aside(store, "a", 2)
        assert await only(store) == parked("a", 2)

    # the events of an append

    async def test_the_first_event_that_is_set_aside_in_a_range_tells_its_key(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 10, 40, attempts=3)
        await set_aside(store, "b", 20, 30, delay=None)
        await set_aside(store, "theirs", 15, projection_id="q")
        await store.request("p", "b", "retry")
        a = parked("a", 10, attempts=3, events=2)
        b = parked("b", 20, delay=None, events=2, request="retry")

        ranges = {
            (1, 9): None, (1, 10): a, (10, 10): a, (10, 40): a, (11, 19): None, (11, 20): b,
            (20, 20): b, (20, 40): b, (25, 100): b, (30, 30): b, (31, 39): None, (31, 40): a,
            (40, 40): a, (41, 2**63 - 1): None, (40, 10): None, (15, 15): None,
        }  # fmt: skip
        for (first, last), expected in ranges.items():
            found = await store.parked_between("p", first, last)
            assert found == expected, (first, last)

    async def test_an_event_that_is_no_longer_set_aside_is_in_no_range(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 10, 40)
        await set_aside(store, "b", 20, 30)

        async with store.transaction("p") as transaction:
            await transaction.parked.release("a", 10)
            await transaction.parked.discard("b", "why", NOW)

        assert await store.parked_between("p", 1, 39) is None
        assert await store.parked_between("p", 1, 40) == await only(store)

    # transactions

    @pytest.mark.parametrize("change", CHANGES)
    async def test_only_the_transaction_sees_what_it_does_before_it_commits(
        self, store: ManagedStateStore, rival: ManagedStateStore, change: str
    ) -> None:
        await prepare(store)
        before = await everything(rival)

        async with store.transaction("p") as transaction:
            keys = list(await transaction.parked.keys())
            await CHANGES[change](transaction)
            seen = list(await transaction.parked.keys())
            assert seen != keys
            assert await everything(rival) == before
            assert await everything(store) == before

        assert await everything(rival) != before
        assert list(await rival.parked_keys("p")) == seen

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("error", [Undone(), asyncio.CancelledError()], ids=["error", "cancel"])
    async def test_a_transaction_that_raises_leaves_nothing(
        self,
        store: ManagedStateStore,
        rival: ManagedStateStore,
        change: str,
        error: BaseException,
    ) -> None:
        await prepare(store)
        before = await everything(store)

        with pytest.raises(type(error)):  # noqa: PT012 - the batch's end is part of it
            async with store.transaction("p") as transaction:
                await CHANGES[change](transaction)
                await transaction.save_state(state(4), replacing=3)
                raise error

        assert await everything(store) == before
        assert await everything(rival) == before

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("replacing", [None, 2, 4])
    async def test_a_conflict_of_states_leaves_nothing(
        self, store: ManagedStateStore, change: str, replacing: int | None
    ) -> None:
        await prepare(store)
        before = await everything(store)

        with pytest.raises(StateConflict):  # noqa: PT012 - the batch's end is part of it
            async with store.transaction("p") as transaction:
                await CHANGES[change](transaction)
                await transaction.save_state(state(9), replacing=replacing)

        assert await everything(store) == before

    async def test_of_two_batches_that_start_from_one_state_one_sets_its_event_aside(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        async def batch(handle: ManagedStateStore, number: int, replacing: int | None) -> None:
            async with handle.transaction("p") as transaction:
                await asyncio.sleep(0)
                position = 10 * (0 if replacing is None else replacing) + number
                await save_and_add(transaction, f"k{position}", position)
                revision = 1 if replacing is None else replacing + 1
                await transaction.save_state(state(revision), replacing=replacing)

        for round_ in range(5):
            replacing = round_ or None
            batches = [batch(store, 1, replacing), batch(rival, 2, replacing)]
            outcomes = await asyncio.gather(*batches, return_exceptions=True)
            assert sum(isinstance(each, StateConflict) for each in outcomes) == 1, outcomes
            assert sum(each is None for each in outcomes) == 1, outcomes
            assert len(await names(store)) == round_ + 1

    async def test_events_and_the_state_they_belong_to_are_seen_together(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        last = 30

        async def work() -> None:
            for revision in range(1, last + 1):
                async with store.transaction("p") as transaction:
                    await save_and_add(transaction, "k", revision)
                    await asyncio.sleep(0)
                    replacing = None if revision == 1 else revision - 1
                    await transaction.save_state(state(revision), replacing=replacing)
                await asyncio.sleep(0)

        async def revision() -> int:
            found = await rival.load_state("p")
            return 0 if found is None else found.revision

        async def watch() -> None:
            while await revision() < last:
                first = await revision()
                events = len(await positions(rival))
                assert first <= events <= await revision()
                await asyncio.sleep(0)

        await asyncio.gather(work(), watch())

    async def test_many_changes_of_one_transaction_follow_each_other(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await prepare(store)

        async with store.transaction("p") as transaction:
            events = transaction.parked
            await events.clear()
            await events.save(parked("a", 1))
            await events.add([("a", 1), ("a", 2), ("a", 3)])
            await events.release("a", 1)
            await events.save(parked("b", 4, delay=None))
            await events.add([("b", 4), ("b", 5)])
            assert await events.discard("b", "why", NOW) == 2
            await events.save(parked("b", 6))
            await events.add([("b", 6), ("a", 7)])
            await events.save(parked("a", 2, attempts=5))
            await events.release("b", 6)

        assert await only(rival) == parked("a", 2, attempts=5, events=3)
        assert await positions(rival, "a") == [2, 3, 7]
        assert await discarded(rival) == [4, 5]

    # requests

    async def test_a_request_is_seen_by_who_runs_the_projection(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 1, 3, delay=None)
        await set_aside(store, "b", 2)

        await rival.request("p", "a", "retry")
        await rival.request("p", "b", "discard", "why \U0001f382")

        a = parked("a", 1, delay=None, events=2, request="retry")
        b = parked("b", 2, request="discard", reason="why \U0001f382")
        async with store.transaction("p") as transaction:
            assert list(await transaction.parked.keys()) == [a, b]
        assert list(await store.parked_keys("p")) == [a, b]
        assert await store.parked_between("p", 2, 2) == b

    async def test_the_last_request_is_the_one_that_counts(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1)

        await store.request("p", "k", "discard", "why")
        await store.request("p", "k", "discard", "why not")
        assert await only(store) == parked(request="discard", reason="why not")

        await store.request("p", "k", "retry")
        assert await only(store) == parked(request="retry")

    async def test_nothing_can_be_asked_for_a_key_that_is_not_set_aside(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        await set_aside(store, "released", 7)
        await set_aside(store, "theirs", 7, projection_id="q")
        async with store.transaction("p") as transaction:
            await transaction.parked.release("released", 7)
        before = await everything(store)

        for key in ("unknown", "gone", "released", "theirs"):
            for request in ("retry", "discard"):
                with pytest.raises(NotParked, match=f"'p' has set no event.* {key!r} aside"):
                    await store.request("p", key, request)  # type: ignore[arg-type] - of two texts
        async with store.transaction("p") as transaction:
            await transaction.parked.clear()
        with pytest.raises(NotParked):
            await store.request("p", "a", "retry")

        assert await everything(store, "q") == before[len(before) // 2 :]

    async def test_a_request_that_was_met_is_forgotten_with_its_reason(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2, attempts=4)
        await set_aside(store, "other", 3)
        for request in ("retry", "discard"):
            await store.request("p", "k", request, "why")  # type: ignore[arg-type] - of two texts
            await store.request("p", "other", request, "why")  # type: ignore[arg-type] - the same

            async with store.transaction("p") as transaction:
                await transaction.parked.answer("k", request)  # type: ignore[arg-type] - the same

            (first, other) = await store.parked_keys("p")
            assert first == parked(attempts=4, events=2)
            assert other == parked("other", 3, request=request, reason="why")

    async def test_a_request_that_was_made_meanwhile_stays(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)
        await store.request("p", "k", "retry")
        met = (await only(store)).request
        assert met is not None

        await rival.request("p", "k", "discard", "why")
        async with store.transaction("p") as transaction:
            await transaction.parked.answer("k", met)

        assert await only(store) == parked(request="discard", reason="why")

    async def test_an_answer_to_nothing_changes_nothing(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1)

        async with store.transaction("p") as transaction:
            await transaction.parked.answer("k", "retry")

        assert await only(store) == parked()

    async def test_an_answer_and_another_request_at_once_leave_that_request(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)

        async def answer() -> None:
            async with store.transaction("p") as transaction:
                await transaction.parked.keys()
                await asyncio.sleep(0)
                await transaction.parked.answer("k", "retry")
                await asyncio.sleep(0)

        for turns in range(6):
            await store.request("p", "k", "retry")
            asked = after(turns, rival.request("p", "k", "discard", f"{turns}"))
            await asyncio.gather(answer(), asked)
            assert await only(store) == parked(request="discard", reason=f"{turns}")

    async def test_a_request_that_comes_while_a_batch_saves_its_key_is_not_lost(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)

        async def fail_again(attempts: int) -> None:
            async with store.transaction("p") as transaction:
                (known,) = await transaction.parked.keys()
                await asyncio.sleep(0)
                await transaction.parked.save(replace(known, attempts=attempts))
                await asyncio.sleep(0)

        for turns in range(6):
            asked = after(turns, rival.request("p", "k", "retry", f"{turns}"))
            await asyncio.gather(fail_again(turns), asked)
            assert await only(store) == parked(attempts=turns, request="retry", reason=f"{turns}")

    # what a projection is to do

    async def test_a_projection_is_to_run_until_somebody_says_otherwise(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for status in ("paused", "paused", "running", "paused"):
            await store.set_desired_status("p", status)  # type: ignore[arg-type] - of two texts

            assert await store.desired_status("p") == status
            assert await rival.desired_status("p") == status
            assert await store.desired_status("q") == "running"

    async def test_what_a_projection_is_to_do_is_said_of_it_alone(
        self, store: ManagedStateStore
    ) -> None:
        await store.set_desired_status("p", "paused")
        await store.set_desired_status("q", "paused")
        await store.set_desired_status("q", "running")

        assert await store.desired_status("p") == "paused"
        assert await store.desired_status("q") == "running"
        assert await store.load_state("p") is None

    async def test_a_state_that_is_saved_leaves_the_rest_as_it_is(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store)

        await store.save_state(state(4))
        async with store.transaction("p") as transaction:
            await transaction.save_state(state(5), replacing=4)

        assert [each for each in await everything(store) if each not in before] == [
            await store.load_state("p")
        ]
        assert await store.desired_status("p") == "paused"
        assert await store.lease("p") == lease_of("p")

    # leases

    async def test_the_first_lease_has_the_first_token(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        lease = await store.take_lease("p", "host \U0001f382", 0.25, seen=None)

        assert lease == lease_of("p", holder="host \U0001f382", seconds=0.25)
        assert await store.lease("p") == lease
        assert await rival.lease("p") == lease

    async def test_leases_of_projections_have_nothing_to_do_with_each_other(
        self, store: ManagedStateStore
    ) -> None:
        first = await taken(store)
        assert await store.lease("q") is None

        second = await taken(store, "two", "q")
        await store.renew_lease(first)
        await taken(store, "three")

        assert second == lease_of("q", holder="two")
        assert await store.lease("q") == second
        await store.release_lease(second)
        assert await store.lease("p") == lease_of("p", holder="three", token=2)

    async def test_a_lease_is_taken_from_its_holder_as_it_was_seen(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        first = await taken(store)
        await store.renew_lease(first)

        seen = await rival.lease("p")
        second = await rival.take_lease("p", "two", 20, seen=seen)

        assert second == lease_of("p", holder="two", token=2, seconds=20)
        assert await store.lease("p") == second

    async def test_a_holder_may_take_its_own_lease_anew(self, store: ManagedStateStore) -> None:
        first = await taken(store)

        second = await store.take_lease("p", "one", 10, seen=first)

        assert second == lease_of("p", token=2)
        assert await store.renew_lease(first) is None

    async def test_a_lease_that_is_not_as_it_was_seen_is_not_taken(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        async def refused(seen: Lease | None) -> None:
            before = await rival.lease("p")
            assert await rival.take_lease("p", "late", 10, seen=seen) is None
            assert await rival.lease("p") == before

        await refused(lease_of("p"))
        first = await taken(store)
        await refused(None)
        renewed = await store.renew_lease(first)
        await refused(first)
        await refused(None)
        await store.release_lease(first)
        await refused(first)
        await refused(renewed)
        await refused(None)
        released = await store.lease("p")
        second = await taken(store, "two")
        await refused(released)
        await refused(replace(second, token=1))
        await refused(replace(second, holder="one"))
        await refused(replace(second, beat=1))

    async def test_of_several_that_want_a_lease_exactly_one_gets_it(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for round_ in range(20):
            seen = await store.lease("p")
            leases = await asyncio.gather(
                *(
                    handle.take_lease("p", f"{number}", 10, seen=seen)
                    for number, handle in enumerate((store, rival) * 3)
                )
            )
            (won,) = [each for each in leases if each is not None]
            assert won.token == round_ + 1
            assert await store.lease("p") == await rival.lease("p") == won

    async def test_of_who_renews_a_lease_and_who_takes_it_exactly_one_has_it(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        held = await taken(store)
        for round_ in range(20):
            both = [store.renew_lease(held), rival.take_lease("p", "other", 10, seen=held)]
            leases = await asyncio.gather(*(both if round_ % 2 else reversed(both)))
            (held,) = [each for each in leases if each is not None]
            assert await rival.lease("p") == held

    async def test_a_lease_is_renewed_as_often_as_its_holder_likes(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        lease = first = await taken(store)
        for beat in range(1, 4):
            renewed = await store.renew_lease(lease)
            assert renewed is not None
            assert renewed == replace(first, beat=beat)
            lease = renewed
            assert await rival.lease("p") == lease

    async def test_a_holder_that_missed_an_answer_renews_its_lease_nonetheless(
        self, store: ManagedStateStore
    ) -> None:
        first = await taken(store)
        await store.renew_lease(first)

        assert await store.renew_lease(first) == replace(first, beat=2)
        assert await store.lease("p") == replace(first, beat=2)

    async def test_a_lease_that_was_lost_is_not_renewed(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        first = await taken(store)
        renewed = await store.renew_lease(first)
        assert renewed is not None
        for holder in ("two", "one"):
            won = await taken(rival, holder)
            for lost in (first, renewed, replace(won, token=won.token - 1)):
                assert await store.renew_lease(lost) is None
            assert await store.lease("p") == won

    async def test_a_lease_that_nobody_had_is_not_renewed(self, store: ManagedStateStore) -> None:
        assert await store.renew_lease(lease_of("p")) is None
        assert await store.lease("p") is None

        second = await taken(store, "two")

        assert await store.renew_lease(lease_of("p", holder="one")) is None
        assert await store.renew_lease(lease_of("p", holder="two", token=2)) is None
        assert await store.lease("p") == second

    async def test_a_lease_that_was_given_back_is_taken_at_once_with_a_higher_token(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for token in range(1, 5):
            held = await taken(store, f"{token}")
            assert held.token == token
            if token % 2:
                await store.renew_lease(held)

            await store.release_lease(held)

            free = await rival.lease("p")
            assert free is not None
            assert (free.holder, free.token) == ("", token)
            assert await store.renew_lease(held) is None
            assert await store.renew_lease(free) is None
            assert await rival.lease("p") == free

    async def test_a_lease_that_was_lost_is_not_given_back(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await store.release_lease(lease_of("p"))
        assert await store.lease("p") is None

        first = await taken(store)
        for holder in ("two", "one"):
            won = await taken(rival, holder)
            await store.release_lease(first)
            await store.release_lease(replace(won, holder="three"))
            await store.release_lease(replace(won, projection_id="q"))
            assert await store.lease("p") == won
        assert await store.lease("q") is None

        await rival.release_lease(won)
        free = await store.lease("p")
        await rival.release_lease(won)
        assert await store.lease("p") == free

    # everything together

    @settings(
        max_examples=60,
        suppress_health_check=[
            HealthCheck.differing_executors,
            HealthCheck.function_scoped_fixture,
        ],
        deadline=None,
    )
    @given(batches=st.lists(st.tuples(st.lists(st.tuples(steps, keys, numbers)), st.booleans())))
    async def test_whatever_batches_do_parked_events_are_a_dict(
        self,
        store: ManagedStateStore,
        rival: ManagedStateStore,
        batches: list[tuple[list[tuple[str, str, int]], bool]],
    ) -> None:
        name = str(uuid4())
        kept = Kept(name)
        for changes, fails in batches:
            before = deepcopy(kept)
            with suppress(Undone):
                async with store.transaction(name) as transaction:
                    for change in changes:
                        await kept.change(transaction, *change)
                        assert list(await transaction.parked.keys()) == kept.listed()
                    if fails:
                        raise Undone
            if fails:
                kept = before
            assert list(await rival.parked_keys(name)) == kept.listed()
            for key, found in kept.keys.items():
                assert await positions(store, key, name) == found.positions
                await kept.ask(rival, key)
            assert list(await rival.discarded_events(name)) == kept.given_up
            assert list(await store.parked_keys(name)) == kept.listed()
            for first in range(0, kept.newest + 2, 3):
                assert await store.parked_between(name, first, first + 1) == kept.between(first)

    # what is refused

    @pytest.mark.parametrize("wrong", WRONG)
    async def test_a_wrong_argument_is_refused_in_a_sentence(
        self, store: ManagedStateStore, wrong: str
    ) -> None:
        call, sentence = WRONG[wrong]
        await prepare(store)
        before = await everything(store)

        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
            await call(store)

        assert str(caught.value) == sentence
        assert isinstance(caught.value, OrchestrixError)
        assert await everything(store) == before

    @pytest.mark.parametrize("wrong", WRONG_INSIDE)
    async def test_a_wrong_argument_in_a_batch_is_refused_in_a_sentence(
        self, store: ManagedStateStore, wrong: str
    ) -> None:
        call, sentence = WRONG_INSIDE[wrong]
        await prepare(store)
        before = await everything(store)

        async with store.transaction("p") as transaction:
            with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
                await call(transaction)

        assert str(caught.value).startswith(sentence)
        assert isinstance(caught.value, OrchestrixError)
        assert await everything(store) == before

    @pytest.mark.parametrize("write", WRITES)
    async def test_a_change_of_its_own_inside_a_batch_is_refused_as_a_second_batch_is(
        self, store: ManagedStateStore, write: str
    ) -> None:
        await prepare(store)
        before = await everything(store)

        for outer in ("p", "q"):
            async with store.transaction(outer) as transaction:
                await transaction.parked.keys()
                with pytest.raises(BatchInsideBatch, match="'p'"):
                    await WRITES[write](store)
            assert await everything(store) == before
        async with store.transaction("p") as transaction:
            await transaction.parked.release("a", 1)
            with pytest.raises(BatchInsideBatch, match="'p'"):
                await WRITES[write](store)
            await transaction.parked.release("a", 3)

        assert await positions(store, "a") == [5]
        now = await everything(store)
        await WRITES[write](store)
        assert await everything(store) != now
