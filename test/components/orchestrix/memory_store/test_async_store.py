"""The in-memory store behind the async port, alone and opened over a sync one."""

from typing import ClassVar

import pytest

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.testing.conformance.event_store import EventStoreConformance, HandClock


class TestInMemoryAsyncEventStore(EventStoreConformance):
    cannot: ClassVar[dict[str, str]] = {
        "test_recorded_at_waits_when_the_clock_goes_back": "the sync store under it has the clock",
        "test_a_store_tells_what_its_clock_says": "the sync store under it has the clock",
    }

    @pytest.fixture
    def store(self) -> AsyncEventStore:
        return InMemoryAsyncEventStore()


class TestOverASyncStore(EventStoreConformance):
    @pytest.fixture
    def log(self, clock: HandClock) -> InMemoryEventStore:
        return InMemoryEventStore(clock=clock)

    @pytest.fixture
    def store(self, log: InMemoryEventStore) -> AsyncEventStore:
        return InMemoryAsyncEventStore(log)

    @pytest.fixture
    def rival(self, log: InMemoryEventStore) -> AsyncEventStore:
        return InMemoryAsyncEventStore(log)
