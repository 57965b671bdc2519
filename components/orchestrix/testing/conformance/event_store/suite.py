"""What is under test: a store, and a second handle on its storage."""

import pytest

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.testing.conformance.event_store.samples import HandClock, Store
from orchestrix.testing.conformance.suite import Suite


class EventStoreSuite(Suite):
    """The fixtures of the suite."""

    @pytest.fixture
    def clock(self) -> HandClock:
        """The clock of the store; one that takes its time from elsewhere says so in `cannot`."""
        return HandClock()

    @pytest.fixture
    def store(self) -> AsyncEventStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    @pytest.fixture
    def rival(self, store: Store) -> AsyncEventStore:
        """A second handle on the same storage, as another process would hold."""
        return store
