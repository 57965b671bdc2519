"""What may be fed, how often, and what is refused in a sentence."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from fake_database import FakeDatabase, PlainStore
from hypothesis import given
from hypothesis import strategies as st
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
    MixedFeed,
    NotTheLog,
    OutOfOrder,
    Page,
    Projection,
    ProjectionContext,
    ProjectionEngine,
    UnhandledUnknownEvent,
    on,
)
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event, UnknownEvent
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore


async def test_an_id_is_applied_once_wherever_it_comes_again() -> None:
    a, b = deposits(10, 1)
    model = Balance()
    engine = engine_for(model)

    await engine.process_events([a, b, a])
    await engine.process_events([b, a])

    assert model.seen == [10, 1]


async def test_a_list_fed_again_after_a_restart_applies_nothing() -> None:
    events, store, model = deposits(1, 2, 3), InMemoryProjectionStateStore(), Balance()
    await engine_for(model, store).process_events(events)

    await engine_for(model, store).process_events(events)

    assert model.seen == [1, 2, 3]


async def test_two_engines_may_take_turns_on_one_state() -> None:
    store, model = InMemoryProjectionStateStore(), Balance()
    one, other = engine_for(model, store), engine_for(model, store)
    a, b, c = deposits(1, 2, 3)

    await one.process_events([a])
    await other.process_events([a, b])
    await one.process_events([a, b, c])

    assert model.seen == [1, 2, 3]


async def test_a_window_remembers_the_last_ids_and_forgets_older_ones() -> None:
    events, model = deposits(*range(10)), Balance()
    engine = engine_for(model, window=2)
    for event in events:
        await engine.process_events([event])

    await engine.process_events(events[-2:])
    assert len(model.seen) == 10

    await engine.process_events(events[:1])
    assert len(model.seen) == 11
    state = engine.get_state()
    assert state is not None
    assert len(state.event_ids) <= 4


async def test_recorded_events_at_or_below_the_checkpoint_are_dropped() -> None:
    log, model = log_of(deposits(1, 2, 3)), Balance()
    engine = engine_for(model)
    await engine.process_events(log.read_all(limit=2))

    await engine.process_events(log.read_all())
    await engine.process_events(log.read_all())

    assert model.seen == [1, 2, 3]


async def test_a_page_that_begins_above_the_checkpoint_is_a_gap() -> None:
    log, model = log_of(deposits(1, 2, 3)), Balance()
    engine = engine_for(model)
    await engine.process_events(log.read_all(limit=1))

    with pytest.raises(GapInFeed) as caught:
        await engine.process_events(log.read_all(after_position=2))

    assert (caught.value.checkpoint, caught.value.position) == (1, 2)
    assert "up to position 1, and the feed begins after position 2" in str(caught.value)
    assert "feed read_all(after_position=1) first" in str(caught.value)
    assert model.seen == [1]


async def test_a_page_moves_the_checkpoint_as_far_as_it_looked() -> None:
    log = log_of([*deposits(1), Renamed(), Renamed()])
    engine = engine_for(Balance())

    await engine.process_events(log.read_all(types=["Deposited"]))

    state = engine.get_state()
    assert state is not None
    assert state.last_processed_position == 3
    assert state.last_processed_event_id == log.load("account-1")[0].id


async def test_an_empty_page_moves_the_checkpoint_and_an_empty_list_does_nothing() -> None:
    log = log_of([Renamed(), Renamed()])
    engine = engine_for(Balance())

    await engine.process_events([])
    assert engine.get_state() is None

    await engine.process_events(log.read_all(types=["Deposited"]))
    state = engine.get_state()
    assert state is not None
    assert state.last_processed_position == 2


async def test_recorded_events_must_ascend() -> None:
    one, two, three = recorded(1, 2, 3)
    model = Balance()
    engine = engine_for(model)

    with pytest.raises(OutOfOrder, match="position 2 after 3"):
        await engine.process_events([one, three, two])

    assert model.seen == [1, 3]
    assert engine.is_healthy()


async def test_a_delivery_that_repeats_itself_is_no_disorder() -> None:
    one, two, three = recorded(1, 2, 3)
    model = Balance()
    engine = engine_for(model)
    await engine.process_events([one, one, two])

    await engine.process_events([one, two, two, three, three])

    assert model.seen == [1, 2, 3]


async def test_disorder_is_seen_across_batches_of_one_call() -> None:
    one, two, three = recorded(1, 2, 3)

    with pytest.raises(OutOfOrder):
        await engine_for(Balance(), batch_size=2).process_events([one, three, two])


async def test_a_projection_keeps_to_one_kind_of_feed() -> None:
    model = Balance()
    engine = engine_for(model)
    await engine.process_events(deposits(1))

    with pytest.raises(MixedFeed, match="counts bare events and was fed recorded ones"):
        await engine.process_events(page_of(deposits(2)))
    with pytest.raises(MixedFeed, match="was fed bare and recorded events in one call"):
        await engine.process_events([*recorded(2), *deposits(3)])  # type: ignore[list-item]

    await engine.replay(page_of(deposits(5)))
    assert model.seen == [5]


async def test_a_feed_that_was_refused_does_not_fix_its_kind() -> None:
    model = Balance()
    engine = engine_for(model)
    with pytest.raises(GapInFeed):
        await engine.process_events(page_of(deposits(1, 2), after=1))

    await engine.process_events(deposits(3))

    assert model.seen == [3]


async def test_a_stream_is_refused_as_a_log() -> None:
    log = log_of(deposits(1, 2))
    log.append("account-2", deposits(7))
    engine = engine_for(Balance())

    for stream in (log.read("account-2"), log.read("account-2").events):
        with pytest.raises(NotTheLog, match="stream 'account-2' as if they were the log"):
            await engine.process_events(stream)  # type: ignore[arg-type]

    assert engine.get_state() is None


async def test_a_page_of_another_store_is_refused_until_a_replay() -> None:
    here, there, model = log_of(deposits(1)), log_of(deposits(2)), Balance()
    engine = engine_for(model)
    await engine.process_events(here.read_all())

    with pytest.raises(NotTheLog, match="feed it from its own store, or replay"):
        await engine.process_events(there.read_all())

    await engine.replay(there.read_all())
    assert model.seen == [2]


@pytest.mark.parametrize("feed", [None, 5, "events", b"", Deposited(amount=1), recorded(1)[0]])
async def test_what_holds_no_events_is_refused(feed: object) -> None:
    with pytest.raises(FeedError, match="feed it events in a list"):
        await engine_for(Balance()).process_events(feed)  # type: ignore[arg-type]


async def test_what_is_no_event_is_named_with_its_place() -> None:
    model = Balance()
    engine = engine_for(model)

    with pytest.raises(FeedError, match="fed 'x' at place 1"):
        await engine.process_events([*deposits(1), "x"])  # type: ignore[list-item]

    assert model.seen == []


@pytest.mark.parametrize("is_async", [True, False])
async def test_the_place_of_what_is_no_event_is_that_in_the_whole_feed(is_async: bool) -> None:
    async def later() -> AsyncIterator[Event]:
        for each in items:
            yield each

    items: list[Any] = [*deposits(1, 2, 3), "x"]
    engine = engine_for(Balance(), batch_size=2)

    for _ in range(2):
        with pytest.raises(FeedError, match="fed 'x' at place 3"):
            await engine.process_events(later() if is_async else items)


async def test_an_unknown_event_is_not_passed_in_silence() -> None:
    unknown = UnknownEvent(type="gone")
    for handled in (Deposited, Event):
        model = Balance()
        engine = ProjectionEngine("balance", InMemoryProjectionStateStore())
        engine.on(handled)(model.seen.append)  # type: ignore[arg-type]

        with pytest.raises(UnhandledUnknownEvent, match=r"ignore=\['gone'\]"):
            await engine.process_events([*deposits(1), unknown])

        assert len(model.seen) == 1
        assert not engine.is_healthy()


async def test_an_unknown_event_passes_when_it_is_ignored_or_handled() -> None:
    unknown, taken = UnknownEvent(type="gone"), []
    ignoring = engine_for(Balance(), ignore=["gone"])
    handling = engine_for(Balance())
    handling.on(UnknownEvent)(taken.append)

    await ignoring.process_events(page_of([unknown, *deposits(1)]))
    await handling.process_events(page_of([unknown]))

    state = ignoring.get_state()
    assert state is not None
    assert (state.last_processed_position, state.applied_count) == (2, 1)
    assert taken == [unknown]


async def test_a_projection_may_start_after_a_position_or_at_a_time() -> None:
    log = log_of(deposits(1, 2, 3))
    at = log.read_all().events[1].recorded_at
    by_position, by_time, later = Balance(), Balance(), Balance()

    await engine_for(by_position, start=2).process_events(log.read_all(after_position=2))
    await engine_for(by_time, start=at).process_events(log.read_all())
    await engine_for(later, start=at.replace(year=9999)).process_events(log.read_all())

    assert by_position.seen == [3]
    assert by_time.seen == [1, 2, 3]  # one append, one time
    assert later.seen == []


@given(
    amounts=st.lists(st.integers(0, 9), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=6),
    batch_size=st.integers(1, 7),
    bare=st.booleans(),
    restart=st.booleans(),
)
async def test_however_a_feed_is_split_and_repeated_the_result_is_that_of_one_call(
    amounts: list[int], cuts: list[int], batch_size: int, bare: bool, restart: bool
) -> None:
    events = deposits(*amounts)
    feed = events if bare else list(page_of(events).events)
    clean, model = Balance(), Balance()
    whole = engine_for(clean)
    await whole.process_events(feed)  # type: ignore[arg-type]
    store = InMemoryProjectionStateStore()
    split = engine_for(model, store, batch_size=batch_size)

    for cut in [*cuts, len(feed)]:
        split = engine_for(model, store, batch_size=batch_size) if restart else split
        await split.process_events(feed[: max(cut, split_at(split))])  # type: ignore[arg-type]

    assert model.seen == clean.seen == amounts
    one, other = whole.get_state(), split.get_state()
    assert (one is None) == (other is None) == (not amounts)
    if one is not None and other is not None:
        assert other == one.changed(updated_at=other.updated_at, revision=other.revision)


def split_at(engine: ProjectionEngine) -> int:
    state = engine.get_state()
    return 0 if state is None else state.last_processed_position


async def test_an_event_that_failed_is_not_skipped_by_a_page_without_it() -> None:
    log, poison, seen = log_of([*deposits(1, 2), Renamed()]), [True], []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on(Deposited)
    def handle(event: Deposited) -> None:
        if poison and event.amount == 2:
            raise OSError("no 2")
        seen.append(event.amount)

    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(log.read_all())
    poison.clear()

    for page in (
        log.read_all(after_position=1, types=["Nothing"]),
        Page((), 1, 2, at_end=False, store_id=log.store_id),
    ):
        with pytest.raises(GapInFeed, match="failed at position 2, and the feed leaves") as caught:
            await engine.process_events(page)
        assert (caught.value.checkpoint, caught.value.failed_position) == (1, 2)
        assert "read_all(after_position=1) without a filter that hides it" in str(caught.value)
    assert not engine.is_healthy()

    await engine.process_events(log.read_all())
    assert seen == [1, 2]


async def test_the_store_is_known_even_when_its_first_page_fails() -> None:
    here, there, engine = log_of(deposits(1, 2)), log_of(deposits(3, 4, 5)), engine_for(Balance())

    @engine.on(Deposited)
    def handle(event: Deposited) -> None:
        if event.amount == 2:
            raise OSError("no 2")

    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(here.read_all())

    with pytest.raises(NotTheLog):
        await engine.process_events(there.read_all())


async def test_a_start_in_a_log_is_not_for_bare_events() -> None:
    for start in (5, page_of(deposits(1)).events[0].recorded_at):
        with pytest.raises(FeedError, match="fed bare events; feed pages"):
            await engine_for(Balance(), start=start).process_events(deposits(1))


async def test_any_text_is_an_id() -> None:
    model, events = Balance(), [Deposited(id="\ud800", amount=1), *deposits(2)]
    engine = engine_for(model)

    await engine.process_events(events)
    await engine.process_events(events)

    assert model.seen == [1, 2]


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
async def test_an_empty_log_fixes_the_store_and_no_kind_of_feed(
    store: type[ProjectionStateStore],
) -> None:
    model, kept = Balance(), store()
    engine = engine_for(model, kept)
    empty = InMemoryEventStore().read_all()
    await engine.process_events(empty)

    state = engine.get_state()
    assert state is not None
    assert (state.store_id, state.feed) == (empty.store_id, None)
    with pytest.raises(NotTheLog):
        await engine_for(model, kept).process_events(page_of(deposits(1)))
    await engine.process_events(deposits(2))
    state = engine.get_state()
    assert state is not None
    assert (model.seen, state.feed) == ([2], "bare")


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
async def test_a_page_without_news_tells_its_store(store: type[ProjectionStateStore]) -> None:
    log, kept = log_of(deposits(1)), store()
    await engine_for(Balance(), kept).process_events(log.read_all().events)

    await engine_for(Balance(), kept).process_events(log.read_all())

    with pytest.raises(NotTheLog):
        await engine_for(Balance(), kept).process_events(page_of(deposits(2)))


async def test_what_lies_before_the_start_must_be_in_order_too() -> None:
    log = log_of(deposits(1, 2, 3))
    one, two, three = log.read_all().events
    engine = engine_for(Balance(), start=one.recorded_at.replace(year=9999))

    with pytest.raises(OutOfOrder):
        await engine.process_events([one, three, two])

    state = engine.get_state()
    assert state is not None
    assert (state.last_processed_position, state.last_processed_event_id) == (3, three.id)


STORES = pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])


@STORES
async def test_a_page_over_positions_is_a_recorded_feed_though_it_holds_no_event(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, engine = log_of([Renamed() for _ in range(5)]), engine_for(Balance(), store())

    await engine.process_events(log.read_all(types=["Deposited"]))

    state = engine.get_state()
    assert state is not None
    assert (state.feed, state.last_processed_position) == ("recorded", 5)
    with pytest.raises(MixedFeed):
        await engine.process_events(deposits(1))


@STORES
async def test_bare_events_are_counted_from_one_behind_the_page_of_an_empty_log(
    store: Callable[[], ProjectionStateStore],
) -> None:
    engine, positions = engine_for(Balance(), store()), []

    @engine.on(Deposited)
    def note(event: Deposited, context: ProjectionContext) -> None:
        positions.append(context.position)

    await engine.process_events(InMemoryEventStore().read_all())
    await engine.process_events(deposits(1, 2))

    assert positions == [1, 2]


@STORES
async def test_a_page_that_only_moves_the_checkpoint_is_saved(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, kept = log_of([*deposits(1), Renamed()]), store()
    engine = engine_for(Balance(), kept)
    await engine.process_events(log.read_all(limit=1))

    await engine.process_events(log.read_all(after_position=1, types=["Deposited"]))

    state = await kept.load_state("balance")
    assert state is not None
    assert state.last_processed_position == 2


async def test_events_that_were_handled_before_must_be_in_order_too() -> None:
    one, two, three = recorded(1, 2, 3)
    engine = engine_for(Balance())
    await engine.process_events([one, two, three])

    with pytest.raises(OutOfOrder, match="position 1 after 2"):
        await engine.process_events([two, one])


@STORES
async def test_a_call_without_events_tells_the_state_that_was_loaded(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, kept = log_of(deposits(1, 2)), store()
    await engine_for(Balance(), kept).process_events(log.read_all())
    engine = engine_for(Balance(), kept)

    await engine.process_events([])

    state = engine.get_state()
    assert state is not None
    assert state.last_processed_position == 2


@pytest.mark.parametrize("error", [GapInFeed("p", 1, 3), GapInFeed("p", 1, 3, 3)])
def test_a_gap_survives_pickling(error: GapInFeed) -> None:
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (str(copied), vars(copied)) == (str(error), vars(error))


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])
@pytest.mark.parametrize("event_id", [None, 7, ["x"], uuid4()])
async def test_a_bare_event_whose_id_is_no_text_is_refused_before_it_is_handled(
    store: type[ProjectionStateStore], event_id: Any
) -> None:
    model = Balance()
    engine = engine_for(model, store())
    wrong = Deposited(amount=2, id=event_id)

    with pytest.raises(FeedError, match=r"with the id .*give it a text"):
        await engine.process_events([wrong])
    with pytest.raises(FeedError, match=r"with the id .*give it a text"):
        await engine.replay([wrong])
    await engine.process_events(deposits(3))

    assert model.seen == [3]


async def test_a_batch_handler_is_not_given_an_event_whose_id_is_no_text() -> None:
    seen: list[list[Event]] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on_batch(seen.append)

    with pytest.raises(FeedError, match=r"with the id 7.*give it a text"):
        await engine.process_events([*deposits(1), Deposited(amount=2, id=7)])  # type: ignore[arg-type]
    await engine.process_events(good := deposits(3))

    assert seen == [good]


async def test_an_unknown_event_is_handled_by_its_own_class_only() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Foreign(UnknownEvent):
        pass

    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    seen: list[Event] = []
    engine.on(Foreign)(seen.append)

    await engine.process_events([foreign := Foreign(type="foreign")])
    with pytest.raises(UnhandledUnknownEvent):
        await engine.process_events([UnknownEvent(type="x")])

    assert seen == [foreign]


@pytest.mark.parametrize("is_bare", [True, False])
async def test_what_a_feed_gave_before_it_broke_is_handled(is_bare: bool) -> None:
    model = Balance()
    events = deposits(1, 2, 3, 4)
    given = events if is_bare else log_of(events).read_all().events

    class Connection:
        def __init__(self) -> None:
            self.left, self.calls = list(given), 0

        def __iter__(self) -> "Connection":
            return self

        def __next__(self) -> object:
            self.calls += 1
            if self.calls == 3:
                raise OSError("the connection broke")
            if not self.left:
                raise StopIteration
            return self.left.pop(0)

    feed = Connection()
    engine = engine_for(model)
    with pytest.raises(OSError, match="the connection broke"):
        await engine.process_events(feed)  # type: ignore[arg-type]
    before = model.seen[:]
    await engine.process_events(feed)  # type: ignore[arg-type]

    assert (before, model.seen) == ([1, 2], [1, 2, 3, 4])


async def test_others_run_while_a_feed_never_waits() -> None:
    engine = engine_for(Balance(), batch_size=100)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def feed() -> AsyncIterator[Event]:
        for event in deposits(*range(1000)):
            yield event

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    await engine.process_events(feed())
    counting.cancel()

    assert turns >= 10


class Broken:
    def __repr__(self) -> str:
        raise OSError


async def test_what_cannot_be_shown_is_refused_all_the_same() -> None:
    with pytest.raises(FeedError, match="an object of Broken at place 0"):
        await engine_for(Balance()).process_events([Broken()])  # type: ignore[list-item]


@pytest.mark.parametrize("ignore", [None, 5, "x", b"x", [["a"]]])
async def test_what_is_to_be_ignored_is_a_list_of_types(ignore: Any) -> None:
    class Counting(Projection):
        @on(Deposited)
        def count(self, event: Deposited) -> None: ...

    with pytest.raises(ValueError, match="ignore is a list of types"):
        ProjectionEngine("p", InMemoryProjectionStateStore(), ignore=ignore)
    with pytest.raises(ValueError, match="ignore is a list of types"):
        await Counting.fold([], ignore=ignore)


async def test_folding_may_ignore_unknown_events_too() -> None:
    class Counting(Projection):
        seen = 0

        @on(Deposited)
        def count(self, event: Deposited) -> None:
            self.seen += 1

    feed = [UnknownEvent(type="x"), *deposits(1)]

    with pytest.raises(UnhandledUnknownEvent):
        await Counting.fold(feed)
    assert (await Counting.fold(feed, ignore=["x"])).seen == 1
