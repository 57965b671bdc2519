"""A handler fails: what stands, what is counted, and what a retry does."""

import asyncio
import gc
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from fake_database import FakeDatabase, PlainStore
from sample_events import (
    Balance,
    Deposited,
    Renamed,
    deposits,
    engine_for,
    log_of,
    page_of,
    recorded,
)

from orchestrix.eventsourcing import (
    FeedError,
    GapInFeed,
    OutOfOrder,
    ProjectionContext,
    ProjectionEngine,
    UnhandledUnknownEvent,
)
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event, RecordedEvent, UnknownEvent
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
)

FEEDS = pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])


def feed(is_bare: bool, *amounts: int) -> list[Event]:
    return deposits(*amounts) if is_bare else recorded(*amounts)  # type: ignore[return-value]


class Fragile(Balance):
    """Fails on the amounts in `poison`, after what it did in `before`."""

    def __init__(self, *poison: int) -> None:
        super().__init__()
        self.poison = set(poison)

    async def add(self, event: Deposited) -> None:
        if event.amount in self.poison:
            raise OSError(f"no {event.amount}")
        await super().add(event)


@FEEDS
async def test_a_half_done_event_whose_handlers_are_gone_is_not_counted(is_bare: bool) -> None:
    store = InMemoryProjectionStateStore()
    engine, events = ProjectionEngine("balance", store), feed(is_bare, 1)
    engine.on(Deposited)(lambda _: None)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise OSError(event.amount)

    with pytest.raises(OSError, match="1"):
        await engine.process_events(events)

    later = ProjectionEngine("balance", store)
    await later.process_events(events)
    state = later.get_state()
    assert state is not None
    assert (state.last_processed_position, state.applied_count, state.partly_applied) == (1, 0, ())


@FEEDS
async def test_the_exception_passes_unwrapped_and_the_prefix_stands(is_bare: bool) -> None:
    model = Fragile(2)
    engine = engine_for(model)

    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(feed(is_bare, 1, 2, 3))

    state = engine.get_state()
    assert state is not None
    assert model.seen == [1]
    assert state.last_processed_position == 1
    assert (state.error_count, state.is_healthy, state.last_error) == (1, False, "OSError: no 2")


@FEEDS
async def test_the_same_call_again_goes_on_and_a_success_makes_it_healthy(is_bare: bool) -> None:
    model, events = Fragile(2), feed(is_bare, 1, 2, 3)
    engine = engine_for(model)
    for _ in range(2):
        with pytest.raises(OSError, match="no 2"):
            await engine.process_events(events)

    model.poison.clear()
    await engine.process_events(events)

    state = engine.get_state()
    assert state is not None
    assert model.seen == [1, 2, 3]
    assert (state.error_count, state.is_healthy, state.last_error) == (2, True, None)
    assert state.failed_position is None


@FEEDS
@pytest.mark.parametrize("restart", [False, True])
async def test_a_retry_calls_only_the_handlers_that_had_not_returned(
    is_bare: bool, restart: bool
) -> None:
    store, model, calls, broken = InMemoryProjectionStateStore(), Balance(), [], [True]

    def build() -> ProjectionEngine:
        engine = engine_for(model, store)

        @engine.on(Deposited)
        def second(event: Deposited) -> None:
            if broken and event.amount == 2:
                raise OSError("second")
            calls.append(event.amount)

        @engine.on(Deposited)
        def third(event: Deposited) -> None:
            calls.append(-event.amount)

        return engine

    engine, events = build(), feed(is_bare, 1, 2, 3)
    with pytest.raises(OSError, match="second"):
        await engine.process_events(events)
    assert (model.seen, calls) == ([1, 2], [1, -1])

    broken.clear()
    await (build() if restart else engine).process_events(events)

    assert model.seen == [1, 2, 3]
    assert calls == [1, -1, 2, -2, 3, -3]
    state = engine.get_state()
    assert state is not None
    assert state.partly_applied == ()


@FEEDS
async def test_handlers_of_one_name_are_told_apart_in_a_retry(is_bare: bool) -> None:
    calls, broken = [], [True]
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    def make(number: int) -> None:
        @engine.on(Deposited)
        def handler(event: Deposited) -> None:
            if broken and number == 2:
                raise OSError("two")
            calls.append(number)

    make(1)
    make(2)
    events = feed(is_bare, 1)
    with pytest.raises(OSError, match="two"):
        await engine.process_events(events)

    broken.clear()
    await engine.process_events(events)

    assert calls == [1, 2]


@FEEDS
async def test_a_handler_that_is_left_alone_is_not_called_again(is_bare: bool) -> None:
    store, model, events = InMemoryProjectionStateStore(), Balance(), feed(is_bare, 1, 2)
    engine = engine_for(model, store)

    @engine.on(Deposited)
    def fails(event: Deposited) -> None:
        if event.amount == 2:
            raise OSError("always")

    with pytest.raises(OSError, match="always"):
        await engine.process_events(events)

    await engine_for(model, store).process_events([*events, *feed(is_bare)])

    assert model.seen == [1, 2]


async def test_a_failed_recorded_event_cannot_be_left_out() -> None:
    one, two, three = recorded(1, 2, 3)
    model = Fragile(2)
    engine = engine_for(model)
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events([one, two, three])

    with pytest.raises(GapInFeed, match="failed at position 2") as caught:
        await engine.process_events([three])

    assert (caught.value.checkpoint, caught.value.failed_position) == (1, 2)
    model.poison.clear()
    await engine.process_events([two, three])
    assert model.seen == [1, 2, 3]


async def test_a_refused_feed_is_no_failure_of_the_projection() -> None:
    log, engine = log_of(deposits(1, 2, 3)), engine_for(Balance())
    await engine.process_events(log.read_all(limit=1))

    with pytest.raises(GapInFeed):
        await engine.process_events(log.read_all(after_position=2))

    state = engine.get_state()
    assert state is not None
    assert (state.error_count, state.is_healthy) == (0, True)


async def test_a_batch_handler_that_fails_is_given_the_whole_batch_again() -> None:
    batches: list[list[int]] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore(), batch_size=2)

    @engine.on_batch
    def take(events: list[Deposited]) -> None:
        batches.append([event.amount for event in events])
        if len(batches) == 2:
            raise OSError("full")

    events = deposits(1, 2, 3)
    with pytest.raises(OSError, match="full"):
        await engine.process_events(events)
    await engine.process_events(events)

    assert batches == [[1, 2], [3], [3]]
    assert engine.is_healthy()


async def test_a_batch_that_failed_cannot_be_left_out() -> None:
    one, two, three = recorded(1, 2, 3)
    broken = [True]
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on_batch
    def take(events: list[Deposited]) -> None:
        if broken:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        await engine.process_events([one, two])
    broken.clear()

    with pytest.raises(GapInFeed):
        await engine.process_events([three])
    await engine.process_events([one, two, three])
    assert engine.is_healthy()


@FEEDS
async def test_an_unknown_event_ends_a_batch(is_bare: bool) -> None:
    batches: list[list[str]] = []
    events = [
        Deposited(amount=1),
        UnknownEvent(type="old"),
        UnknownEvent(type="gone"),
        *deposits(2),
    ]
    engine = ProjectionEngine("p", InMemoryProjectionStateStore(), ignore=["old"])

    @engine.on_batch
    def take(batch: list[Event]) -> None:
        batches.append([event.type for event in batch])

    with pytest.raises(UnhandledUnknownEvent, match="'gone'"):
        await engine.process_events(events if is_bare else page_of(events))

    state = engine.get_state()
    assert state is not None
    assert batches == [["Deposited"]]
    assert (state.last_processed_position, state.applied_count, state.is_healthy) == (2, 1, False)


async def test_an_event_that_cannot_be_decoded_is_a_failure() -> None:
    def decode() -> Event:
        raise ValueError("bad bytes")

    for event in recorded(1):
        fields = (event.id, event.type, event.stream_id, event.version, event.position)
        broken = RecordedEvent(*fields, event.recorded_at, {}, decode)
        for engine in (
            engine_for(Balance()),
            ProjectionEngine("b", InMemoryProjectionStateStore()),
        ):
            if engine.projection_id == "b":
                engine.on_batch(lambda events: None)

            with pytest.raises(ValueError, match="bad bytes"):
                await engine.process_events([broken])

            assert not engine.is_healthy()


@FEEDS
async def test_a_cancelled_call_leaves_a_consistent_checkpoint_and_no_lock(is_bare: bool) -> None:
    entered, model = asyncio.Event(), Balance()
    engine = engine_for(model)
    hang = [True]

    @engine.on(Deposited)
    async def slow(event: Deposited) -> None:
        if hang and event.amount == 2:
            entered.set()
            await asyncio.Event().wait()

    events = feed(is_bare, 1, 2, 3)
    task = asyncio.create_task(engine.process_events(events))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    state = engine.get_state()
    assert state is not None
    assert (state.last_processed_position, state.error_count, state.is_healthy) == (1, 0, True)
    hang.clear()
    await engine.process_events(events)
    assert model.seen == [1, 2, 3]


@FEEDS
async def test_a_plain_store_is_written_once_per_batch(is_bare: bool) -> None:
    store, model = PlainStore(), Balance()

    await engine_for(model, store, batch_size=10).process_events(feed(is_bare, *range(25)))

    assert store.saves == 3
    await engine_for(model, store).process_events(feed(True) if is_bare else [])
    assert model.seen == list(range(25))


@FEEDS
async def test_a_state_that_could_not_be_saved_is_raised_for_and_saved_with_the_next_call(
    is_bare: bool,
) -> None:
    store, model, events = PlainStore(), Balance(), feed(is_bare, 1, 2)
    engine = engine_for(model, store)
    store.broken = True
    with pytest.raises(ConnectionError):
        await engine.process_events(events)

    store.broken = False
    await engine.process_events(events)

    assert model.seen == [1, 2]
    assert store.states["balance"].last_processed_position == 2


async def test_a_store_that_is_away_does_not_hide_what_the_handler_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = PlainStore()
    engine = engine_for(Fragile(1), store)
    store.broken = True

    with pytest.raises(OSError, match="no 1") as caught:
        await engine.process_events(deposits(1))

    assert "store is away" in caught.value.__notes__[0]
    assert "could not be saved" in caplog.text


async def test_a_lost_state_means_at_least_once() -> None:
    store, model, events = PlainStore(), Balance(), deposits(1)
    store.broken = True
    with pytest.raises(ConnectionError):
        await engine_for(model, store).process_events(events)

    store.broken = False
    await engine_for(model, store).process_events(events)  # a restart after the crash

    assert model.seen == [1, 1]


async def test_what_was_applied_does_not_depend_on_retries() -> None:
    model = Fragile(2)
    engine, clean = engine_for(model), engine_for(Balance())
    page = page_of(deposits(1, 2, 3))
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(page)
    model.poison.clear()

    await engine.process_events(page)
    await clean.process_events(page)

    one, other = engine.get_state(), clean.get_state()
    assert one is not None
    assert other is not None
    assert (one.applied_count, one.applied_hash) == (other.applied_count, other.applied_hash)


async def test_an_exception_without_a_text_is_a_failure_like_any_other() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    engine = engine_for(Balance())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if event.amount == 2:
            raise Broken

    with pytest.raises(Broken):
        await engine.process_events(deposits(1, 2))

    state = engine.get_state()
    assert state is not None
    assert state.last_processed_position == 1
    assert state.last_error == "Broken: (its text cannot be had: RuntimeError)"


async def test_a_long_text_of_an_exception_is_cut() -> None:
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise OSError("x" * 10**6)

    with pytest.raises(OSError, match="xxx"):
        await engine.process_events(deposits(1))

    state = engine.get_state()
    assert state is not None
    assert state.last_error is not None
    assert len(state.last_error) == 1000


@pytest.mark.parametrize("again", [True, False])
async def test_a_first_state_that_could_not_be_saved_is_saved_by_the_next_call(again: bool) -> None:
    store = PlainStore()
    store.broken = True
    engine = engine_for(Balance(), store)
    with pytest.raises(ConnectionError):
        await engine.initialize()
    store.broken = False

    await (engine.initialize() if again else engine.process_events([]))

    assert store.states.keys() == {"balance"}


async def test_a_store_may_give_ids_back_as_a_list() -> None:
    class Listing(PlainStore):
        async def save_state(self, state: ProjectionState) -> None:
            await super().save_state(state.changed(event_ids=list(state.event_ids)))

    store, model, events = Listing(), Balance(), deposits(1, 2)
    await engine_for(model, store).process_events(events[:1])

    await engine_for(model, store).process_events(events)

    assert model.seen == [1, 2]


async def test_a_batch_ends_before_an_event_that_cannot_be_decoded() -> None:
    def decode() -> Event:
        raise ValueError("bad bytes")

    one, two, three = recorded(1, 2, 3)
    fields = (two.id, two.type, two.stream_id, two.version, two.position)
    broken = RecordedEvent(*fields, two.recorded_at, {}, decode)
    batches: list[list[int]] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on_batch(lambda events: batches.append([each.amount for each in events]))

    for _ in range(2):
        with pytest.raises(ValueError, match="bad bytes"):
            await engine.process_events([one, broken, three])
    with pytest.raises(GapInFeed):
        await engine.process_events([three])

    assert batches == [[1]]


@FEEDS
async def test_engines_with_other_handlers_on_one_state_call_none_twice(is_bare: bool) -> None:
    store, model, events = InMemoryProjectionStateStore(), Balance(), feed(is_bare, 1, 2)
    one, two = engine_for(model, store), engine_for(model, store)

    @two.on(Deposited)
    def fails(event: Deposited) -> None:
        raise OSError("second handler")

    await one.process_events(events[:1])
    with pytest.raises(OSError, match="second handler"):
        await two.process_events(events)
    await one.process_events(events)

    assert model.seen == [1, 2]


async def test_what_ended_a_batch_cannot_be_left_out() -> None:
    one, gone, three = page_of([*deposits(1), UnknownEvent(type="gone"), *deposits(3)]).events
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on_batch(lambda events: None)
    with pytest.raises(UnhandledUnknownEvent):
        await engine.process_events([one, gone])

    with pytest.raises(GapInFeed):
        await engine.process_events([three])


@FEEDS
async def test_a_success_heals_also_when_the_call_is_cancelled_after_it(is_bare: bool) -> None:
    model, events, entered = Fragile(1), feed(is_bare, 1, 2), asyncio.Event()
    engine = engine_for(model)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        if event.amount == 2:
            entered.set()
            await asyncio.Event().wait()

    with pytest.raises(OSError, match="no 1"):
        await engine.process_events(events)
    model.poison.clear()
    task = asyncio.create_task(engine.process_events(events))
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])

    assert engine.is_healthy()


async def test_a_success_heals_also_when_disorder_follows_it() -> None:
    one, two, three = recorded(1, 2, 3)
    model = Fragile(2)
    engine = engine_for(model)
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events([one, two])
    model.poison.clear()

    with pytest.raises(OutOfOrder):
        await engine.process_events([two, three, one])

    assert engine.is_healthy()


@FEEDS
@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
async def test_a_cancellation_that_is_the_handlers_own_is_a_failure(
    store: type[ProjectionStateStore], is_bare: bool
) -> None:
    engine = ProjectionEngine("p", store())

    @engine.on(Deposited)
    async def fail(event: Deposited) -> None:
        if event.amount == 2:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

    with pytest.raises(asyncio.CancelledError):
        await engine.process_events(feed(is_bare, 1, 2, 3))

    state = engine.get_state()
    assert state is not None
    assert (state.last_processed_position, state.error_count, state.is_healthy) == (1, 1, False)


async def test_during_a_first_call_the_state_is_still_what_it_was() -> None:
    states: list[ProjectionState | None] = []
    engine = engine_for(Balance())
    engine.on(Deposited)(lambda event: states.append(engine.get_state()))
    await engine.initialize()

    await engine.process_events(deposits(1, 2))

    one, other = states
    assert one is not None
    assert one is other
    assert (one.feed, one.last_processed_position) == (None, 0)


async def test_who_asks_during_a_batch_sees_the_state_before_it() -> None:
    log, broken = log_of(deposits(1, 2)), [True]
    seen: list[ProjectionState] = []
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        if broken:
            raise OSError("second handler")
        state = engine.get_state()
        assert state is not None
        seen.append(state)

    with pytest.raises(OSError, match="second handler"):
        await engine.process_events(log.read_all().events)
    broken.clear()
    await engine.process_events(log.read_all())

    assert [state.last_processed_position for state in seen] == [0, 0]
    assert [state.store_id for state in seen] == [None, None]
    assert all(state.partly_applied for state in seen)


async def test_who_asks_behind_the_start_sees_the_state_before_it() -> None:
    clock = iter([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)])
    log = InMemoryEventStore(clock=lambda: next(clock))
    for amount in (1, 2, 3):
        log.append("account-1", deposits(amount))
    positions: list[int] = []
    engine = engine_for(Balance(), start=datetime(2026, 1, 3, tzinfo=UTC))
    await engine.process_events(log.read_all(limit=1))

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        state = engine.get_state()
        assert state is not None
        positions.append(state.last_processed_position)

    await engine.process_events(log.read_all())

    assert positions == [1]


async def test_who_asks_during_a_batch_with_holes_sees_the_state_before_it() -> None:
    log = log_of([*deposits(1, 2), Renamed(), *deposits(4, 5, 6)])
    store, states = InMemoryProjectionStateStore(), list[Any]()
    engine = engine_for(Balance(), store)

    @engine.on(Deposited)
    async def look(event: Deposited) -> None:
        if event.amount == 6:
            states.extend((engine.get_state(), await store.load_state("balance")))

    await engine.process_events(log.read_all(limit=1))
    _, two, three, four, _, six = log.read_all().events
    await engine.process_events([two, three, four, six])

    assert states
    for state in states:
        assert (state.last_processed_position, state.applied_count, state.applied_hash) == (1, 1, 1)


async def test_who_asks_while_a_half_done_event_is_retried_sees_the_state_before_it() -> None:
    engine, states, refuses = engine_for(Balance()), list[Any](), [True]

    @engine.on(Deposited)
    def refuse_and_look(event: Deposited) -> None:
        if refuses.pop() if refuses else False:
            raise OSError("not yet")
        states.append(engine.get_state())

    feed = recorded(1, 2)
    with pytest.raises(OSError, match="not yet"):
        await engine.process_events(feed)
    await engine.process_events(feed)

    assert [(each.last_processed_position, len(each.partly_applied)) for each in states] == [
        (0, 1), (0, 1),
    ]  # fmt: skip


async def test_who_asks_in_the_news_of_a_replayed_batch_sees_the_state_before_it() -> None:
    engine, states = engine_for(Balance()), list[Any]()

    @engine.on(Deposited)
    def look(event: Deposited, context: ProjectionContext) -> None:
        if not context.replaying:
            states.append(engine.get_state())

    log = log_of(deposits(1, 2, 3, 4))
    await engine.process_events(log.read_all(limit=2))
    states.clear()
    await engine.replay(log.read_all(limit=1))
    await engine.process_events(log.read_all(after_position=1))

    assert [(each.last_processed_position, each.applied_count) for each in states] == [(1, 1)] * 2


async def test_the_text_of_an_error_is_kept_as_one_that_every_store_can_hold() -> None:
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def refuse(event: Deposited) -> None:
        raise ValueError("caf\udce9")

    with pytest.raises(ValueError, match="caf"):
        await engine.process_events(deposits(1))

    state = engine.get_state()
    assert state is not None
    assert (state.error_count, state.last_error) == (1, r"ValueError: caf\udce9")


async def test_who_asks_after_a_change_of_code_sees_the_state_before_it() -> None:
    store, states = InMemoryProjectionStateStore(), []
    engine = engine_for(Balance(), store)
    await engine.process_events(deposits(1))
    before = store._kept["balance"].fingerprint  # type: ignore[union-attr]

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        states.append(engine.get_state())

    await engine.process_events(deposits(2))

    assert [state.fingerprint for state in states if state is not None] == [before]


async def test_a_plain_store_that_never_had_a_state_tells_none() -> None:
    store = PlainStore()
    engine, events = engine_for(Balance(), store), deposits(1)
    store.broken = True
    for call in (engine.replay, engine.process_events):
        with pytest.raises(ConnectionError):
            await call(events)
        assert (engine.get_state(), engine.is_healthy()) == (None, False)
    store.broken = False

    await engine.process_events(events)

    assert engine.get_state() == store.states["balance"]


async def test_the_first_event_of_a_batch_that_failed_must_come_next() -> None:
    one, two, three = recorded(1, 2, 3)
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on_batch
    def take(events: list[Deposited]) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        await engine.process_events([one, two])

    with pytest.raises(GapInFeed):
        await engine.process_events([two, three])


async def test_a_page_without_an_event_heals_nothing_in_memory() -> None:
    log, model = log_of([*deposits(1, 2)]), Fragile(2)
    engine = engine_for(model)
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(log.read_all())

    await engine.process_events(log.read_all(limit=1))

    assert not engine.is_healthy()


@FEEDS
def test_what_was_handled_before_a_loop_died_is_kept(is_bare: bool) -> None:
    store, model, events = InMemoryProjectionStateStore(), Balance(), feed(is_bare, 1, 2, 3)
    engine = engine_for(model, store)

    @engine.on(Deposited)
    async def hang(event: Deposited) -> None:
        if event.amount == 2:
            await asyncio.get_running_loop().create_future()

    loop = asyncio.new_event_loop()
    calls = [loop.create_task(engine.process_events(events))]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    calls[0]._log_destroy_pending = False  # type: ignore[attr-defined]
    calls.clear()
    gc.collect()

    state = store.get("balance")
    assert state is not None
    assert (state.last_processed_position, state.is_healthy) == (1, True)
    asyncio.run(engine_for(model, store).process_events(events))
    assert model.seen == [1, 2, 3]


async def test_a_cancelled_call_ends_so_though_a_plain_store_raises_something_else() -> None:
    class Closing(PlainStore):
        async def save_state(self, state: ProjectionState) -> None:
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                raise ConnectionError("closed") from error

    entered = asyncio.Event()
    task = asyncio.create_task(engine_for(Balance(), Closing()).process_events(deposits(1)))
    await entered.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.wait_for(task, 5)
    assert isinstance(caught.value.__cause__, ConnectionError)


async def test_who_asks_during_the_first_page_sees_a_state_that_knows_no_store() -> None:
    log, stores = log_of(deposits(1, 2)), list[object]()
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        if event.amount == 2:
            state = engine.get_state()
            assert state is not None
            stores.append(state.store_id)

    await engine.process_events(log.read_all().events[:1])
    await engine.process_events(log.read_all())

    assert stores == [None]


class Silent(Exception):
    """Takes no notes, as frozen dataclasses do not."""

    def add_note(self, note: str, /) -> None:
        raise AttributeError


@pytest.mark.parametrize("store", [PlainStore, FakeDatabase])
async def test_what_a_handler_raises_passes_though_it_takes_no_notes(
    store: type[ProjectionStateStore],
) -> None:
    state_store = store()
    engine = ProjectionEngine("p", state_store)

    @engine.on(Deposited)
    async def fail(event: Deposited) -> None:
        if isinstance(state_store, PlainStore):
            state_store.broken = True
        else:
            state_store.load_state = away  # type: ignore[method-assign]
        raise Silent("no")

    async def away(projection_id: str) -> ProjectionState | None:
        raise ConnectionError("store is away")

    with pytest.raises(Silent, match="no"):
        await engine.process_events(deposits(1))


async def test_a_retry_knows_the_event_by_its_record() -> None:
    model, broken = Balance(), [True]
    engine = engine_for(model)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken:
            raise OSError("for now")

    (record,) = log_of(deposits(1)).read_all().events

    def feed() -> list[RecordedEvent]:  # whose decoder makes a new id each time
        return [msgspec.structs.replace(record, content=lambda: Deposited(amount=1))]

    with pytest.raises(OSError, match="for now"):
        await engine.process_events(feed())
    broken.clear()
    await engine.process_events(feed())

    assert model.seen == [1]


async def test_a_text_with_ways_of_its_own_is_kept_as_text() -> None:
    class Text(str):
        def encode(self, *arguments: Any, **named: Any) -> bytes:
            raise OSError

    class Odd(Exception):
        def __str__(self) -> str:
            return Text("odd")

    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise Odd

    with pytest.raises(Odd):
        await engine.process_events(deposits(1))

    state = engine.get_state()
    assert state is not None
    assert state.last_error == "Odd: odd"


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])
async def test_the_event_that_failed_can_be_passed_over_and_no_other(
    store: type[ProjectionStateStore],
) -> None:
    engine = ProjectionEngine("p", state_store := store())
    seen: list[int] = []

    @engine.on(Deposited)
    def half(event: Deposited) -> None:
        seen.append(event.amount)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if event.amount == 2:
            raise OSError("no 2")

    page = log_of(deposits(1, 2, 3)).read_all()
    with pytest.raises(FeedError, match="cannot pass position 1 over: what failed last is at None"):
        await engine.skip(page.events[0])
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(page)
    with pytest.raises(FeedError, match="cannot pass position 3 over: what failed last is at 2"):
        await engine.skip(page.events[2])
    await engine.skip(page.events[1])
    state = await state_store.load_state("p")
    await engine.process_events(page)

    assert seen[-1] == 3
    assert state is not None
    assert (state.last_processed_position, state.applied_count) == (2, 1)
    assert (state.failed_position, state.partly_applied, state.is_healthy) == (None, (), True)
    assert state.last_processed_event_id == page.events[1].id
    assert (await state_store.load_state("p")) == engine.get_state()
