"""The documented way, and what an engine remembers of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from zlib import crc32

import pytest
from sample_events import (
    Balance,
    Deposited,
    LargeDeposited,
    Renamed,
    deposits,
    engine_for,
    page_of,
    recorded,
)

from orchestrix.eventsourcing import ProjectionEngine, Promise
from orchestrix.messaging import Event
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionState


async def test_events_reach_their_handler_in_order() -> None:
    model = Balance()

    await engine_for(model).process_events(deposits(1, 2, 3))

    assert model.seen == [1, 2, 3]


async def test_initialize_is_optional_and_saves_a_first_state() -> None:
    store = InMemoryProjectionStateStore()
    engine = ProjectionEngine(projection_id="p", state_store=store)
    assert engine.get_state() is None
    assert not engine.is_healthy()

    await engine.initialize()

    assert engine.get_state() == await store.load_state("p")
    assert engine.is_healthy()


async def test_the_state_tells_how_far_the_projection_is() -> None:
    events = deposits(1, 2, 3)
    engine = engine_for(Balance())

    await engine.process_events(events)

    state = engine.get_state()
    assert state is not None
    assert state.last_processed_event_id == events[-1].id
    assert state.last_processed_position == 3
    assert state.applied_count == 3
    assert state.is_healthy
    assert state.feed == "bare"


async def test_a_recorded_feed_counts_positions() -> None:
    engine = engine_for(Balance())

    await engine.process_events(page_of(deposits(1, 2, 3)))

    state = engine.get_state()
    assert state is not None
    assert (state.feed, state.last_processed_position) == ("recorded", 3)


async def test_an_event_without_a_handler_moves_the_checkpoint_and_is_not_counted() -> None:
    for events in ([*deposits(1), Renamed()], page_of([*deposits(1), Renamed()])):
        engine = engine_for(Balance())

        await engine.process_events(events)

        state = engine.get_state()
        assert state is not None
        assert (state.last_processed_position, state.applied_count) == (2, 1)


async def test_the_hash_of_a_log_is_the_sum_of_the_cubes_of_its_handled_positions() -> None:
    one, _, three, four, five = page_of([*deposits(1, 2, 3), Renamed(), *deposits(5)]).events
    engine = engine_for(Balance())

    await engine.process_events([one, three, four, five])

    state = engine.get_state()
    assert state is not None
    assert (state.applied_count, state.applied_hash) == (3, 1 + 27 + 125)


async def test_the_hash_of_bare_events_is_the_sum_of_the_crcs_of_the_handled_ids() -> None:
    one, two = deposits(1, 2)
    engine = engine_for(Balance())

    await engine.process_events([one, Renamed(), two, Renamed()])

    state = engine.get_state()
    assert state is not None
    assert state.applied_hash == crc32(one.id.encode()) + crc32(two.id.encode())


async def test_handlers_may_be_sync_or_async_and_all_of_them_run_in_order() -> None:
    calls: list[str] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    def first(event: Deposited) -> None:
        calls.append("first")

    @engine.on(Deposited)
    async def second(event: Deposited) -> None:
        await asyncio.sleep(0)
        calls.append("second")

    await engine.process_events(deposits(1, 1))

    assert calls == ["first", "second"] * 2


@pytest.mark.parametrize("feed", [deposits(1, 2), recorded(1, 2)], ids=["bare", "recorded"])
async def test_whatever_awaitable_a_handler_returns_is_awaited(feed: list[Event]) -> None:
    async def fail(event: Deposited) -> None:
        if event.amount == 2:
            raise OSError("late")

    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited)(lambda event: asyncio.ensure_future(fail(event)))

    with pytest.raises(OSError, match="late"):
        await engine.process_events(feed)

    assert not engine.is_healthy()


async def test_a_base_class_handler_takes_its_subclasses_once_per_function() -> None:
    calls: list[str] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Event)
    @engine.on(Deposited)
    def any_event(event: Event) -> None:
        calls.append(event.type)

    await engine.process_events([LargeDeposited(amount=1), Renamed()])

    assert calls == ["LargeDeposited", "Renamed"]


async def test_any_iterable_and_any_async_iterable_is_a_feed() -> None:
    events = deposits(*range(25))

    def generator() -> Iterator[Event]:
        yield from events

    async def async_generator() -> AsyncIterator[Event]:
        for event in events:
            yield event

    for feed in (events, tuple(events), iter(events), generator(), async_generator()):
        model = Balance()

        await engine_for(model, batch_size=10).process_events(feed)

        assert model.seen == list(range(25))


async def test_a_generator_is_read_a_batch_at_a_time() -> None:
    events, drawn, model = deposits(*range(6)), [], Balance()
    handled: list[int] = []

    def generator() -> Iterator[Event]:
        for event in events:
            drawn.append(event)
            handled.append(len(model.seen))
            yield event

    await engine_for(model, batch_size=2).process_events(generator())

    assert len(drawn) == 6
    assert handled == [0, 0, 2, 2, 4, 4]


async def test_what_an_async_iterable_yields_is_handled_as_it_comes() -> None:
    model, one, other = Balance(), *deposits(1, 2)
    handled: list[list[int]] = []

    async def live() -> AsyncIterator[Event]:
        yield one
        handled.append(list(model.seen))
        yield other
        handled.append(list(model.seen))

    await engine_for(model).process_events(live())

    assert handled == [[1], [1, 2]]


async def test_a_list_that_a_handler_changes_is_processed_as_it_was_given() -> None:
    events = deposits(1, 2)
    model = Balance()
    engine = engine_for(model)
    small = engine_for(model, batch_size=1)
    for each in (engine, small):
        each.on(Deposited)(lambda event: events.append(Deposited(amount=9)))

    await engine.process_events(events)
    assert model.seen == [1, 2]

    await small.process_events(events)
    assert len(model.seen) == 6


async def test_a_state_that_was_loaded_never_changes() -> None:
    store = InMemoryProjectionStateStore()
    engine = engine_for(Balance(), store)
    await engine.process_events(deposits(1))
    held = await store.load_state("balance")
    assert held is not None

    await engine.process_events(deposits(2))

    assert held.last_processed_position == 1
    assert len(held.event_ids) == 1


async def test_the_promise_is_known_from_the_state_store() -> None:
    class Plain:
        async def load_state(self, projection_id: str) -> ProjectionState | None:
            return None

        async def save_state(self, state: ProjectionState) -> None:
            pass

    in_memory = ProjectionEngine("p", InMemoryProjectionStateStore())
    plain = ProjectionEngine("p", Plain())

    assert in_memory.promise is Promise.EXACTLY_ONCE_IN_PROCESS
    assert plain.promise is Promise.AT_LEAST_ONCE


async def test_a_batch_handler_takes_what_is_new_in_one_call() -> None:
    for feed in (deposits(1, 2, 3), recorded(1, 2, 3)):
        batches: list[list[int]] = []
        engine = ProjectionEngine("p", InMemoryProjectionStateStore(), batch_size=2)

        @engine.on_batch
        async def take(events: list[Deposited], batches: list[list[int]] = batches) -> None:
            batches.append([event.amount for event in events])

        await engine.process_events(feed)
        await engine.process_events(feed)

        assert batches == [[1, 2], [3]]


async def test_the_loop_gets_its_turn_between_batches() -> None:
    turns = 0

    async def bystander() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(bystander())
    await engine_for(Balance(), batch_size=10).process_events(deposits(*range(100)))
    task.cancel()

    assert turns >= 9


class SyncStore:
    def load_state(self, projection_id: str) -> None: ...

    def save_state(self, state: ProjectionState) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"projection_id": ""}, "projection_id is a text"),
        (
            {"state_store": None},
            "state_store needs the coroutine methods load_state and save_state",
        ),
        ({"version": 0}, "version is a whole number from 1 on; found 0"),
        ({"window": 0}, "window is a whole number from 1 on"),
        ({"batch_size": True}, "batch_size is a whole number"),
        ({"start": -1}, "start is a whole number from 0 on"),
        ({"start": "middle"}, "start is a whole number from 0 on; found 'middle'"),
        ({"ignore": "Old"}, "ignore is a list of types"),
        ({"start": datetime(2026, 11, 23)}, "start needs an offset"),  # noqa: DTZ001 - that is it
        ({"state_store": InMemoryProjectionStateStore}, "found <class"),
        ({"state_store": SyncStore()}, "needs the coroutine methods load_state and save_state"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, object], sentence: str) -> None:
    store = InMemoryProjectionStateStore()
    given: dict[str, object] = {"projection_id": "p", "state_store": store, **arguments}

    with pytest.raises(ValueError, match=sentence):
        ProjectionEngine(**given)  # type: ignore[arg-type]
