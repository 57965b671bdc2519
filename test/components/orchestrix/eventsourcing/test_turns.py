"""Calls on one engine: one after the other, never inside each other, from one loop."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

import pytest
from fake_database import FakeDatabase, PlainStore
from sample_events import Balance, Deposited, deposits, engine_for, log_of

from orchestrix.eventsourcing import EngineInUse, ProjectionEngine
from orchestrix.eventsourcing.projections.turn import _calls
from orchestrix.messaging import Event
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore


class Slow(Balance):
    async def add(self, event: Deposited) -> None:
        before = self.total
        await asyncio.sleep(0)
        self.total = before + event.amount
        self.seen.append(event.amount)


async def test_calls_queue_in_the_order_they_came() -> None:
    model = Slow()
    engine = engine_for(model)

    await asyncio.gather(*(engine.process_events(deposits(each, each)) for each in range(5)))

    assert model.seen == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert model.total == 20


async def test_the_same_event_in_two_calls_at_once_is_applied_once() -> None:
    model, (event,) = Slow(), deposits(1)
    engine = engine_for(model)

    await asyncio.gather(engine.handle_event(event), engine.handle_event(event))

    assert model.seen == [1]


async def test_a_call_that_is_cancelled_while_it_waits_lets_the_others_on() -> None:
    model, entered, gate = Balance(), asyncio.Event(), asyncio.Event()
    engine = engine_for(model)

    @engine.on(Deposited)
    async def wait(event: Deposited) -> None:
        entered.set()
        await gate.wait()

    first = asyncio.create_task(engine.process_events(deposits(1)))
    second = asyncio.create_task(engine.process_events(deposits(2)))
    third = asyncio.create_task(engine.process_events(deposits(3)))
    await entered.wait()

    second.cancel()
    gate.set()
    await asyncio.gather(first, third)
    await asyncio.wait([second])

    assert second.cancelled()
    assert model.seen == [1, 3]


@pytest.mark.parametrize("by_task", [False, True])
async def test_a_handler_cannot_call_its_own_engine(by_task: bool) -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    async def again(event: Deposited) -> None:
        call = engine.process_events(deposits(2))
        await (asyncio.create_task(call) if by_task else call)

    with pytest.raises(EngineInUse, match="from inside a call that is not over"):
        await asyncio.wait_for(engine.process_events(deposits(1)), 5)


async def test_neither_a_reset_hook_nor_a_feed_can_call_the_engine_that_calls_them() -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    async def feed() -> AsyncIterator[Event]:
        await engine.process_events(deposits(1))
        yield Deposited(amount=2)

    with pytest.raises(EngineInUse, match="by a handler, a reset hook, the feed itself"):
        await asyncio.wait_for(engine.process_events(feed()), 5)

    @engine.on_reset
    async def clear() -> None:
        await engine.process_events(deposits(1))

    with pytest.raises(EngineInUse, match="by a handler, a reset hook, the feed itself"):
        await asyncio.wait_for(engine.replay([]), 5)


async def test_a_task_that_a_handler_started_may_call_once_the_handler_is_done() -> None:
    model, later, is_over = Balance(), [], asyncio.Event()
    engine = engine_for(model)

    async def go_on() -> None:
        await is_over.wait()
        await engine.process_events(deposits(2))

    @engine.on(Deposited)
    def start(event: Deposited) -> None:
        if event.amount == 1:
            later.append(asyncio.create_task(go_on()))

    await engine.process_events(deposits(1))
    is_over.set()
    await asyncio.wait_for(asyncio.gather(*later), 5)

    assert model.seen == [1, 2]


async def test_a_handler_may_call_another_engine() -> None:
    model = Balance()
    inner, outer = engine_for(model), ProjectionEngine("q", InMemoryProjectionStateStore())
    outer.on(Deposited)(inner.handle_event)

    await outer.process_events(deposits(1))

    assert model.seen == [1]


async def test_two_engines_that_call_each_other_are_refused() -> None:
    one = ProjectionEngine("one", InMemoryProjectionStateStore())
    other = ProjectionEngine("other", InMemoryProjectionStateStore())
    one.on(Deposited)(lambda event: other.process_events(deposits(1)))
    other.on(Deposited)(lambda event: one.process_events(deposits(1)))

    with pytest.raises(EngineInUse, match="projection 'one'"):
        await asyncio.wait_for(one.process_events(deposits(1)), 5)


async def test_a_second_loop_is_refused_while_the_first_is_at_work() -> None:
    engine, refused = engine_for(Balance()), []
    entered, gate = threading.Event(), asyncio.Event()

    @engine.on(Deposited)
    async def wait(event: Deposited) -> None:
        entered.set()
        await gate.wait()

    def other_thread() -> None:
        assert entered.wait(5)
        try:
            asyncio.run(engine.process_events(deposits(2)))
        except EngineInUse as error:
            refused.append(str(error))

    task = asyncio.create_task(engine.process_events(deposits(1)))
    thread = asyncio.create_task(asyncio.to_thread(other_thread))
    await thread
    gate.set()
    await task

    assert "in use by another event loop" in refused[0]


def test_a_cancelled_wait_does_not_keep_other_loops_out() -> None:
    model = Slow()
    engine = engine_for(model)

    async def cancel_one() -> None:
        first = asyncio.create_task(engine.process_events(deposits(1)))
        second = asyncio.create_task(engine.process_events(deposits(2)))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([first, second])

    asyncio.run(cancel_one())
    asyncio.run(engine.process_events(deposits(3)))

    assert model.seen == [1, 3]


def test_one_loop_after_the_other_is_fine() -> None:
    model = Balance()
    engine = engine_for(model)

    for amount in (1, 2):
        asyncio.run(engine.process_events(deposits(amount)))

    assert model.seen == [1, 2]


async def test_engines_that_share_a_state_in_memory_queue_too() -> None:
    store, model, events = InMemoryProjectionStateStore(), Slow(), deposits(1, 2, 3)
    one, other = engine_for(model, store), engine_for(model, store)

    await asyncio.gather(one.process_events(events), other.process_events(events))

    assert model.seen == [1, 2, 3]


class Stranded:
    """Two calls of one engine, the first in its handler, whose loop was closed."""

    def __init__(self) -> None:
        self.model, self._hang = Balance(), True
        self.engine = engine_for(self.model)
        self.engine.on(Deposited)(self._wait)
        loop = asyncio.new_event_loop()
        calls = (self.engine.process_events(deposits(each)) for each in (1, 2))
        self._calls = [loop.create_task(call) for call in calls]
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        self._hang = False

    async def _wait(self, event: Deposited) -> None:
        if self._hang:
            await asyncio.get_running_loop().create_future()

    def destroy(self) -> None:
        for each in range(2):
            self._calls[each]._log_destroy_pending = False  # type: ignore[attr-defined]
        self._calls.clear()
        gc.collect()

    def process(self, amount: int) -> None:
        call = self.engine.process_events(deposits(amount))
        asyncio.run(asyncio.wait_for(call, 5))


def test_a_call_that_dies_with_its_loop_leaves_no_lock() -> None:
    stranded = Stranded()

    stranded.destroy()
    stranded.process(3)

    assert stranded.model.seen == [1, 3]


async def test_calls_that_follow_each_other_by_tasks_leave_nothing_behind() -> None:
    engine, is_over = engine_for(Balance()), asyncio.Event()
    depths: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def feed(number: int) -> None:
        await is_free.wait()
        is_free.clear()
        await engine.process_events(deposits(number))
        is_free.set()

    @engine.on(Deposited)
    def follow(event: Deposited) -> None:
        depths.append(len(_calls.get()))
        if event.amount < 50:
            tasks.append(asyncio.create_task(feed(event.amount + 1)))
        else:
            is_over.set()

    is_free = asyncio.Event()
    is_free.set()
    await feed(0)
    await asyncio.wait_for(is_over.wait(), 5)
    await asyncio.gather(*tasks)

    assert set(depths) == {1}


async def test_a_turn_that_comes_with_the_cancellation_is_passed_on() -> None:
    model, gate, entered = Balance(), asyncio.Event(), asyncio.Event()
    engine = engine_for(model)

    @engine.on(Deposited)
    async def wait(event: Deposited) -> None:
        entered.set()
        await gate.wait()

    async def first() -> None:
        await engine.process_events(deposits(1))
        second.cancel()  # which has the turn by now, and has not run

    task = asyncio.create_task(first())
    await entered.wait()
    second = asyncio.create_task(engine.process_events(deposits(2)))
    third = asyncio.create_task(engine.process_events(deposits(3)))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.wait_for(asyncio.gather(task, third), 5)

    assert second.cancelled()
    assert model.seen == [1, 3]


def test_a_closed_loop_gives_its_turn_up_though_its_task_is_kept() -> None:
    stranded = Stranded()

    stranded.process(3)
    stranded.process(4)
    stranded.destroy()
    stranded.process(5)

    assert stranded.model.seen == [1, 3, 4, 5]


async def test_a_call_of_a_closed_loop_passes_on_no_turn_that_is_not_its_own() -> None:
    model, gates, entered = Balance(), {3: asyncio.Event()}, asyncio.Event()
    engine = engine_for(model)

    @engine.on(Deposited)
    async def wait(event: Deposited) -> None:
        if event.amount == 1:
            await asyncio.get_running_loop().create_future()
        if event.amount == 3:
            entered.set()
            await gates[3].wait()

    def strand() -> list[asyncio.Task[None]]:
        loop = asyncio.new_event_loop()
        kept = [loop.create_task(engine.process_events(deposits(1)))]
        loop.run_until_complete(asyncio.sleep(0))
        kept[0]._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
        return kept

    kept = await asyncio.to_thread(strand)
    first = asyncio.create_task(engine.process_events(deposits(3)))
    await entered.wait()
    second = asyncio.create_task(engine.process_events(deposits(4)))
    await asyncio.sleep(0)
    kept.clear()
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)
    assert model.seen == [1, 3]

    gates[3].set()
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert model.seen == [1, 3, 4]


def test_a_turn_that_a_closed_loop_never_took_is_nobody_elses() -> None:
    engine, order = engine_for(Balance()), []

    @engine.on(Deposited)
    async def note(event: Deposited) -> None:
        order.append(("start", event.amount))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        order.append(("end", event.amount))

    loop = asyncio.new_event_loop()
    first = loop.create_task(engine.process_events(deposits(1)))
    kept = [loop.create_task(engine.process_events(deposits(2)))]
    while not engine._turn._next:
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert first.done()
    kept[0]._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()

    async def two_calls() -> None:
        third = asyncio.create_task(engine.process_events(deposits(3)))
        await asyncio.sleep(0)
        kept.clear()
        gc.collect()
        await asyncio.gather(third, engine.process_events(deposits(4)))

    asyncio.run(two_calls())

    numbers = [amount for _, amount in order if amount > 2]
    assert numbers == [3, 3, 4, 4]


class Pause:
    """What a coroutine waits for until somebody goes on with it."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def left_behind(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Begin a call in a loop that is closed while it waits."""
    loop = asyncio.new_event_loop()
    began = loop.create_task(call())
    loop.run_until_complete(asyncio.wait([began], timeout=0.01))
    loop.close()


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore])
@pytest.mark.parametrize("is_bare", [True, False])
def test_what_a_call_handled_counts_before_the_next_one_though_its_loop_was_closed(
    is_bare: bool, store: type[ProjectionStateStore]
) -> None:
    model, hang, never = Balance(), [2], asyncio.Event()
    feed = deposits(1, 2, 3) if is_bare else log_of(deposits(1, 2, 3)).read_all().events
    state_store = store()

    def engine() -> ProjectionEngine:
        engine = ProjectionEngine("p", state_store)

        @engine.on(Deposited)
        async def add(event: Deposited) -> None:
            if event.amount in hang:
                await never.wait()
            await model.add(event)

        return engine

    one = engine()
    other = engine() if isinstance(state_store, InMemoryProjectionStateStore) else one
    gc.disable()  # it would end the call that is left behind, some time
    try:
        left_behind(lambda: one.process_events(feed))
        hang.clear()
        asyncio.run(other.process_events(feed))
        state = other.get_state()
    finally:
        gc.enable()
    gc.collect()

    assert model.seen == [1, 2, 3]
    assert state is not None
    assert (state.last_processed_position, state.applied_count) == (3, 3)
    assert other.get_state() == state


def test_a_call_that_was_left_behind_is_ended_though_it_waits_at_its_end() -> None:
    model, never = Balance(), asyncio.Event()
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    async def add(event: Deposited) -> None:
        try:
            if event.amount == 1:
                await never.wait()
            await model.add(event)
        finally:
            if event.amount == 1:
                await Pause()

    left_behind(lambda: engine.process_events(deposits(3, 1)))
    asyncio.run(engine.process_events(deposits(2)))

    state = engine.get_state()
    assert model.seen == [3, 2]
    assert state is not None
    assert state.applied_count == 2


def test_what_a_call_raises_that_was_left_behind_is_logged_and_nobody_elses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, never = Balance(), asyncio.Event()
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    async def add(event: Deposited) -> None:
        try:
            if event.amount == 1:
                await never.wait()
            await model.add(event)
        finally:
            if event.amount == 1:
                raise OSError("the file is closed")

    left_behind(lambda: engine.process_events(deposits(1)))
    asyncio.run(engine.process_events(deposits(2)))

    assert model.seen == [2]
    assert "was left when its loop was closed" in caplog.text


class Connection:
    """What a handler leaves only after a wait, as a connection to a server."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *problem: object) -> None:
        await Pause()


class Immediate(FakeDatabase):
    """Answers without a turn of the loop, as an embedded database can."""

    async def step(self) -> None:
        self.steps += 1


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, Immediate])
@pytest.mark.parametrize("is_replay", [False, True])
def test_a_call_that_was_left_behind_counts_as_cancelled_whatever_its_handler_raises(
    store: type[ProjectionStateStore], is_replay: bool
) -> None:
    calls: list[int] = []
    never, hang = asyncio.Event(), [2]
    engine = ProjectionEngine("p", store())

    @engine.on(Deposited)
    async def handle(event: Deposited) -> None:
        calls.append(event.amount)
        async with Connection():
            if event.amount in hang:
                await never.wait()

    feed = log_of(deposits(2, 3)).read_all()
    left_behind(lambda: engine.replay(feed) if is_replay else engine.process_events(feed))
    before = calls[:]
    hang.clear()
    asyncio.run(engine.initialize())

    assert before == [2]
    assert calls == [2]
    state = engine.get_state()
    assert state is None or (state.error_count, state.is_healthy) == (0, True)
