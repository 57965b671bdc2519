"""The sync in-memory store: what every store promises, and ``load`` from the end."""

import asyncio
import inspect
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestrix.eventsourcing import (
    AppendResult,
    AsyncEventStore,
    EventStore,
    InvalidAppend,
    Page,
    Snapshot,
    StreamPage,
)
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import Event
from orchestrix.testing.conformance.event_store import (
    Counted,
    EventStoreConformance,
    HandClock,
    counted,
)


class InThreads(AsyncEventStore):
    """A sync store behind the async port; appends and waits run in threads, side by side."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @property
    def store_id(self) -> str:
        return self._store.store_id

    async def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        return await asyncio.to_thread(
            self._store.append,
            stream_id,
            events,
            expected_version=expected_version,
            metadata=metadata,
        )

    async def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        return self._store.read(stream_id, from_version=from_version, limit=limit)

    async def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        return self._store.read_all(
            after_position=after_position, limit=limit, types=types, categories=categories
        )

    async def now(self) -> datetime:
        return self._store.now()

    async def head(self) -> int:
        return self._store.head()

    async def count_after(self, position: int) -> int | None:
        return self._store.count_after(position)

    async def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        return self._store.streams(prefix, after=after, limit=limit)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        self._store.save_snapshot(snapshot)

    async def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        return self._store.load_snapshot(aggregate_id)

    async def wait_for_events(self, after_position: int, timeout: float) -> bool:  # noqa: ASYNC109 - the port's signature
        return await asyncio.to_thread(self._store.wait_for_events, after_position, timeout)

    async def save(
        self, aggregate_id: str, events: Sequence[Event], expected_version: int | None = None
    ) -> None:
        return self._store.save(aggregate_id, events, expected_version)

    async def load(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        return self._store.load(aggregate_id, from_version)


class TestInMemoryEventStore(EventStoreConformance):
    cannot = {  # noqa: RUF012 - the suite declares it a ClassVar
        "test_load_refuses_a_negative_version": "it counts from the end, as documented"
    }

    @pytest.fixture
    def store(self, clock: HandClock) -> AsyncEventStore:
        return InThreads(InMemoryEventStore(clock=clock))


def test_load_counts_a_negative_version_from_the_end() -> None:
    store = InMemoryEventStore()
    events = counted(0, 1, 2)
    store.save("a", events)

    assert store.load("a", -1) == events[2:]
    assert store.load("a", from_version=-2) == events[1:]
    assert store.load("a", -3) == store.load("a", -99) == events
    assert store.load("none", -1) == []


def test_load_from_the_end_of_what_is_no_stream_is_refused() -> None:
    with pytest.raises(InvalidAppend, match="stream id"):
        InMemoryEventStore().load("", -1)


def test_the_last_events_are_the_last_although_others_append() -> None:
    class Late(InMemoryEventStore):
        """Somebody appends after the end was looked up."""

        def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
            self.append("a", counted(7))
            return super().read(stream_id, from_version=from_version, limit=limit)

    store = Late()
    store.save("a", counted(0, 1, 2))
    loaded = store.load("a", -2)

    assert [each.number for each in loaded if isinstance(each, Counted)] == [2, 7]


def test_a_hundred_thousand_events_are_read_in_pages() -> None:
    store = InMemoryEventStore()
    for start in range(0, 100_000, 5000):
        store.append(f"s-{start % 3}", counted(*range(start, start + 5000)))
    seen = after = 0
    at_end = False
    while not at_end:
        page = store.read_all(after_position=after, limit=777)
        assert page.last_position > after
        assert [each.position for each in page.events] == list(
            range(after + 1, page.last_position + 1)
        )
        seen, after, at_end = seen + len(page.events), page.last_position, page.at_end

    assert (seen, after) == (100_000, store.head())
    assert len(store.load("s-0")) + len(store.load("s-1")) + len(store.load("s-2")) == 100_000


def test_a_small_page_is_found_among_many_events_that_the_filter_leaves_out() -> None:
    store = InMemoryEventStore()
    store.append("many", counted(*range(5000)))
    for name in ("rare-1", "rare-2", "rare-3"):
        store.append(name, counted(1))
    first = store.read_all(limit=2, categories={"rare"})
    rest = store.read_all(after_position=first.last_position, limit=2, categories={"rare"})

    assert [each.stream_id for each in first.events] == ["rare-1", "rare-2"]
    assert (first.last_position, first.at_end) == (5002, False)
    assert [each.stream_id for each in rest.events] == ["rare-3"]
    assert (rest.last_position, rest.at_end) == (5003, True)


def test_a_clock_with_another_offset_is_recorded_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    store = InMemoryEventStore(clock=lambda: datetime(2026, 1, 2, 21, tzinfo=east))
    store.append("a", counted(1))
    recorded_at = store.read_all().events[0].recorded_at

    assert recorded_at == datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert recorded_at.utcoffset() == timedelta(0)


def test_when_the_clock_fails_nothing_is_written() -> None:
    def broken() -> datetime:
        raise OSError("no clock")

    store = InMemoryEventStore(clock=broken)
    with pytest.raises(OSError, match="no clock"):
        store.append("a", counted(1))

    assert (store.head(), store.streams(), store.load("a")) == (0, [], [])


def test_a_clock_without_an_offset_is_refused_in_words_and_nothing_is_written() -> None:
    store = InMemoryEventStore(clock=datetime.now)

    for _ in range(2):
        with pytest.raises(ValueError, match=r"time without an offset; .*datetime.now\(UTC\)"):
            store.append("a", counted(1))
    assert (store.head(), store.streams(), store.load("a")) == (0, [], [])


METHODS = [name for name in vars(AsyncEventStore) if not name.startswith("_")]


@pytest.mark.parametrize("method", [name for name in METHODS if name != "store_id"])
def test_all_stores_have_the_signatures_of_the_port(method: str) -> None:
    expected = inspect.signature(getattr(AsyncEventStore, method)).parameters

    for cls in (EventStore, InMemoryEventStore, InMemoryAsyncEventStore):
        assert inspect.signature(getattr(cls, method)).parameters == expected


def test_a_store_made_anew_is_another_log() -> None:
    assert InMemoryEventStore().store_id != InMemoryEventStore().store_id
