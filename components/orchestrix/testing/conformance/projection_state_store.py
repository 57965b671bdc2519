"""What a projection's state store promises, stated once.

A store's test subclasses :class:`ProjectionStateStoreConformance` and gives a fixture `store`;
one with transactions subclasses :class:`TransactionalStateStoreConformance`.
"""

import asyncio
from datetime import UTC, datetime

import pytest

from orchestrix.projection_state import (
    UNBOUNDED,
    EventIds,
    PartlyApplied,
    ProjectionState,
    ProjectionStateStore,
    StateConflict,
    TransactionalProjectionStateStore,
)
from orchestrix.testing.conformance.suite import Suite

FULL = ProjectionState(
    projection_id="balances",
    last_processed_event_id="é \U0001f382",
    last_processed_position=2**53 + 1,
    updated_at=datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC),
    revision=7,
    error_count=3,
    is_healthy=False,
    status="replaying",
    last_error="OSError: full\nof lines",
    store_id="a store",
    version=2,
    fingerprint="0123abcd",
    applied_count=2**40,
    applied_hash=2**64 - 1,
    feed="bare",
    failed_position=9,
    partly_applied=(PartlyApplied("a", ("h1", "h2")), PartlyApplied("b", ())),
    replay_until=12,
    event_ids=EventIds(["a", "b", ""]),
)
"""A state with nothing left as it began."""


class ProjectionStateStoreConformance(Suite):
    """What every state store promises."""

    @pytest.fixture
    def store(self) -> ProjectionStateStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    async def test_there_is_no_state_before_one_is_saved(self, store: ProjectionStateStore) -> None:
        assert await store.load_state("balances") is None

    async def test_every_field_comes_back(self, store: ProjectionStateStore) -> None:
        begun = ProjectionState(projection_id="other", replay_until=UNBOUNDED)

        await store.save_state(FULL)
        await store.save_state(begun)

        assert await store.load_state("balances") == FULL
        assert await store.load_state("other") == begun

    async def test_the_last_state_saved_is_the_one_loaded(
        self, store: ProjectionStateStore
    ) -> None:
        for revision in range(3):
            await store.save_state(FULL.changed(revision=revision, error_count=revision))

        assert await store.load_state("balances") == FULL.changed(revision=2, error_count=2)

    async def test_a_loaded_state_never_changes(self, store: ProjectionStateStore) -> None:
        await store.save_state(FULL)
        held = await store.load_state("balances")
        assert held is not None
        held.event_ids.plus(["c"])

        await store.save_state(FULL.changed(error_count=99, event_ids=FULL.event_ids.plus(["d"])))

        assert held == FULL

    async def test_a_projection_may_have_any_name(self, store: ProjectionStateStore) -> None:
        names = ["a b", "ä", "'; --", "%", "a/b", "A", "a"]
        for name in names:
            await store.save_state(ProjectionState(projection_id=name, last_error=name))

        for name in names:
            state = await store.load_state(name)
            assert state is not None
            assert (state.projection_id, state.last_error) == (name, name)


class TransactionalStateStoreConformance(ProjectionStateStoreConformance):
    """What a state store with transactions promises besides."""

    @pytest.fixture
    def store(self) -> TransactionalProjectionStateStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    async def test_a_transaction_keeps_its_state_when_it_ends(
        self, store: TransactionalProjectionStateStore
    ) -> None:
        async with store.transaction("balances") as transaction:
            await transaction.save_state(FULL, replacing=None)

        assert await store.load_state("balances") == FULL

    async def test_a_transaction_that_raises_keeps_nothing(
        self, store: TransactionalProjectionStateStore
    ) -> None:
        for error in (OSError("no"), asyncio.CancelledError()):
            with pytest.raises(type(error)):
                await self._put(store, 1, replacing=None, then=error)

        assert await store.load_state("balances") is None

    async def test_a_state_replaces_the_revision_it_names_and_no_other(
        self, store: TransactionalProjectionStateStore
    ) -> None:
        await self._put(store, 1, replacing=None)
        await self._put(store, 2, replacing=1)

        for wrong in (None, 1, 3):
            with pytest.raises(StateConflict):
                await self._put(store, 9, replacing=wrong)

        state = await store.load_state("balances")
        assert state is not None
        assert state.revision == 2

    async def test_of_two_that_replace_one_revision_one_wins(
        self, store: TransactionalProjectionStateStore
    ) -> None:
        await self._put(store, 1, replacing=None)

        puts = [self._put(store, revision, replacing=1) for revision in (2, 3)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)

        assert sum(isinstance(each, StateConflict) for each in outcomes) == 1, outcomes
        assert sum(each is None for each in outcomes) == 1, outcomes

    async def test_projections_do_not_conflict_with_each_other(
        self, store: TransactionalProjectionStateStore
    ) -> None:
        await self._put(store, 5, replacing=None)

        async with store.transaction("other") as transaction:
            await transaction.save_state(ProjectionState(projection_id="other"), replacing=None)

        assert await store.load_state("other") is not None

    @staticmethod
    async def _put(
        store: TransactionalProjectionStateStore,
        revision: int,
        *,
        replacing: int | None,
        then: BaseException | None = None,
    ) -> None:
        async with store.transaction("balances") as transaction:
            await asyncio.sleep(0)
            await transaction.save_state(FULL.changed(revision=revision), replacing=replacing)
            if then is not None:
                raise then
