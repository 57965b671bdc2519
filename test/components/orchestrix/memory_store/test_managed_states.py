"""Parked events, leases and desired statuses in memory."""

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest

from orchestrix.memory_store import InMemoryProjections
from orchestrix.projection_state import Lease, NotParked, ProjectionState, StateConflict
from orchestrix.testing.conformance.managed_state_store import (
    ManagedStateStoreConformance,
    names,
    only,
    parked,
    positions,
    save_and_add,
    set_aside,
    state,
)


class TestManagedStatesInMemory(ManagedStateStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryProjections:
        return InMemoryProjections()


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that interrupt each other all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end in another thread, and so in another loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result(10)


async def test_what_others_do_while_a_batch_is_open_is_not_lost() -> None:
    store = InMemoryProjections()
    await set_aside(store, "k", 1)

    async def meanwhile() -> None:
        await store.request("p", "k", "discard", "why")
        await set_aside(store, "theirs", 2)

    async with store.transaction("p") as transaction:
        await transaction.parked.save(parked(attempts=2))
        await transaction.parked.answer("k", "retry")
        in_a_thread(meanwhile())
        (seen,) = await transaction.parked.keys()
        assert seen == parked(attempts=2), "as it was when the batch changed something first"

    assert list(await store.parked_keys("p")) == [
        parked(attempts=2, request="discard", reason="why"),
        parked("theirs", 2),
    ]


async def test_a_conflict_that_comes_while_committing_leaves_nothing_of_parked_events() -> None:
    store = InMemoryProjections()

    with pytest.raises(StateConflict):  # noqa: PT012 - the commit is part of it
        async with store.transaction("p") as transaction:
            await save_and_add(transaction, "k", 1)
            await transaction.save_state(state(1), replacing=None)
            in_a_thread(store.save_state(state(7)))

    assert await names(store) == []
    assert await store.load_state("p") is not None


async def test_a_key_that_others_released_while_it_got_an_event_leaves_nothing() -> None:
    store = InMemoryProjections()
    await set_aside(store, "k", 1)

    async def release() -> None:
        async with store.transaction("p") as transaction:
            await transaction.parked.release("k", 1)

    with pytest.raises(NotParked):  # noqa: PT012 - the commit is part of it
        async with store.transaction("p") as transaction:
            transaction.put(state(1))
            await transaction.parked.add([("k", 2)])
            in_a_thread(release())

    assert await names(store) == []
    assert await store.load_state("p") is None


async def test_a_task_that_outlives_its_batch_may_change_something() -> None:
    store, gate = InMemoryProjections(), asyncio.Event()

    async def later() -> None:
        await gate.wait()
        await store.request("p", "k", "retry")

    async with store.transaction("p") as transaction:
        task = asyncio.create_task(later())
        await save_and_add(transaction, "k", 1)
    gate.set()
    await task

    assert await only(store) == parked(request="retry")


async def test_batches_of_two_stores_may_be_inside_each_other() -> None:
    store, other = InMemoryProjections(), InMemoryProjections()

    async with store.transaction("p"):
        await other.set_desired_status("p", "paused")

    assert await other.desired_status("p") == "paused"
    assert await store.desired_status("p") == "running"


@pytest.mark.usefixtures("eager_threads")
def test_of_many_threads_that_want_a_lease_exactly_one_gets_it() -> None:
    store, threads = InMemoryProjections(), 8
    barrier = threading.Barrier(threads)

    async def take(holder: str) -> Lease | None:
        seen = await store.lease("p")
        barrier.wait(10)
        return await store.take_lease("p", holder, 10, seen=seen)

    with ThreadPoolExecutor(threads) as pool:
        for round_ in range(1, 50):
            leases = list(pool.map(lambda each: asyncio.run(take(str(each))), range(threads)))
            assert [each.token for each in leases if each is not None] == [round_]


@pytest.mark.usefixtures("eager_threads")
def test_what_many_threads_set_aside_is_all_there() -> None:
    store, threads, rounds = InMemoryProjections(), 6, 40

    async def work(thread: int) -> None:
        for round_ in range(rounds):
            position = 1 + thread * rounds + round_
            async with store.transaction("p") as transaction:
                await save_and_add(transaction, f"{thread}", position)
            await store.request("p", f"{thread}", "retry", f"{round_}")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda each: asyncio.run(work(each)), range(threads)))

    async def check() -> None:
        for each in await store.parked_keys("p"):
            assert (each.events, each.reason) == (rounds, f"{rounds - 1}")
        for thread in range(threads):
            expected = [1 + thread * rounds + round_ for round_ in range(rounds)]
            assert await positions(store, f"{thread}") == expected

    asyncio.run(check())


class _Overtaken(dict[str, Any]):
    """A dict of a store at which another thread begins to work when somebody looks at it."""

    def __init__(self, kept: dict[str, Any], work: Coroutine[Any, Any, Any]) -> None:
        super().__init__(kept)
        self.work: Coroutine[Any, Any, Any] | None = work

    def get(self, key: str, default: Any = None) -> Any:
        found = super().get(key, default)
        self.begin()
        return found

    def begin(self) -> None:
        if self.work is not None:
            self.pool, work, self.work = ThreadPoolExecutor(1), self.work, None
            self.begun = self.pool.submit(asyncio.run, work)
            wait([self.begun], timeout=0.05)  # it would be done by now, if it could

    def result(self) -> Any:
        """Return what the work returns."""
        with self.pool:
            return self.begun.result(10)


class _Looking(_Overtaken):
    """The same, when it has been changed."""

    def get(self, key: str, default: Any = None) -> Any:
        return dict.get(self, key, default)

    def __ior__(self, other: Any) -> "_Looking":  # type: ignore[override,misc] - one form of it
        self.update(other)
        self.begin()
        return self


async def test_who_sees_a_batchs_parked_events_sees_its_state() -> None:
    store = InMemoryProjections()

    async def look() -> tuple[list[str], ProjectionState | None]:
        return await names(store), await store.load_state("p")

    async with store.transaction("p") as transaction:
        await save_and_add(transaction, "k", 1)
        await transaction.save_state(state(0), replacing=None)
        looking = _Looking(store._contents.parked, look())
        store._contents.parked = looking

    assert looking.result() == (["k"], await store.load_state("p"))


async def test_of_two_requests_at_once_none_is_lost() -> None:
    store = InMemoryProjections()
    await set_aside(store, "a", 1)
    await set_aside(store, "b", 2)
    other = _Overtaken(store._contents.parked, store.request("p", "b", "retry"))
    store._contents.parked = other

    await store.request("p", "a", "retry")

    other.result()
    assert [each.request for each in await store.parked_keys("p")] == ["retry", "retry"]


async def test_a_request_that_comes_while_a_batch_commits_is_not_lost() -> None:
    store = InMemoryProjections()
    await set_aside(store, "k", 1)

    async with store.transaction("p") as transaction:
        await transaction.parked.save(parked(attempts=5))
        other = _Overtaken(store._contents.parked, store.request("p", "k", "retry"))
        store._contents.parked = other

    other.result()
    assert await only(store) == parked(attempts=5, request="retry")


async def test_of_two_threads_that_take_a_lease_at_once_one_gets_it() -> None:
    store = InMemoryProjections()
    other = _Overtaken({}, store.take_lease("p", "two", 10, seen=None))
    store._contents.leases = other

    mine = await store.take_lease("p", "one", 10, seen=None)

    assert [mine, other.result()].count(None) == 1


async def test_a_lease_is_not_renewed_while_it_is_taken_nor_given_back() -> None:
    for work in (InMemoryProjections.renew_lease, InMemoryProjections.release_lease):
        store = InMemoryProjections()
        held = await store.take_lease("p", "one", 10, seen=None)
        assert held is not None
        other = _Overtaken(store._contents.leases, store.take_lease("p", "two", 10, seen=held))
        store._contents.leases = other

        await work(store, held)

        taken, lease = other.result(), await store.lease("p")
        assert lease is not None
        assert (lease.token == 2) is (taken is not None)


async def test_a_key_that_was_read_is_a_value_that_never_changes() -> None:
    store = InMemoryProjections()
    await set_aside(store, "k", 1)
    keys, found = await store.parked_keys("p"), await store.parked_positions("p", "k")

    await set_aside(store, "k", 1, 2, attempts=9)
    await store.request("p", "k", "retry")

    assert list(keys) == [parked()]
    assert list(found) == [1]
    assert await only(store) == replace(parked(), attempts=9, events=2, request="retry")
