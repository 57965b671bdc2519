"""Tasks that wait for events which threads, other tasks and other loops append."""

import asyncio
import gc
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.testing.conformance.event_store import counted
from orchestrix.testing.conformance.waiting import LONG, SHORT, soon, waiting


@pytest.fixture
def log() -> InMemoryEventStore:
    return InMemoryEventStore()


@pytest.fixture
def store(log: InMemoryEventStore) -> InMemoryAsyncEventStore:
    return InMemoryAsyncEventStore(log)


class LoopsThatStopped:
    """Tasks that began to wait in loops which nobody will run again."""

    def __init__(self, store: InMemoryAsyncEventStore, count: int) -> None:
        self.tasks: list[Any] = []
        self.loops = [asyncio.new_event_loop() for _ in range(count)]
        for loop in self.loops:
            task: Any = loop.create_task(store.wait_for_events(0, LONG))
            task._log_destroy_pending = False  # that is what this is about
            loop.run_until_complete(asyncio.sleep(0))
            self.tasks.append(task)

    def close(self) -> None:
        for loop in self.loops:
            loop.close()

    def forget(self) -> None:
        self.tasks.clear()
        gc.collect()


def in_time(call: Callable[[], Any]) -> Any:
    """Make a call that may hang when it is wrong."""
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(call()), daemon=True)
    thread.start()
    thread.join(LONG)
    assert outcome, "it hung or failed"
    return outcome[0]


@pytest.mark.parametrize("seconds", [math.inf, 1e308, 10**400])
async def test_one_may_wait_longer_than_any_clock_counts(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore, seconds: float
) -> None:
    in_thread = asyncio.create_task(asyncio.to_thread(log.wait_for_events, 0, seconds))
    waiter = await waiting(store.wait_for_events(0, seconds))
    log.append("a", counted(1))

    assert await soon(waiter) is True
    assert await soon(in_thread) is True


async def test_a_sync_save_in_a_thread_wakes_waiting_tasks(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    others = InMemoryAsyncEventStore(log)
    waiters = [await waiting(each.wait_for_events(0, LONG)) for each in (store, others, store)]
    await asyncio.to_thread(log.save, "a", counted(1))

    assert await soon(asyncio.gather(*waiters)) == [True, True, True]
    assert await store.load("a") == log.load("a")


async def test_an_async_append_wakes_a_waiting_thread(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    waiter = await waiting(asyncio.to_thread(log.wait_for_events, 0, LONG))
    await store.append("a", counted(1))

    assert await soon(waiter) is True


async def test_an_append_wakes_tasks_of_other_loops(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    with ThreadPoolExecutor(2) as pool:
        others = [
            pool.submit(lambda: asyncio.run(store.wait_for_events(0, LONG))) for _ in range(2)
        ]
        mine = await waiting(store.wait_for_events(0, LONG))
        log.append("a", counted(1))

        assert [each.result(LONG) for each in others] == [True, True]
        assert await soon(mine) is True


async def test_only_the_event_waited_for_ends_the_wait(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    waiter = asyncio.create_task(store.wait_for_events(2, LONG))
    for number in range(2):
        await asyncio.wait([waiter], timeout=SHORT)
        log.append("a", counted(number))
    await asyncio.wait([waiter], timeout=SHORT)
    assert not waiter.done()
    log.append("a", counted(2))

    assert await soon(waiter) is True


async def test_an_append_between_looking_and_waiting_is_not_missed(
    log: InMemoryEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = InMemoryAsyncEventStore(log)
    look = log.head

    def look_and_be_overtaken() -> int:
        head = look()
        log.append("a", counted(head))
        return head

    monkeypatch.setattr(log, "head", look_and_be_overtaken)
    waiter = store.wait_for_events(0, 2 * LONG)

    assert await soon(waiter) is True


async def test_an_endless_wait_ends_with_an_event(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    waiters = [await waiting(store.wait_for_events(0, each)) for each in (1e300, float("inf"))]
    log.append("a", counted(1))

    assert await soon(asyncio.gather(*waiters)) == [True, True]


async def test_nothing_is_left_of_a_wait_that_is_over(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    cancelled = await waiting(store.wait_for_events(0, LONG))
    cancelled.cancel()
    await asyncio.wait([cancelled])
    await store.wait_for_events(0, SHORT)
    await store.wait_for_events(0, 0)
    woken = await waiting(store.wait_for_events(0, LONG))
    log.append("a", counted(1))
    await soon(woken)
    await store.wait_for_events(0, 0)

    assert log.log.watchers._watching == set()


async def test_a_thousand_appends_wake_a_waiter_once(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    wake, calls = loop.call_soon_threadsafe, list[Any]()

    def counting(*arguments: Any) -> Any:
        calls.append(arguments)
        return wake(*arguments)

    waiter = await waiting(store.wait_for_events(0, LONG))
    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    for number in range(1000):
        log.append("a", counted(number))

    assert await soon(waiter) is True
    assert len(calls) == 1


def test_a_waiter_whose_loop_is_closed_does_not_break_later_appends(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    stopped = LoopsThatStopped(store, 2)
    stopped.close()

    assert log.append("a", counted(1)).last_version == 0
    stopped.forget()
    assert log.append("a", counted(2)).last_version == 1
    assert asyncio.run(store.wait_for_events(1, 0)) is True


def test_a_waiter_collected_in_the_middle_of_an_append_does_not_break_it(
    log: InMemoryEventStore, store: InMemoryAsyncEventStore
) -> None:
    stopped = LoopsThatStopped(store, 3)
    for loop in stopped.loops:
        loop.call_soon_threadsafe = lambda *_, **__: stopped.forget()  # pyright: ignore[reportAttributeAccessIssue] - a stand-in for the collector
    result = in_time(lambda: log.append("a", counted(1)))
    stopped.close()

    assert result.last_version == 0
    assert log.append("a", counted(2)).last_version == 1
