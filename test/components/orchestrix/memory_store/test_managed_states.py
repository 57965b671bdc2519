"""Parked events, leases and desired statuses in memory."""

import pytest
from conformance.managed_state_store import ManagedStateStoreConformance

from orchestrix.memory_store import InMemoryProjections


class TestManagedStatesInMemory(ManagedStateStoreConformance):
    @pytest.fixture
    def store(self) -> InMemoryProjections:
        return InMemoryProjections()
