"""What an engine promises over any state store, stated once.

A store's test subclasses :class:`ProjectionEngineConformance` and gives a fixture `world`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrix.eventsourcing import (
    GapInFeed,
    MixedFeed,
    ProjectionContext,
    ProjectionEngine,
    ReadModel,
)
from orchestrix.projection_state import ProjectionState, ProjectionStateStore
from orchestrix.testing.conformance.deposits import Deposited, Renamed, deposits, log_of
from orchestrix.testing.conformance.suite import Suite


class World(Protocol):
    """A state store and the read model that belongs to it."""

    store: ProjectionStateStore
    tables: Sequence[ReadModel] = ()

    def rows(self) -> list[int]:
        """What the read model holds: amounts, in the order they were written."""
        ...

    async def write(self, amount: int, context: ProjectionContext) -> None:
        """Write to the read model as a handler does."""
        ...

    async def clear(self, context: ProjectionContext) -> None:
        """Empty the read model as a reset hook does."""
        ...


class Case:
    """One projection of one world, whose handler can be told to fail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.poison: set[int] = set()
        self.after: list[int] = []
        self.engine = self.restarted()

    def restarted(self, **options: Any) -> ProjectionEngine:
        """A new engine on the same state, as after a restart."""
        engine = ProjectionEngine("balance", self.world.store, tables=self.world.tables, **options)

        @engine.on(Deposited)
        async def write(event: Deposited, context: ProjectionContext) -> None:
            await asyncio.sleep(0)
            if event.amount in self.poison:
                raise OSError(f"no {event.amount}")
            await self.world.write(event.amount, context)

        engine.on_reset(self.world.clear)
        self.engine = engine
        return engine

    async def state(self) -> ProjectionState:
        state = await self.world.store.load_state("balance")
        assert state is not None
        return state

    async def facts(self) -> tuple[object, ...]:
        """What must not depend on how events were fed."""
        state = await self.state()
        place = (state.last_processed_position, state.last_processed_event_id, state.feed)
        return (*place, state.applied_count, state.applied_hash, state.is_healthy, state.status)


def fed(is_bare: bool, events: Sequence[Any]) -> list[Any]:
    return list(events) if is_bare else list(log_of(events).read_all().events)


FEEDS = pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])


class ProjectionEngineConformance(Suite):
    """What every engine promises, whatever keeps its state."""

    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError("give a fixture `world`: an empty one per test")

    @pytest.fixture
    def case(self, world: World) -> Case:
        return Case(world)

    def make_world(self) -> World:
        """Another empty world, for tests that need many."""
        raise NotImplementedError("give make_world()")

    @FEEDS
    async def test_each_event_is_written_once_and_in_order(self, case: Case, is_bare: bool) -> None:
        feed = fed(is_bare, deposits(3, 1, 2))

        await case.engine.process_events(feed)
        await case.engine.process_events(feed)

        state = await case.state()
        assert case.world.rows() == [3, 1, 2]
        assert (state.last_processed_position, state.applied_count) == (3, 3)
        assert state == case.engine.get_state()

    @FEEDS
    async def test_a_restart_goes_on_where_it_stopped(self, case: Case, is_bare: bool) -> None:
        feed = fed(is_bare, deposits(1, 2, 3))
        await case.engine.process_events(feed[:2])

        await case.restarted().process_events(feed)

        assert case.world.rows() == [1, 2, 3]

    @FEEDS
    async def test_what_came_before_a_failure_stands(self, case: Case, is_bare: bool) -> None:
        case.poison = {3}

        with pytest.raises(OSError, match="no 3"):
            await case.engine.process_events(fed(is_bare, deposits(1, 2, 3, 4)))

        state = await case.state()
        assert case.world.rows() == [1, 2]
        assert (state.last_processed_position, state.applied_count) == (2, 2)
        assert (state.error_count, state.is_healthy) == (1, False)
        assert state.last_error == "OSError: no 3"

    @FEEDS
    @pytest.mark.parametrize("restart", [False, True])
    async def test_a_retry_goes_on_after_a_failure(
        self, case: Case, is_bare: bool, restart: bool
    ) -> None:
        feed = fed(is_bare, deposits(1, 2, 3))
        case.poison = {2}
        for _ in range(2):
            with pytest.raises(OSError, match="no 2"):
                await case.engine.process_events(feed)

        case.poison = set()
        await (case.restarted() if restart else case.engine).process_events(feed)

        state = await case.state()
        assert case.world.rows() == [1, 2, 3]
        assert (state.error_count, state.is_healthy, state.last_error) == (2, True, None)

    async def test_a_failed_event_cannot_be_left_out(self, case: Case) -> None:
        one, two, three = fed(False, deposits(1, 2, 3))
        case.poison = {2}
        with pytest.raises(OSError, match="no 2"):
            await case.engine.process_events([one, two])
        case.poison = set()

        with pytest.raises(GapInFeed):
            await case.restarted().process_events([three])
        await case.engine.process_events([two, three])

        assert case.world.rows() == [1, 2, 3]

    @FEEDS
    async def test_an_event_without_a_handler_moves_the_checkpoint(
        self, case: Case, is_bare: bool
    ) -> None:
        await case.engine.process_events(fed(is_bare, [Renamed(), *deposits(1), Renamed()]))

        state = await case.state()
        assert (state.last_processed_position, state.applied_count) == (3, 1)

    async def test_a_page_moves_the_checkpoint_as_far_as_it_looked(self, case: Case) -> None:
        log = log_of([*deposits(1), Renamed()])

        await case.engine.process_events(log.read_all(types=["conformance.deposited"]))

        state = await case.state()
        assert (state.last_processed_position, state.store_id) == (2, log.store_id)

    async def test_the_kind_of_feed_survives_a_restart(self, case: Case) -> None:
        await case.engine.process_events(deposits(1))

        with pytest.raises(MixedFeed):
            await case.restarted().process_events(fed(False, deposits(2)))

        assert case.world.rows() == [1]

    @FEEDS
    async def test_a_replay_starts_from_scratch(self, case: Case, is_bare: bool) -> None:
        feed = fed(is_bare, deposits(1, 2))
        await case.engine.process_events(feed)

        await case.engine.replay(feed)

        state = await case.state()
        assert case.world.rows() == [1, 2]
        assert (state.status, state.last_processed_position, state.replay_until) == ("live", 2, 2)

    @FEEDS
    @pytest.mark.parametrize("batch_size", [1, 2, 10])
    async def test_a_replay_that_fails_is_gone_on_with_or_never_happened(
        self, case: Case, is_bare: bool, batch_size: int
    ) -> None:
        feed = fed(is_bare, deposits(1, 2, 3, 4))
        await case.engine.process_events(feed)
        case.poison = {3}
        with pytest.raises(OSError, match="no 3"):
            await case.restarted(batch_size=batch_size).replay(feed)

        case.poison = set()
        await case.restarted().process_events(feed)

        state = await case.state()
        assert case.world.rows() == [1, 2, 3, 4]
        assert (state.status, state.replay_until, state.applied_count) == ("live", 4, 4)

    @FEEDS
    async def test_wherever_a_call_is_cancelled_nothing_is_lost_or_doubled(
        self, is_bare: bool
    ) -> None:
        feed, cancelled = fed(is_bare, deposits(1, 2, 3)), True
        turns = 0
        while cancelled:
            case = Case(self.make_world())
            case.restarted(batch_size=2)
            task = asyncio.create_task(case.engine.process_events(feed))
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled = task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() == cancelled
            await case.engine.process_events(feed)

            assert case.world.rows() == [1, 2, 3], f"cancelled after {turns} turns"
            assert (await case.state()).applied_count == 3
            turns += 1
        assert turns > 3

    @settings(
        max_examples=60, suppress_health_check=[HealthCheck.differing_executors], deadline=None
    )
    @given(
        amounts=st.lists(st.integers(0, 5), min_size=1, max_size=15),
        poison=st.sets(st.integers(0, 5), max_size=2),
        cuts=st.lists(st.integers(0, 15), max_size=5),
        batch_size=st.integers(1, 6),
        is_bare=st.booleans(),
        restart=st.booleans(),
    )
    async def test_however_events_are_fed_the_result_is_that_of_one_clean_run(
        self,
        amounts: list[int],
        poison: set[int],
        cuts: list[int],
        batch_size: int,
        is_bare: bool,
        restart: bool,
    ) -> None:
        events = deposits(*amounts)
        feed = fed(is_bare, events)
        clean, case = Case(self.make_world()), Case(self.make_world())
        await clean.engine.process_events(feed)
        case.restarted(batch_size=batch_size)

        for cut in cuts:
            case.poison = poison if cut % 2 else set()
            if restart:
                case.restarted(batch_size=batch_size)
            reached = case.engine.get_state()
            least = 0 if reached is None else reached.last_processed_position
            try:
                await case.engine.process_events(feed[: max(cut, least)])
            except OSError:
                assert cut % 2
        case.poison = set()
        await case.engine.process_events(feed)

        assert case.world.rows() == clean.world.rows() == amounts
        assert await case.facts() == await clean.facts()
