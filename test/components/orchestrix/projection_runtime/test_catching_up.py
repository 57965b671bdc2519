"""To the head of the log, once: several projections, each from its own place."""

import asyncio
from typing import cast

import pytest
from fake_database import FakeDatabase, PlainStore
from sample_events import Deposited, deposits

from orchestrix.eventsourcing import (
    NotTheLog,
    OutdatedProjection,
    Projection,
    ProjectionEngine,
    StoreUnavailable,
    on,
)
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_runtime import (
    CheckpointAboveHead,
    FailurePolicy,
    InvalidRunner,
    ProjectionRunner,
    ProjectionsStopped,
    RunnerError,
)
from orchestrix.projection_state import InMemoryProjectionStateStore


async def test_everything_in_the_log_is_handled_once(log, case):
    await log.deposit(*range(25))
    runner = ProjectionRunner(log, [case.engine], page_size=10)

    await runner.catch_up()
    await runner.catch_up()

    assert case.seen == list(range(25))
    assert case.checkpoint == 25


async def test_a_restart_goes_on_where_it_stopped(log, new_case):
    states = InMemoryProjectionStateStore()
    await log.deposit(1, 2)
    await ProjectionRunner(log, [new_case(store=states).engine]).catch_up()
    await log.deposit(3)

    again = new_case(store=states)
    await ProjectionRunner(log, [again.engine]).catch_up()

    assert again.seen == [3]


async def test_a_page_is_read_once_for_all_that_want_it(log, new_case):
    await log.deposit(*range(30))
    cases = [new_case(name) for name in ("one", "two", "three")]

    await ProjectionRunner(log, [each.engine for each in cases], page_size=10).catch_up()

    assert log.pages == [0, 10, 20]
    assert all(each.seen == list(range(30)) for each in cases)


async def test_each_projection_goes_from_its_own_place(log, new_case):
    old, new = new_case("old"), new_case("new")
    await log.deposit(*range(7))
    await ProjectionRunner(log, [old.engine], page_size=3).catch_up()
    await log.deposit(*range(7, 20))

    await ProjectionRunner(log, [old.engine, new.engine], page_size=3).catch_up()

    assert old.seen == new.seen == list(range(20))


async def test_a_sync_store_in_memory_is_followed_too(case):
    store = InMemoryEventStore()
    store.append("account-1", deposits(1, 2))

    await ProjectionRunner(store, [case.engine]).catch_up()

    assert case.seen == [1, 2]


async def test_what_fails_in_one_projection_stops_no_other(log, new_case, at_once):
    bad, good = new_case("bad"), new_case("good")
    bad.failing = {2: -1}
    await log.deposit(1, 2, 3)
    runner = ProjectionRunner(log, [bad.engine, good.engine], on_failure=at_once())

    with pytest.raises(ProjectionsStopped, match="'bad': ValueError: no 2") as stopped:
        await runner.catch_up()

    assert isinstance(stopped.value.causes["bad"], ValueError)
    assert (bad.seen, good.seen) == ([1], [1, 2, 3])
    first, second = await runner.status()
    assert (first.condition, first.problem, first.checkpoint, first.lag) == (
        "stopped", "ValueError: no 2", 1, 2,
    )  # fmt: skip
    assert (second.condition, second.problem, second.lag) == ("not running", None, 0)


async def test_an_event_that_fails_is_tried_again_as_often_as_the_policy_says(log, case, at_once):
    await log.deposit(1, 2, 3)
    runner = ProjectionRunner(log, [case.engine], on_failure=at_once(retries=3))

    case.failing = {2: 3}
    await runner.catch_up()
    await log.deposit(4)
    case.failing = {4: 4}
    with pytest.raises(ProjectionsStopped):
        await runner.catch_up()

    assert case.seen == [1, 2, 3]
    assert case.failing == {4: 0}


async def test_each_event_has_attempts_of_its_own(log, case, at_once):
    await log.deposit(1, 2, 3)
    case.failing = {1: 2, 2: 2, 3: 2}

    await ProjectionRunner(log, [case.engine], on_failure=at_once(retries=2)).catch_up()

    assert case.seen == [1, 2, 3]


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])
async def test_an_event_may_be_passed_over_after_its_last_attempt(
    log, new_case, at_once, store, caplog
):
    case = new_case(store=store())
    await log.deposit(1, 2, 3)
    case.failing = {2: -1}

    await ProjectionRunner(log, [case.engine], on_failure=at_once("skip", retries=1)).catch_up()

    state = case.engine.get_state()
    assert [each for each in case.seen if each == 3] == [3]
    assert (state.last_processed_position, state.applied_count) == (3, 2)
    assert state.is_healthy
    assert "'balance' passes position 2 over, after 2 failures: ValueError: no 2" in caplog.text


async def test_a_store_that_is_away_is_asked_again_for_as_long_as_it_takes(log, case, at_once):
    await log.deposit(1)
    log.outages = [StoreUnavailable("f.db", "locked"), OSError("the network is down")] * 3

    await ProjectionRunner(log, [case.engine], on_failure=at_once(retries=0)).catch_up()

    assert case.seen == [1]
    assert log.outages == []


async def test_a_state_that_cannot_be_saved_is_no_events_fault(
    log, new_case, at_once, caplog, until
):
    states = PlainStore()
    case = new_case(store=states)
    await log.deposit(1)
    runner = ProjectionRunner(log, [case.engine], on_failure=at_once(retries=0))
    await runner.catch_up()
    await log.deposit(2)
    states.broken = True

    catching_up = asyncio.create_task(runner.catch_up())
    await until(lambda: "cannot go on at present" in caplog.text)
    status = (await runner.status())[0]
    states.broken = False
    await catching_up

    assert status.problem == "ConnectionError: store is away"
    assert case.seen == [1, 2]
    assert states.states["balance"].last_processed_position == 2


async def test_a_checkpoint_above_the_head_is_refused(log, new_case):
    states = InMemoryProjectionStateStore()
    engine = new_case(store=states).engine
    await log.deposit(1, 2, 3)
    await ProjectionRunner(log, [engine]).catch_up()
    states._kept["balance"] = engine.get_state().changed(last_processed_position=9)

    with pytest.raises(
        ProjectionsStopped, match="up to position 9, and the store ends at 3"
    ) as stopped:
        await ProjectionRunner(log, [new_case(store=states).engine]).catch_up()

    assert isinstance(stopped.value.causes["balance"], CheckpointAboveHead)


async def test_the_checkpoint_of_another_log_is_refused(log, new_case):
    states, other = InMemoryProjectionStateStore(), InMemoryEventStore()
    other.append("account-1", deposits(1))
    await log.deposit(1)
    await ProjectionRunner(log, [new_case(store=states).engine]).catch_up()

    with pytest.raises(ProjectionsStopped) as stopped:
        await ProjectionRunner(other, [new_case(store=states).engine]).catch_up()

    assert isinstance(stopped.value.causes["balance"], NotTheLog)


async def test_a_state_of_another_version_is_refused_without_a_retry(log):
    states = InMemoryProjectionStateStore()
    await log.deposit(1)
    await ProjectionRunner(log, [ProjectionEngine("p", states)]).catch_up()
    await log.deposit(2)

    with pytest.raises(ProjectionsStopped, match="declares version 2") as stopped:
        await ProjectionRunner(log, [ProjectionEngine("p", states, version=2)]).catch_up()

    assert isinstance(stopped.value.causes["p"], OutdatedProjection)


async def test_two_runners_on_one_projection_apply_nothing_twice(log, new_case):
    database = FakeDatabase()

    def engine():
        engine = ProjectionEngine("p", database)
        engine.on(Deposited)(lambda event, context: context.transaction.rows.append(event.amount))
        return engine

    await log.deposit(*range(100))
    runners = [ProjectionRunner(log, [engine()], page_size=7) for _ in range(3)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(each.catch_up() for each in runners))

    assert database.rows == list(range(100))


class Sums(Projection):
    def __init__(self) -> None:
        self.total = 0

    @on(Deposited)
    def add(self, event: Deposited) -> None:
        self.total += event.amount


def test_a_model_in_memory_needs_a_checkpoint_in_memory(log):
    durable, volatile = (
        ProjectionEngine("sums", PlainStore()),
        ProjectionEngine("sums", InMemoryProjectionStateStore()),
    )
    durable.register(Sums)
    volatile.register(Sums)

    with pytest.raises(InvalidRunner, match="'sums' keeps its model in memory and its checkpoint"):
        ProjectionRunner(log, [durable])
    ProjectionRunner(log, [volatile])


def test_what_cannot_be_run_is_refused(log, new_case):
    with pytest.raises(InvalidRunner, match="at least one engine"):
        ProjectionRunner(log, [])
    with pytest.raises(InvalidRunner, match="two engines of projection 'balance'"):
        ProjectionRunner(log, [new_case().engine, new_case().engine])
    for size in cast("list[int]", [0, True, "x"]):
        with pytest.raises(InvalidRunner, match="page_size is a whole number from 1 on"):
            ProjectionRunner(log, [new_case().engine], page_size=size)
    with pytest.raises(InvalidRunner, match="action is one of park, stop, skip"):
        FailurePolicy("park anywhere")  # type: ignore[arg-type]
    with pytest.raises(InvalidRunner, match="retries by a RetryPolicy"):
        FailurePolicy(retry=3)  # type: ignore[arg-type]


async def test_a_runner_does_one_thing_at_a_time(log, case):
    runner = ProjectionRunner(log, [case.engine])

    async with runner.running():
        with pytest.raises(RunnerError, match="at work already"):
            await runner.catch_up()
    await runner.catch_up()


def test_what_is_no_store_is_refused(case):
    with pytest.raises(InvalidRunner, match="event_store is an event store with async methods"):
        ProjectionRunner(object(), [case.engine])  # type: ignore[arg-type]
