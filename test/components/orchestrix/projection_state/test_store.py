import pickle

import pytest
from fake_database import FakeDatabase

from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
    TransactionalProjectionStateStore,
)
from orchestrix.testing.conformance.projection_state_store import (
    ProjectionStateStoreConformance,
    TransactionalStateStoreConformance,
)


class PicklingStore(ProjectionStateStore):
    """States as bytes, as a cache would keep them."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        kept = self._kept.get(projection_id)
        return None if kept is None else pickle.loads(kept)  # noqa: S301 - our own bytes

    async def save_state(self, state: ProjectionState) -> None:
        self._kept[state.projection_id] = pickle.dumps(state)


class TestInMemory(ProjectionStateStoreConformance):
    @pytest.fixture
    def store(self) -> ProjectionStateStore:
        return InMemoryProjectionStateStore()


class TestPickling(ProjectionStateStoreConformance):
    @pytest.fixture
    def store(self) -> ProjectionStateStore:
        return PicklingStore()


class TestFakeDatabase(TransactionalStateStoreConformance):
    @pytest.fixture
    def store(self) -> TransactionalProjectionStateStore:
        return FakeDatabase()
