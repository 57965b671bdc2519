"""What is under test: a store, and a second handle on its storage."""

import pytest

from orchestrix.projection_state import ManagedStateStore
from orchestrix.testing.conformance.suite import Suite


class ManagedStateStoreSuite(Suite):
    """The fixtures of the suite."""

    @pytest.fixture
    def store(self) -> ManagedStateStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    @pytest.fixture
    def rival(self, store: ManagedStateStore) -> ManagedStateStore:
        """A second handle on the same storage, as another process would hold."""
        return store
