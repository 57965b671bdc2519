"""What only a state store with transactions can get wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from fake_database import ClosingDatabase, DatabaseWorld, FakeDatabase, ForbiddenRow, Lost

from orchestrix.eventsourcing import (
    GapInFeed,
    MixedFeed,
    NotTheLog,
    OutOfOrder,
    Projection,
    ProjectionContext,
    ProjectionEngine,
    on,
)
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
    StateConflict,
)
from orchestrix.testing.conformance.deposits import Deposited, Renamed, deposits, log_of
from orchestrix.testing.conformance.projection_engine import Case, fed

FEEDS = pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])


class Total(Projection):
    def __init__(self) -> None:
        self.total = 0

    @on(Deposited)
    def add(self, event: Deposited) -> None:
        self.total += event.amount


class Other(Total):
    pass


async def test_states_of_one_moment_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrix.eventsourcing.projections.progress.time", lambda: 1_000_000.0)
    case, feed = Case(DatabaseWorld()), fed(False, deposits(1, 2, 3))
    await case.engine.process_events(feed[:2])
    case.poison = {3}
    with pytest.raises(OSError, match="no 3"):
        await case.engine.process_events(feed)
    case.poison = set()

    await case.engine.process_events(feed)

    assert case.world.rows() == [1, 2, 3]


@pytest.mark.parametrize("calls_before", [1, 2])
async def test_a_replay_meanwhile_is_noticed_though_the_checkpoint_is_the_same(
    calls_before: int,
) -> None:
    world, entered, gate = DatabaseWorld(), asyncio.Event(), asyncio.Event()
    slow, other = Case(world), Case(world)
    a, b, c, x, y = deposits(1, 2, 3, 10, 20)
    for call in ([a, b],) if calls_before == 1 else ([a], [b]):
        await slow.engine.process_events(call)

    @slow.engine.on(Deposited)
    async def wait(event: Deposited) -> None:
        if event.amount == 3:
            entered.set()
            await gate.wait()

    task = asyncio.create_task(slow.engine.process_events([c]))
    await entered.wait()
    await other.engine.replay([x, y])
    gate.set()
    with pytest.raises(StateConflict):
        await task

    assert world.rows() == [10, 20]


@FEEDS
async def test_an_event_whose_commit_fails_is_found_and_counted(is_bare: bool) -> None:
    world = DatabaseWorld()
    world.database.forbidden = 3
    case = Case(world)

    with pytest.raises(ForbiddenRow):
        await case.engine.process_events(fed(is_bare, deposits(1, 2, 3, 4)))

    state = await case.state()
    assert world.rows() == [1, 2]
    assert (state.last_processed_position, state.error_count, state.is_healthy) == (2, 1, False)


async def test_a_failure_in_the_first_batch_of_a_replay_is_counted() -> None:
    case = Case(DatabaseWorld())
    await case.engine.process_events(deposits(1))
    case.poison = {5}

    with pytest.raises(OSError, match="no 5"):
        await case.engine.replay(deposits(5, 6))

    state = await case.state()
    assert case.world.rows() == [1]
    assert (state.status, state.error_count, state.is_healthy) == ("live", 1, False)


@pytest.mark.parametrize("amounts", [[5], [5, 6], []])
async def test_a_reset_hook_that_fails_leaves_the_old_model(amounts: list[int]) -> None:
    case = Case(DatabaseWorld())
    await case.engine.process_events(deposits(1))

    @case.engine.on_reset
    def fail() -> None:
        raise OSError("hook")

    with pytest.raises(OSError, match="hook"):
        await case.engine.replay(deposits(*amounts))

    state = await case.state()
    assert case.world.rows() == [1]
    assert (state.status, state.error_count, state.is_healthy) == ("live", 1, False)


async def test_what_the_handler_raised_is_not_replaced_by_what_the_store_raises() -> None:
    world = DatabaseWorld()
    case = Case(world)

    @case.engine.on(Deposited)
    def fail(event: Deposited) -> None:
        world.database.fails_at = world.database.steps + 1
        raise KeyError("handler")

    with pytest.raises(KeyError) as caught:
        await case.engine.process_events(deposits(1))

    assert "could not be loaded: Lost" in caught.value.__notes__[0]


async def test_a_rolled_back_replay_leaves_the_projections_that_there_were() -> None:
    engine = ProjectionEngine("p", FakeDatabase())
    engine.register(Total)
    await engine.process_events(deposits(1, 2))
    before = engine.get(Total)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if event.amount == 5:
            raise OSError("no 5")

    with pytest.raises(OSError, match="no 5"):
        await engine.replay(deposits(5))
    await engine.process_events(deposits(4))

    assert engine.get(Total) is before
    assert before.total == 7


async def test_a_factory_that_raises_changes_no_projection() -> None:
    made: list[Total] = []

    def make() -> Total:
        if made:
            raise OSError("no more")
        made.append(Other())
        return made[0]

    engine = ProjectionEngine("p", FakeDatabase())
    engine.register(Total)
    engine.register(make)
    await engine.process_events(deposits(1))
    before = engine.get(Total)

    with pytest.raises(OSError, match="no more"):
        await engine.replay(deposits(5))
    await engine.process_events(deposits(2))

    assert engine.get(Total) is before
    assert before.total == 3


async def test_what_came_before_disorder_is_committed() -> None:
    one, two, three = fed(False, deposits(1, 2, 3))
    case = Case(DatabaseWorld())

    with pytest.raises(OutOfOrder):
        await case.engine.process_events([one, three, two])

    state = await case.state()
    assert case.world.rows() == [1, 3]
    assert (state.error_count, state.is_healthy) == (0, True)


async def test_a_filtered_page_with_a_passing_failure_is_taken_to_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = log_of([*deposits(1, 2), Renamed()])
    case, calls = Case(DatabaseWorld()), []

    @case.engine.on(Deposited)
    def fail_once(event: Deposited) -> None:
        calls.append(event.amount)
        if calls == [1, 2]:
            raise OSError("once")

    await case.engine.process_events(log.read_all(types=["conformance.deposited"]))

    state = await case.state()
    assert case.world.rows() == [1, 2]
    assert (state.last_processed_position, state.store_id) == (3, log.store_id)
    assert "rolled back and is handled again event by event" in caplog.text


@FEEDS
async def test_what_was_handled_before_opens_no_transaction(is_bare: bool) -> None:
    world = DatabaseWorld()
    case, feed = Case(world), fed(is_bare, deposits(1, 2))
    await case.engine.process_events(feed)
    steps = world.database.steps

    await case.engine.process_events(feed)

    assert world.database.steps == steps + 1  # the state was loaded


async def test_a_cancelled_replay_leaves_the_projections_that_there_were() -> None:
    engine, entered = ProjectionEngine("p", FakeDatabase()), asyncio.Event()
    engine.register(Total)
    await engine.process_events(deposits(1, 2))
    before = engine.get(Total)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(engine.replay(deposits(5)))
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert engine.get(Total) is before


@pytest.mark.parametrize("store", [FakeDatabase(), InMemoryProjectionStateStore()])
async def test_changed_code_is_warned_of_once_though_nothing_is_saved(
    store: ProjectionStateStore, caplog: pytest.LogCaptureFixture
) -> None:
    events = deposits(1)
    for amount in (1, 2):
        engine = ProjectionEngine("p", store)
        engine.on(Deposited)(lambda event, each=amount: event.amount + each)
        await engine.process_events(events)
        await engine.process_events(events)

    assert caplog.text.count("has changed since it last ran") == 1


async def test_a_replay_by_another_engine_is_seen_by_the_next_call() -> None:
    world = DatabaseWorld()
    one, other = Case(world), Case(world)
    a, b, c, x, y = deposits(1, 2, 3, 10, 20)
    await one.engine.process_events([a])
    await one.engine.process_events([b])
    await other.engine.replay([x, y])

    await one.engine.process_events([x, y, c])

    assert world.rows() == [10, 20, 3]


async def test_an_event_that_another_engine_handled_meanwhile_is_no_failure() -> None:
    world, entered, gate = DatabaseWorld(), asyncio.Event(), asyncio.Event()
    slow, other = Case(world), Case(world)
    log = log_of(deposits(1, 2, 3))

    @slow.engine.on(Deposited)
    async def fail(event: Deposited) -> None:
        entered.set()
        await gate.wait()
        raise OSError("too late")

    task = asyncio.create_task(slow.engine.process_events(log.read_all(limit=1)))
    await entered.wait()
    await other.engine.process_events(log.read_all(limit=2))
    gate.set()
    with pytest.raises(OSError, match="too late"):
        await task

    state = await other.state()
    assert (state.is_healthy, state.failed_position, state.error_count) == (True, None, 0)
    await other.engine.process_events(log.read_all(after_position=2))
    assert world.rows() == [1, 2, 3]


async def test_a_replay_whose_answer_was_lost_keeps_its_new_projections() -> None:
    database = FakeDatabase()
    engine = ProjectionEngine("p", database)
    engine.register(Total)
    await engine.process_events(deposits(1, 2))
    database.steps, database.fails_at = 0, 5  # load, begin, save, before and after the commit

    with pytest.raises(Lost):
        await engine.replay(deposits(11))

    assert database.states["p"].last_processed_position == 1
    assert engine.get(Total).total == 11


async def test_learning_the_store_heals_nothing() -> None:
    log, case = log_of(deposits(1)), Case(DatabaseWorld())
    await case.engine.process_events(log.read_all().events)

    @case.engine.on_reset
    def fail() -> None:
        raise OSError("hook")

    with pytest.raises(OSError, match="hook"):
        await case.engine.replay([])

    await case.engine.process_events(log.read_all())

    state = await case.state()
    assert (state.store_id, state.is_healthy) == (log.store_id, False)


async def test_an_event_whose_commit_failed_cannot_be_left_out() -> None:
    one, two, three = fed(False, deposits(1, 2, 3))
    world = DatabaseWorld()
    world.database.forbidden = 2
    case = Case(world)
    with pytest.raises(ForbiddenRow):
        await case.engine.process_events([one, two])

    with pytest.raises(GapInFeed):
        await case.engine.process_events([three])

    world.database.forbidden = None
    await case.engine.process_events([two, three])
    assert world.rows() == [1, 2, 3]


async def test_a_replay_that_was_rolled_back_forgets_no_failed_event() -> None:
    one, two, three = fed(False, deposits(1, 2, 3))
    case = Case(DatabaseWorld())
    case.poison = {2}
    with pytest.raises(OSError, match="no 2"):
        await case.engine.process_events([one, two])

    @case.engine.on_reset
    def fail() -> None:
        raise OSError("hook")

    for feed in ([], [one]):
        with pytest.raises(OSError, match="hook"):
            await case.engine.replay(feed)
    case.poison = set()

    with pytest.raises(GapInFeed):
        await case.engine.process_events([three])


@pytest.mark.parametrize("batch_size", [1, 2, 3])
async def test_the_batch_of_a_replay_that_failed_is_history_whole(batch_size: int) -> None:
    mails: list[int] = []
    case, feed = Case(DatabaseWorld()), fed(False, deposits(1, 2, 3, 4))
    engine = case.restarted(batch_size=batch_size)
    engine.on(Deposited, replay=False)(lambda event: mails.append(event.amount))
    case.poison = {3}
    with pytest.raises(OSError, match="no 3"):
        await engine.replay(feed)
    case.poison = set()

    await engine.process_events(feed)

    assert case.world.rows() == [1, 2, 3, 4]
    assert mails == ([4] if batch_size != 2 else [])


async def test_an_old_version_does_not_go_on_in_what_a_new_one_rebuilt() -> None:
    world, entered, gate = DatabaseWorld(), asyncio.Event(), asyncio.Event()
    old, new = Case(world), Case(world)
    new.restarted(version=2)
    a, b, c = deposits(1, 2, 3)

    @old.engine.on(Deposited)
    async def fail(event: Deposited) -> None:
        if event.amount == 3:
            entered.set()
            await gate.wait()
            raise OSError("slow")

    task = asyncio.create_task(old.engine.process_events([a, b, c]))
    await entered.wait()
    await new.engine.replay([a])
    gate.set()
    with pytest.raises(OSError, match="slow"):
        await task

    state = await new.state()
    assert world.rows() == [1]
    assert (state.version, state.error_count) == (2, 0)


@pytest.mark.parametrize("amounts", [[], [7]])
async def test_a_replay_that_was_overtaken_counts_nothing_and_keeps_its_projections(
    amounts: list[int],
) -> None:
    database, entered, gate = FakeDatabase(), asyncio.Event(), asyncio.Event()
    slow, other = ProjectionEngine("p", database), ProjectionEngine("p", database)
    for engine in (slow, other):
        engine.register(Total)
    await slow.process_events(deposits(1))
    before = slow.get(Total)

    @slow.on_reset
    async def wait() -> None:
        entered.set()
        await gate.wait()

    task = asyncio.create_task(slow.replay(deposits(*amounts)))
    await entered.wait()
    await other.process_events(deposits(2))
    gate.set()
    with pytest.raises(StateConflict):
        await task

    state = database.states["p"]
    assert (state.error_count, state.is_healthy, state.applied_count) == (0, True, 2)
    assert slow.get(Total) is before


@pytest.mark.parametrize("amounts", [[], [7]])
async def test_wherever_a_replay_is_cancelled_the_projection_is_that_of_its_state(
    amounts: list[int],
) -> None:
    turns, cancelled = 0, True
    while cancelled:
        database = FakeDatabase()
        engine = ProjectionEngine("p", database)
        engine.register(Total)
        await engine.process_events(deposits(1, 2))
        task = asyncio.create_task(engine.replay(deposits(*amounts)))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])
        await engine.process_events([])  # looks at what is stored

        expected = 3 if database.states["p"].applied_count == 2 else sum(amounts)
        assert engine.get(Total).total == expected, f"cancelled after {turns} turns"
        turns += 1
    assert turns > 5


async def test_a_replay_commits_its_reset_with_the_good_prefix() -> None:
    case = Case(DatabaseWorld())
    await case.engine.process_events(deposits(1, 2))
    case.poison = {7}

    with pytest.raises(OSError, match="no 7"):
        await case.engine.replay(deposits(5, 6, 7))

    state = await case.state()
    assert case.world.rows() == [5, 6]
    assert (state.status, state.last_processed_position, state.is_healthy) == (
        "replaying",
        2,
        False,
    )


async def test_a_page_without_an_event_heals_nothing() -> None:
    log, case = log_of([*deposits(1), Renamed()]), Case(DatabaseWorld())
    await case.engine.process_events(log.read_all(limit=1))

    @case.engine.on_reset
    def fail() -> None:
        raise OSError("hook")

    with pytest.raises(OSError, match="hook"):
        await case.engine.replay([])

    await case.engine.process_events(
        log.read_all(after_position=1, types=["conformance.deposited"])
    )

    state = await case.state()
    assert (state.last_processed_position, state.is_healthy) == (2, False)


async def test_a_page_without_an_event_that_cannot_be_committed_is_no_failure() -> None:
    log, world = log_of([*deposits(1), Renamed()]), DatabaseWorld()
    case = Case(world)
    await case.engine.process_events(log.read_all(limit=1))
    page = log.read_all(after_position=1, types=["conformance.deposited"])
    world.database.fails_at = world.database.steps + 3
    with pytest.raises(Lost):
        await case.engine.process_events(page)
    assert (await case.state()).is_healthy

    await case.engine.process_events(page)
    state = await case.state()
    assert (state.last_processed_position, state.is_healthy, state.error_count) == (2, True, 0)


@pytest.mark.parametrize("store", [FakeDatabase, InMemoryProjectionStateStore])
async def test_a_cancellation_that_is_the_reset_hooks_own_is_a_failure(
    store: type[ProjectionStateStore],
) -> None:
    engine = ProjectionEngine("p", store())

    @engine.on_reset
    async def fail() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    with pytest.raises(asyncio.CancelledError):
        await engine.replay(deposits(1))

    assert not engine.is_healthy()


@FEEDS
@pytest.mark.parametrize("amounts", [[1], [1, 2, 3]])
async def test_a_cancelled_call_ends_so_though_its_rollback_fails(
    amounts: list[int], is_bare: bool
) -> None:
    database, entered, seen = ClosingDatabase(), asyncio.Event(), []
    engine = ProjectionEngine("p", database)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        seen.append(event.amount)
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(engine.process_events(fed(is_bare, deposits(*amounts))))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.wait_for(task, 5)

    assert isinstance(caught.value.__cause__, Lost)
    assert (seen, database.states) == ([1], {})


@pytest.mark.parametrize("call", ["process_events", "replay", "initialize"])
async def test_wherever_a_call_is_cancelled_it_ends_so_and_counts_no_failure(call: str) -> None:
    feed, turns, cancelled = deposits(1, 2, 3), 0, True
    while cancelled:
        database = ClosingDatabase()
        engine = ProjectionEngine("p", database)

        @engine.on(Deposited)
        async def write(
            event: Deposited, context: ProjectionContext, database: ClosingDatabase = database
        ) -> None:
            await database.step()
            context.transaction.rows.append(event.amount)

        engine.on_reset(lambda context: context.transaction.rows.clear())
        method = getattr(engine, call)
        task = asyncio.create_task(method() if call == "initialize" else method(feed))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])

        assert task.cancelled() == cancelled, f"cancelled after {turns} turns"
        await engine.process_events(feed)
        state = database.states["p"]
        assert (database.rows, state.error_count, state.is_healthy) == ([1, 2, 3], 0, True)
        turns += 1
    assert turns > 3


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_call_that_is_cancelled_while_it_notes_a_failure_ends_so(step: int) -> None:
    database, tasks = ClosingDatabase(), []
    engine = ProjectionEngine("p", database)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        asyncio.get_running_loop().call_soon(cancel_later, step)
        raise OSError("no 1")

    def cancel_later(turns: int) -> None:
        if turns > 1:
            asyncio.get_running_loop().call_soon(cancel_later, turns - 1)
        else:
            tasks[0].cancel()

    tasks.append(asyncio.create_task(engine.process_events(deposits(1))))
    await asyncio.wait(tasks)

    assert tasks[0].cancelled()


async def test_a_timeout_ends_a_call_though_its_rollback_fails() -> None:
    engine, seen = ProjectionEngine("p", ClosingDatabase()), []
    limit = asyncio.timeout(None)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        seen.append(event.amount)
        limit.reschedule(asyncio.get_running_loop().time())
        await asyncio.Event().wait()

    async def process() -> None:
        async with limit:
            await engine.process_events(deposits(1, 2, 3))

    task = asyncio.create_task(process())
    await asyncio.wait([task], timeout=5)

    assert isinstance(task.exception(), TimeoutError)
    assert seen == [1]


async def test_a_timeout_of_the_handlers_own_is_a_failure() -> None:
    database = FakeDatabase()
    engine = ProjectionEngine("p", database)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await engine.process_events(deposits(1))

    assert database.states["p"].error_count == 1


async def test_a_failure_in_a_task_that_was_cancelled_before_is_a_failure() -> None:
    database = FakeDatabase()
    engine = ProjectionEngine("p", database)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise OSError("no 1")

    async def swallow_and_process() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await engine.process_events(deposits(1))

    task = asyncio.create_task(swallow_and_process())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(OSError, match="no 1"):
        await task

    assert database.states["p"].error_count == 1


async def test_a_batch_that_was_rolled_back_leaves_the_code_that_handled_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    database, calls = FakeDatabase(), []
    engine = ProjectionEngine("p", database)

    @engine.on(Deposited)
    def fail_once(event: Deposited) -> None:
        calls.append(event.amount)
        if calls == [1, 2]:
            raise OSError("once")

    await engine.process_events(deposits(1, 2, 3))
    changed = ProjectionEngine("p", database)
    changed.on(Deposited)(lambda event: None)
    await changed.process_events(deposits(4))

    assert database.states["p"].applied_count == 4
    assert caplog.text.count("has changed since it last ran") == 1


async def test_the_first_event_fixes_the_kind_of_feed_and_the_store_though_it_fails() -> None:
    log, case = log_of(deposits(1, 2)), Case(DatabaseWorld())
    case.poison = {1}
    with pytest.raises(OSError, match="no 1"):
        await case.engine.process_events(log.read_all())
    case.poison = set()

    with pytest.raises(MixedFeed):
        await case.engine.process_events(deposits(1))
    with pytest.raises(NotTheLog):
        await case.engine.process_events(log_of(deposits(1, 2)).read_all())


@pytest.mark.parametrize("method", ["process_events", "replay"])
async def test_a_call_that_is_cancelled_while_a_failed_batch_is_tried_again_ends_so(
    method: str,
) -> None:
    turns, cancelled = 0, True
    while cancelled:
        engine = ProjectionEngine("p", ClosingDatabase())

        @engine.on(Deposited)
        async def refuse(event: Deposited) -> None:
            await asyncio.sleep(0)
            if event.amount == 2:
                raise OSError("no 2")

        task = asyncio.create_task(getattr(engine, method)(deposits(1, 2)))
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])

        assert task.cancelled() == cancelled, f"cancelled after {turns} turns"
        turns += 1
    assert turns > 10


async def test_a_call_cancelled_where_a_handler_deals_with_an_error_ends_so() -> None:
    engine, waiting, seen = ProjectionEngine("p", ClosingDatabase()), asyncio.Event(), list[int]()

    @engine.on(Deposited)
    async def insert_or_update(event: Deposited) -> None:
        seen.append(event.amount)
        try:
            raise KeyError("it is there already")
        except KeyError:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise Lost("connection is closed") from None

    task = asyncio.create_task(engine.process_events(deposits(1, 2)))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)

    assert seen == [1]


async def reached(condition: Callable[[], bool]) -> None:
    """Give others a turn until `condition` holds, and not one more."""
    while not condition():  # noqa: ASYNC110 - the very turn matters
        await asyncio.sleep(0)


async def test_a_projection_may_be_registered_while_the_end_of_a_commit_is_unknown() -> None:
    class One(Projection):
        def __init__(self) -> None:
            self.seen: list[int] = []

        @on(Deposited)
        def add(self, event: Deposited) -> None:
            self.seen.append(event.amount)

    class Other(One):
        pass

    database = FakeDatabase()
    engine = ProjectionEngine("p", database)
    engine.register(One)
    call = asyncio.create_task(engine.process_events(feed := deposits(1, 2)))
    await reached(lambda: bool(database.states))
    call.cancel()
    await asyncio.wait([call])
    engine.register(Other)
    await engine.process_events([*feed, *deposits(3)])

    assert call.cancelled()
    assert engine.get(One).seen == [1, 2, 3]
    assert engine.get(Other).seen == [3]


async def test_a_projection_may_be_registered_in_a_batch_that_fails() -> None:
    class One(Projection):
        @on(Deposited)
        def fail(self, event: Deposited) -> None:
            raise OSError("the handler's own")

    class Other(One):
        pass

    engine = ProjectionEngine("p", FakeDatabase())
    engine.on(Deposited)(lambda event: engine.register(Other) if event.amount == 1 else None)
    engine.register(One)

    with pytest.raises(OSError, match="the handler's own"):
        await engine.process_events(deposits(1))


async def test_a_state_is_not_told_while_nobody_knows_whether_it_stands() -> None:
    database = FakeDatabase()
    engine = ProjectionEngine("p", database)
    engine.on(Deposited)(lambda event, context: context.transaction.rows.append(event.amount))
    engine.on_reset(lambda context: context.transaction.rows.clear())
    log = log_of(deposits(1, 2, 3))
    await engine.process_events(log.read_all())

    async def live() -> AsyncIterator[RecordedEvent]:
        for recorded in log.read_all().events:
            yield recorded

    replaying = asyncio.create_task(engine.replay(live()))
    await reached(lambda: database.states["p"].status != "live")
    replaying.cancel()
    await asyncio.wait([replaying])
    told, stored = engine.get_state(), database.states["p"]
    await engine.initialize()

    assert told is None
    assert stored.last_processed_position != 3
    assert engine.get_state() == stored


@pytest.mark.parametrize("is_away", ["for loading", "for saving"])
async def test_a_failure_that_could_not_be_counted_is_not_told_as_health(is_away: str) -> None:
    class Away(FakeDatabase):
        broken = False

        async def load_state(self, projection_id: str) -> ProjectionState | None:
            if self.broken and is_away == "for loading":
                raise Lost("away")
            return await super().load_state(projection_id)

        def _check_again(self, transaction: Any) -> None:
            if self.broken:
                raise Lost("away")
            super()._check_again(transaction)

    database = Away()
    engine = ProjectionEngine("p", database)
    engine.on(Deposited)(lambda event, context: context.transaction.rows.append(event.amount))
    await engine.process_events(deposits(1))
    database.broken = True

    before = engine.is_healthy()
    with pytest.raises(Lost, match="away"):
        await engine.process_events(deposits(2))
    during, told = engine.is_healthy(), engine.get_state()
    database.broken = False
    await engine.process_events(deposits(3))

    assert (before, during, told, engine.is_healthy()) == (True, False, None, True)


async def test_a_state_that_was_saved_alone_is_not_told_while_nobody_knows_whether_it_stands() -> (
    None
):
    for step in range(1, 60):
        database = FakeDatabase()
        engine = ProjectionEngine("p", database)
        feed = log_of(deposits(1)).read_all()
        await engine.process_events(feed)
        replaying = asyncio.create_task(engine.replay(feed))
        for _ in range(step):
            await asyncio.sleep(0)
        replaying.cancel()
        await asyncio.wait([replaying])

        assert engine.get_state() in (None, database.states["p"])
        if not replaying.cancelled():
            return
    raise AssertionError("the replay never ended")
