"""Has my write arrived? Waiting for a position, and knowing at once when it will not come."""

import asyncio

import pytest
from sample_events import Renamed

from orchestrix.messaging import FixedDelay
from orchestrix.projection_runtime import (
    FailurePolicy,
    NotInTime,
    NotProcessed,
    ProjectionRunner,
    ProjectionsStopped,
    UnknownProjection,
)
from orchestrix.projection_state import InMemoryProjectionStateStore


async def test_it_returns_when_the_write_is_in_all_read_models(log, new_case):
    one, two = new_case("one"), new_case("two")
    runner = ProjectionRunner(log, [one.engine, two.engine])

    async with runner.running():
        for each in range(5):
            await runner.wait_for(await log.deposit(each), timeout=5)
            assert one.seen[-1] == two.seen[-1] == each


async def test_an_event_that_nothing_handles_arrives_too(log, case):
    runner = ProjectionRunner(log, [case.engine])

    async with runner.running():
        await runner.wait_for(await log.append("other", [Renamed()]), timeout=5)

    assert case.checkpoint == 1


async def test_what_arrived_before_needs_no_runner_at_work(log, case):
    runner = ProjectionRunner(log, [case.engine])
    result = await log.deposit(1)
    await runner.catch_up()

    await runner.wait_for(result, timeout=0)
    await runner.wait_for(0, timeout=0)


async def test_only_the_projections_that_are_named_are_waited_for(log, new_case, at_once, until):
    bad, good = new_case("bad"), new_case("good")
    bad.failing = {1: -1}
    runner = ProjectionRunner(log, [bad.engine, good.engine], on_failure=at_once())

    running = asyncio.create_task(runner.run())
    await runner.wait_for(await log.deposit(1), ["good"], timeout=5)
    await until(lambda: bad.failing == {1: -4})
    with pytest.raises(NotProcessed, match="'bad' has not passed position 1: it is stopped: Value"):
        await runner.wait_for(1, timeout=5)
    runner.stop()
    with pytest.raises(ProjectionsStopped):
        await asyncio.wait_for(running, 5)


async def test_a_projection_that_is_not_started_is_waited_for_until_the_time_is_over(log, case):
    runner = ProjectionRunner(log, [case.engine])

    with pytest.raises(NotInTime, match=r"after 0.01 seconds it is at 0, not running here"):
        await runner.wait_for(await log.deposit(1), timeout=0.01)


async def test_it_does_not_matter_who_runs_the_projection(log, new_case):
    states = InMemoryProjectionStateStore()
    web = ProjectionRunner(log, [new_case(store=states).engine])
    worker = ProjectionRunner(log, [new_case(store=states).engine])

    async with worker.running():
        await web.wait_for(await log.deposit(1), timeout=5)


async def test_a_write_that_fails_is_told_at_once_with_its_cause(log, case):
    case.failing = {2: -1}
    policy = FailurePolicy(retry=FixedDelay(max_retries=3, delay=60))
    runner = ProjectionRunner(log, [case.engine], on_failure=policy)

    async with runner.running():
        await runner.wait_for(await log.deposit(1), timeout=5)
        with pytest.raises(
            NotProcessed, match="it failed at position 2 and tries again: ValueError: no 2"
        ) as raised:
            await runner.wait_for(await log.deposit(2), timeout=5)
        with pytest.raises(NotInTime, match="it is at 1, retrying here: ValueError: no 2"):
            await runner.wait_for(await log.deposit(3), timeout=0.01)

    assert isinstance(raised.value.__cause__, ValueError)


async def test_a_write_fails_when_any_of_its_events_does(log, case):
    case.failing = {2: -1}
    policy = FailurePolicy(retry=FixedDelay(max_retries=3, delay=60))
    runner = ProjectionRunner(log, [case.engine], on_failure=policy)

    async with runner.running():
        with pytest.raises(NotProcessed, match="it failed at position 2"):
            await runner.wait_for(await log.deposit(1, 2, 3), timeout=5)


async def test_a_name_that_nobody_has_is_an_error(log, case):
    runner = ProjectionRunner(log, [case.engine])

    with pytest.raises(UnknownProjection, match="no projection 'x' in this runner, only balance"):
        await runner.wait_for(1, ["x"])


async def test_many_wait_at_once(log, case):
    runner = ProjectionRunner(log, [case.engine])

    async with runner.running():
        results = [await log.deposit(each) for each in range(50)]
        async with asyncio.timeout(5):
            await asyncio.gather(*(runner.wait_for(each) for each in results * 10))

    assert len(case.seen) == 50
