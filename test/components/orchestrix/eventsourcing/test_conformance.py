"""The engine's suite over an in-memory store, a plain one, and one with transactions."""

import asyncio

import pytest
from fake_database import DatabaseWorld, FakeDatabase, Lost, PlainStore

from orchestrix.eventsourcing import NoTransaction, ProjectionContext, ProjectionEngine, Promise
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionStateStore,
    StateConflict,
)
from orchestrix.testing.conformance.deposits import Deposited, deposits
from orchestrix.testing.conformance.projection_engine import (
    Case,
    ProjectionEngineConformance,
    World,
    fed,
)


class MemoryWorld(World):
    """A list beside a state store."""

    def __init__(self, store: ProjectionStateStore | None = None) -> None:
        self.store = store or InMemoryProjectionStateStore()
        self._rows: list[int] = []

    def rows(self) -> list[int]:
        return self._rows

    async def write(self, amount: int, context: ProjectionContext) -> None:
        self._rows.append(amount)

    async def clear(self, context: ProjectionContext) -> None:
        self._rows.clear()


class TestInMemory(ProjectionEngineConformance):
    @pytest.fixture
    def world(self) -> World:
        return MemoryWorld()

    def make_world(self) -> World:
        return MemoryWorld()


class TestPlain(ProjectionEngineConformance):
    @pytest.fixture
    def world(self) -> World:
        return MemoryWorld(PlainStore())

    def make_world(self) -> World:
        return MemoryWorld(PlainStore())


class TestTransactional(ProjectionEngineConformance):
    @pytest.fixture
    def world(self) -> World:
        return DatabaseWorld()

    def make_world(self) -> World:
        return DatabaseWorld()

    def test_the_promise_is_exactly_once(self) -> None:
        assert ProjectionEngine("p", FakeDatabase()).promise is Promise.EXACTLY_ONCE

    @pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
    @pytest.mark.parametrize("poison", [set(), {3}])
    @pytest.mark.parametrize("batch_size", [1, 2, 10])
    @pytest.mark.parametrize("restart", [False, True])
    async def test_wherever_the_connection_breaks_each_event_is_written_once(
        self, is_bare: bool, poison: set[int], batch_size: int, restart: bool
    ) -> None:
        feed, fails_at, broke = fed(is_bare, deposits(1, 2, 3, 4)), 0, True
        while broke:
            fails_at += 1
            world = DatabaseWorld(fails_at)
            case = Case(world)
            case.restarted(batch_size=batch_size)
            case.poison = set(poison)
            for _ in range(4):
                try:
                    await case.engine.process_events(feed)
                except (Lost, OSError):
                    case.poison.clear()
                    case.engine = case.restarted(batch_size=batch_size) if restart else case.engine

            broke = world.database.steps >= fails_at
            world.database.fails_at = None
            assert world.rows() == [1, 2, 3, 4], f"broke at step {fails_at}"
            state = await case.state()
            assert (state.last_processed_position, state.applied_count) == (4, 4)
            assert state.is_healthy
        assert fails_at > 8

    @pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
    @pytest.mark.parametrize("batch_size", [1, 10])
    async def test_wherever_a_replay_breaks_the_model_agrees_with_its_state(
        self, is_bare: bool, batch_size: int
    ) -> None:
        feed, fails_at, broke = fed(is_bare, deposits(1, 2, 3)), 0, True
        while broke:
            fails_at += 1
            world = DatabaseWorld()
            case = Case(world)
            await case.restarted(batch_size=batch_size).process_events(feed)
            world.database.steps, world.database.fails_at = 0, fails_at
            try:
                await case.engine.replay(feed)
            except Lost:
                state = world.database.states["balance"]
                assert len(world.rows()) == state.last_processed_position == state.applied_count
                await case.restarted(batch_size=batch_size).process_events(feed)
            broke = world.database.steps >= fails_at
            world.database.fails_at = None

            state = await case.state()
            assert world.rows() == [1, 2, 3], f"broke at step {fails_at}"
            assert (state.applied_count, state.status) == (3, "live")
        assert fails_at > 5

    async def test_a_first_replay_batch_that_fails_leaves_the_old_model(self) -> None:
        world = DatabaseWorld()
        case = Case(world)
        feed = deposits(1, 2)
        await case.engine.process_events(feed)
        case.poison = {1}

        with pytest.raises(OSError, match="no 1"):
            await case.engine.replay(feed)

        assert world.rows() == [1, 2]
        assert (await case.state()).status == "live"

    async def test_an_engine_that_was_overtaken_changes_nothing(self) -> None:
        world, entered, gate = DatabaseWorld(), asyncio.Event(), asyncio.Event()
        slow, fast, feed = Case(world), Case(world), deposits(1, 2)

        @slow.engine.on(Deposited)
        async def wait(event: Deposited) -> None:
            entered.set()
            await gate.wait()

        task = asyncio.create_task(slow.engine.process_events(feed))
        await entered.wait()
        await fast.engine.process_events(feed)
        gate.set()
        with pytest.raises(StateConflict):
            await task

        await slow.engine.process_events([*feed, *deposits(3)])
        assert world.rows() == [1, 2, 3]

    async def test_a_failure_that_cannot_be_noted_is_raised_all_the_same(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = DatabaseWorld()
        case = Case(world)

        @case.engine.on(Deposited)
        def then_break(event: Deposited) -> None:
            world.database.fails_at = world.database.steps + 3  # load, begin, and then
            raise KeyError("handler")

        with pytest.raises(KeyError) as caught:
            await case.engine.process_events(deposits(1))

        assert "could not be saved: Lost" in caught.value.__notes__[0]
        assert "could not be saved" in caplog.text


async def test_a_transaction_is_refused_where_there_is_none() -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    def write(event: Deposited, context: ProjectionContext) -> None:
        context.transaction.execute("...")

    with pytest.raises(NoTransaction, match="keeps its state in a store without transactions"):
        await engine.process_events(deposits(1))
