"""Handlers that do not return are told by name."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sample_events import Deposited

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.memory_store import InMemoryProjections
from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.projection_runtime.stalls import _Look
from orchestrix.projection_state import InMemoryProjectionStateStore


class Told(logging.Handler):
    """Waits for a message from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.message = ""
        self.count = 0
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.message = record.getMessage()
        self.count += 1
        self.came.set()


@pytest.fixture
def told() -> Iterator[Told]:
    told, logger = Told(), logging.getLogger("orchestrix.runtime")
    logger.addHandler(told)
    yield told
    logger.removeHandler(told)


def engine_with(handler: Callable[..., Any]) -> ProjectionEngine:
    engine = ProjectionEngine("slow", InMemoryProjectionStateStore())
    engine.on(Deposited)(handler)
    return engine


async def test_a_handler_that_waits_for_ever_is_told_by_name(log, told, until) -> None:
    go_on = asyncio.Event()

    async def wait_for_ever(event: Deposited) -> None:
        if event.amount == 2:
            await go_on.wait()

    await log.deposit(1, 2, 3)
    runner = ProjectionRunner(log, [engine_with(wait_for_ever)], stall_seconds=0.02)
    async with runner.running():
        await until(told.came.is_set)
        (stalled,) = await runner.status()
        go_on.set()
        await runner.wait_for(3)
        (after,) = await runner.status()

    assert "projection 'slow' is stalled: handler test_a_handler_that_waits" in told.message
    assert "wait_for_ever (" in told.message
    assert " has not answered at position 2 for " in told.message
    assert (stalled.condition, after.condition) == ("stalled", "live")
    assert "wait_for_ever" in str(stalled.problem)
    assert after.problem is None


@pytest.mark.parametrize("takes_context", [False, True])
def test_a_handler_that_blocks_the_loop_is_told_by_name(log, told, takes_context: bool) -> None:
    def block(event: Deposited) -> None:
        assert told.came.wait(10)

    def block_with_context(event: Deposited, context: object) -> None:
        assert told.came.wait(10)

    handler = block_with_context if takes_context else block

    async def work() -> None:
        await log.deposit(1)
        runner = ProjectionRunner(log, [engine_with(handler)], stall_seconds=0.02)
        await runner.catch_up()

    asyncio.run(work())

    assert f"{handler.__qualname__} (" in told.message
    assert "at position 1" in told.message


async def test_a_store_that_does_not_answer_is_told(log, told, until) -> None:
    go_on = asyncio.Event()

    class Slow(InMemoryProjections):
        @asynccontextmanager
        async def transaction(self, projection_id: str) -> AsyncGenerator[Any, None]:
            async with super().transaction(projection_id) as transaction:
                yield transaction
                if go_on_at == projection_id:
                    await go_on.wait()

    go_on_at = ""
    engine = ProjectionEngine("slow", Slow())

    @engine.on(Deposited)
    def handle(event: Deposited) -> None:
        nonlocal go_on_at
        go_on_at = "slow"

    await log.deposit(1)
    runner = ProjectionRunner(log, [engine], stall_seconds=0.02)
    async with runner.running():
        await until(told.came.is_set)
        go_on.set()
        await runner.wait_for(1)

    assert "is stalled: the state store has not answered" in told.message


async def test_who_is_quick_is_not_told(log, told, case) -> None:
    runner = ProjectionRunner(log, [case.engine], stall_seconds=60)

    await log.deposit(1)
    await runner.catch_up()

    assert not told.came.is_set()
    assert "orchestrix-stalls" not in {each.name for each in threading.enumerate()}


async def test_a_stall_is_told_once(log, told, until) -> None:
    go_on = asyncio.Event()

    async def wait_for_ever(event: Deposited) -> None:
        await go_on.wait()

    await log.deposit(1)
    runner = ProjectionRunner(log, [engine_with(wait_for_ever)], stall_seconds=0.02)
    follower = runner._followers["slow"]
    seen: set[int] = set()

    def looked_often() -> bool:
        seen.add(id(follower.stall))
        return len(seen) > 3

    async with runner.running():
        await until(looked_often)
        go_on.set()
        await runner.wait_for(1)

    assert told.count == 1


async def test_what_is_not_busy_for_long_is_no_stall(case) -> None:
    one: Any = SimpleNamespace(
        projection_id="p", task=asyncio.current_task(), busy_since=time.monotonic(), stall=None
    )

    _Look(one, 60.0, threading.get_ident()).look()

    assert one.stall is None


async def test_a_page_of_quick_handlers_is_no_stall(log, told) -> None:
    gone_on: asyncio.Queue[int] = asyncio.Queue()

    async def wait_a_little(event: Deposited) -> None:
        await gone_on.get()

    await log.deposit(*range(5))
    follower = ProjectionRunner(log, [engine_with(wait_a_little)])._followers["slow"]
    feeding = asyncio.create_task(follower.engine.process_events(await log.read_all()))
    one: Any = SimpleNamespace(
        projection_id="p", task=feeding, busy_since=time.monotonic() - 50, stall=None
    )
    look = _Look(one, 60.0, threading.get_ident())
    now = time.monotonic()
    for seconds in (0, 59, 118, 177):  # each is at another position
        await asyncio.sleep(0)
        look._clock = lambda seconds=seconds: now + seconds
        look.look()
        assert one.stall is None
        gone_on.put_nowait(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    one.stall = "what it was at before"
    look._clock = lambda: now + 1000
    look.look()
    assert one.stall is None
    look._clock = lambda: now + 1060
    look.look()
    assert "at position 5 for 60.0 seconds" in str(one.stall)
    assert told.count == 1
    gone_on.put_nowait(1)
    await feeding
