"""For as long as the log grows: following, stopping, being cancelled."""

import asyncio

import pytest
from fake_database import FakeDatabase
from sample_events import Deposited

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.projection_runtime import ProjectionRunner, ProjectionsStopped


async def test_what_is_appended_is_handled_as_it_comes(log, new_case, until):
    one, two = new_case("one"), new_case("two")
    runner = ProjectionRunner(log, [one.engine, two.engine], page_size=2)

    async with runner.running():
        for each in range(9):
            await log.deposit(each)
            await until(lambda each=each: one.seen[-1:] == two.seen[-1:] == [each])
        assert {each.condition for each in await runner.status()} == {"live"}

    assert one.seen == two.seen == list(range(9))
    assert {each.condition for each in await runner.status()} == {"not running"}


async def test_a_stop_finishes_the_batch_that_was_begun(log, new_case):
    case, entered, gate = new_case(), asyncio.Event(), asyncio.Event()

    async def wait(event):
        entered.set()
        await gate.wait()

    case.engine.on(Deposited)(wait)
    await log.deposit(1, 2, 3, 4)
    runner = ProjectionRunner(log, [case.engine], page_size=2)
    running = asyncio.create_task(runner.run())
    await entered.wait()
    runner.stop()
    gate.set()
    await asyncio.wait_for(running, 5)

    assert case.seen == [1, 2]
    assert case.checkpoint == 2


async def test_a_stop_ends_the_wait_before_the_next_attempt(log, case, until):
    await log.deposit(1)
    case.failing = {1: -1}
    runner = ProjectionRunner(log, [case.engine])  # whose policy waits between attempts
    running = asyncio.create_task(runner.run())
    await until(lambda: case.failing == {1: -2})

    runner.stop()
    await asyncio.wait_for(running, 5)

    assert case.checkpoint == 0


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_runner_that_is_cancelled_anywhere_leaves_what_another_goes_on_with(log, turns):
    database = FakeDatabase()

    def engine():
        engine = ProjectionEngine("p", database)

        @engine.on(Deposited)
        async def write(event, context):
            await asyncio.sleep(0)
            context.transaction.rows.append(event.amount)

        return engine

    await log.deposit(*range(6))
    running = asyncio.create_task(ProjectionRunner(log, [engine()], page_size=3).run())
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    await ProjectionRunner(log, [engine()], page_size=4).catch_up()

    assert running.cancelled()
    assert database.rows == list(range(6))


async def test_a_cancelled_runner_can_run_again(log, case, until):
    await log.deposit(1)
    runner = ProjectionRunner(log, [case.engine])
    running = asyncio.create_task(runner.run())
    await until(lambda: case.seen == [1])
    running.cancel()
    await asyncio.wait([running])
    await log.deposit(2)

    await runner.catch_up()

    assert case.seen == [1, 2]


async def test_the_others_go_on_when_one_is_stopped(log, new_case, at_once, until):
    bad, good = new_case("bad"), new_case("good")
    bad.failing = {2: -1}
    runner = ProjectionRunner(log, [bad.engine, good.engine], on_failure=at_once())

    running = asyncio.create_task(runner.run())
    await log.deposit(1, 2)
    await until(lambda: good.seen == [1, 2] and bad.failing == {2: -4})
    await log.deposit(3)
    await until(lambda: good.seen == [1, 2, 3])
    runner.stop()
    with pytest.raises(ProjectionsStopped, match="'bad': ValueError: no 2"):
        await asyncio.wait_for(running, 5)

    assert bad.seen == [1]


async def test_a_runner_ends_when_all_are_stopped(log, case, at_once):
    await log.deposit(1)
    case.failing = {1: -1}

    with pytest.raises(ProjectionsStopped):
        await asyncio.wait_for(ProjectionRunner(log, [case.engine], on_failure=at_once()).run(), 5)


async def test_nothing_is_left_behind_at_the_end(log, case, until):
    before = asyncio.all_tasks()
    runner = ProjectionRunner(log, [case.engine])

    async with runner.running():
        await log.deposit(1)
        await until(lambda: case.seen == [1])

    assert asyncio.all_tasks() == before


async def test_a_stop_before_the_start_does_nothing(log, case):
    runner = ProjectionRunner(log, [case.engine])
    runner.stop()
    await log.deposit(1)

    await runner.catch_up()

    assert case.seen == [1]


async def test_what_fails_in_the_block_is_raised_whatever_became_of_the_projections(
    log, case, at_once, until, caplog
):
    case.failing = {1: 3}
    runner = ProjectionRunner(log, [case.engine], on_failure=at_once())
    await log.deposit(1)

    async def block():
        async with runner.running():
            await until(lambda: case.failing == {1: 0})
            raise OSError("the block's own")

    with pytest.raises(OSError, match="the block's own"):
        await block()
    await runner.catch_up()

    assert case.seen == [1]
    assert "'balance': ValueError: no 1" in caplog.text


async def test_a_block_that_is_cancelled_cancels_the_runner(log, new_case):
    case, entered = new_case(), asyncio.Event()

    async def hang(event):
        entered.set()
        await asyncio.sleep(3600)

    case.engine.on(Deposited)(hang)

    async def block():
        async with ProjectionRunner(log, [case.engine]).running():
            await asyncio.sleep(3600)

    await log.deposit(1)
    task = asyncio.create_task(block())
    await entered.wait()
    task.cancel()
    await asyncio.wait([task], timeout=5)

    assert task.cancelled()
