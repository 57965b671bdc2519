"""The in-memory stores in many threads."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from orchestrix.eventsourcing import NO_STREAM, AppendResult, ConcurrencyError
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import RecordedEvent
from orchestrix.testing.conformance.event_store import Counted, counted
from orchestrix.testing.conformance.waiting import LONG, SHORT


class OvertakingClock:
    """Halts in the middle of the first append until a second gets there too, or cannot."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2, timeout=SHORT)

    def __call__(self) -> datetime:
        with suppress(threading.BrokenBarrierError):
            self._both.wait()
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def _threads_change_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def store() -> InMemoryEventStore:
    return InMemoryEventStore(clock=OvertakingClock())


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    """Make all calls at once; return what each returned or raised."""
    ready = threading.Barrier(len(calls), timeout=LONG)

    def make(call: Callable[[], Any]) -> Any:
        ready.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        work = [pool.submit(make, call) for call in calls]
    return [each.exception() or each.result() for each in work]


def write_threes(store: InMemoryEventStore, stream_id: str, rounds: int) -> list[AppendResult]:
    return [store.append(stream_id, counted(0, 1, 2)) for _ in range(rounds)]


def follow(store: InMemoryEventStore, count: int) -> list[RecordedEvent]:
    """Read the log to its `count`-th event, and see that no page shows half of anything."""
    seen: list[RecordedEvent] = []
    too_late = monotonic() + LONG
    while len(seen) < count:
        assert monotonic() < too_late, f"{count} events expected, saw {len(seen)}"
        page = store.read_all(after_position=len(seen), limit=999)
        numbers = [each.event.number for each in page.events if isinstance(each.event, Counted)]
        assert numbers == [0, 1, 2] * (len(numbers) // 3)
        if page.events:
            newest = page.events[-1]
            in_stream = store.read(newest.stream_id, from_version=newest.version - 2, limit=3)
            assert in_stream.events == page.events[-3:], "in the log, but not in its stream"
            assert store.head() >= newest.position
        seen += page.events
    return seen


def test_of_eight_threads_exactly_one_wins(store: InMemoryEventStore) -> None:
    def attempt() -> AppendResult:
        return store.append("a", counted(1), expected_version=NO_STREAM)

    outcomes = in_threads(*[attempt] * 8)

    assert sum(isinstance(each, ConcurrencyError) for each in outcomes) == 7, outcomes
    assert outcomes.count(AppendResult(0, 1, 1)) == 1
    assert len(store.load("a")) == 1


def test_of_eight_threads_that_repeat_an_append_one_writes(store: InMemoryEventStore) -> None:
    events = counted(1, 2)

    assert in_threads(*[lambda: store.append("a", events)] * 8) == [AppendResult(1, 2, 1)] * 8
    assert store.load("a") == events


@pytest.mark.parametrize("names", ["aaaaaaaa", "abcdefgh", "aabbccdd"])
def test_threads_leave_no_gaps(store: InMemoryEventStore, names: str) -> None:
    written = in_threads(*(lambda name=name: write_threes(store, name, 40) for name in names))
    log = store.read_all(limit=10_000).events

    results = sorted(result.last_position for results in written for result in results)
    assert results == list(range(3, 961, 3))
    assert [each.position for each in log] == list(range(1, 961))
    for name in set(names):
        stream = store.read(name, limit=10_000).events
        assert [each.version for each in stream] == list(range(120 * names.count(name)))
        assert list(stream) == [each for each in log if each.stream_id == name]
    assert all(left.recorded_at <= right.recorded_at for left, right in pairwise(log))


def test_readers_see_whole_appends_in_order_while_others_write(store: InMemoryEventStore) -> None:
    writers = [lambda name=name: write_threes(store, name, 200) for name in "aab"]
    readers = [lambda: follow(store, 1800)] * 3
    outcomes = in_threads(*writers, *readers)

    for seen in outcomes[3:]:
        assert seen == list(store.read_all(limit=10_000).events), seen


@pytest.mark.parametrize("which", ["stream", "log"])
def test_a_reader_in_the_middle_of_an_append_sees_none_of_it_or_all(which: str) -> None:
    """Two lists grow in an append; a reader who comes between them must wait for the second."""
    store = InMemoryEventStore()
    write_threes(store, "a", 1)
    in_the_middle, looked = threading.Event(), threading.Event()

    class Halting(list[RecordedEvent]):
        def extend(self, events: Any) -> None:
            in_the_middle.set()
            looked.wait(SHORT)
            super().extend(events)

    def look() -> tuple[int, int]:
        assert in_the_middle.wait(LONG)
        seen = len(store.read_all().events), len(store.read("a").events)
        looked.set()
        return seen

    if which == "stream":
        store.log._streams["a"] = Halting(store.log._streams["a"])
    else:
        store.log._events = Halting(store.log._events)
    _, seen = in_threads(lambda: write_threes(store, "a", 1), look)

    assert seen in {(3, 3), (6, 6)}


def test_one_append_ends_the_wait_of_several_threads(store: InMemoryEventStore) -> None:
    outcomes = in_threads(
        *[lambda: store.wait_for_events(0, LONG)] * 3, lambda: store.append("a", counted(1))
    )

    assert outcomes == [True, True, True, AppendResult(0, 1, 1)]


def test_only_the_event_waited_for_ends_the_wait(store: InMemoryEventStore) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.wait_for_events, 3, LONG)
        with pytest.raises(TimeoutError):
            waiting.result(SHORT)
        write_threes(store, "a", 1)
        with pytest.raises(TimeoutError):
            waiting.result(SHORT)
        write_threes(store, "a", 1)

        assert waiting.result(LONG) is True


def test_many_appends_before_the_one_waited_for_do_not_end_the_wait(
    store: InMemoryEventStore,
) -> None:
    write_threes(store, "a", 5)

    assert store.wait_for_events(14, 0) is True
    assert store.wait_for_events(15, SHORT) is False


@pytest.mark.parametrize("timeout", [1e300, float("inf")])
def test_a_thread_may_wait_for_ever(store: InMemoryEventStore, timeout: float) -> None:
    outcomes = in_threads(
        lambda: store.wait_for_events(0, timeout), lambda: store.append("a", counted(1))
    )

    assert outcomes == [True, AppendResult(0, 1, 1)]
