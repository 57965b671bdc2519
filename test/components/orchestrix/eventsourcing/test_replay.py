"""Replaying: from scratch, as history, and going on after a crash."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fake_database import FakeDatabase, PlainStore
from sample_events import Balance, Deposited, Renamed, deposits, engine_for, log_of, page_of

from orchestrix.eventsourcing import (
    GapInFeed,
    MixedFeed,
    NotTheLog,
    OutdatedProjection,
    OutOfOrder,
    Page,
    Projection,
    ProjectionContext,
    ProjectionEngine,
    on,
)
from orchestrix.messaging import Event
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
)


async def test_a_replay_empties_the_read_model_and_starts_from_scratch() -> None:
    events = deposits(10, 5)
    model = Balance()
    engine = engine_for(model)
    await engine.process_events(events)

    await engine.replay(events)

    state = engine.get_state()
    assert state is not None
    assert model.total == 15
    assert (state.status, state.last_processed_position, state.applied_count) == ("live", 2, 2)


async def test_a_reset_hook_may_be_async_and_take_the_context() -> None:
    contexts: list[ProjectionContext] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    @engine.on_reset
    async def clear(context: ProjectionContext) -> None:
        contexts.append(context)

    await engine.replay([])

    assert contexts == [ProjectionContext("p", 0, None, replaying=True)]
    state = engine.get_state()
    assert state is not None
    assert (state.status, state.last_processed_position) == ("live", 0)


async def test_a_replay_into_a_model_that_nothing_empties_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = Balance()
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited)(model.add)

    await engine.replay(deposits(1))

    assert "@engine.on_reset" in caplog.text


async def test_a_replay_with_a_hook_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    await engine_for(Balance()).replay(deposits(1))

    assert caplog.text == ""


async def test_an_unsound_feed_is_refused_before_anything_is_emptied() -> None:
    log, model = log_of(deposits(1, 2)), Balance()
    engine = engine_for(model)
    await engine.process_events(log.read_all())

    with pytest.raises(GapInFeed):
        await engine.replay(log.read_all(after_position=1))

    state = engine.get_state()
    assert state is not None
    assert (model.seen, state.last_processed_position, state.status) == ([1, 2], 2, "live")


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
async def test_a_replay_that_fails_in_the_middle_is_gone_on_with(
    is_bare: bool, batch_size: int, restart: bool
) -> None:
    events = deposits(1, 2, 3)
    feed = events if is_bare else list(page_of(events).events)
    store, model, broken, mails = InMemoryProjectionStateStore(), Balance(), [True], []

    def build() -> ProjectionEngine:
        engine = engine_for(model, store, batch_size=batch_size)

        @engine.on(Deposited)
        def check(event: Deposited) -> None:
            if broken and event.amount == 2 and len(mails) == 3:
                raise OSError("middle")

        engine.on(Deposited, replay=False)(mails.append)
        return engine

    engine = build()
    await engine.process_events(feed)
    assert len(mails) == 3

    with pytest.raises(OSError, match="middle"):
        await engine.replay(feed)
    state = await store.load_state("balance")
    assert state is not None
    assert (state.status, state.last_processed_position, state.replay_until) == ("replaying", 1, 3)

    broken.clear()
    await (build() if restart else engine).process_events(feed)

    state = await store.load_state("balance")
    assert state is not None
    assert (state.status, state.replay_until) == ("live", 3)
    assert model.seen == [1, 2, 3]
    assert len(mails) == 3


async def test_a_reset_that_fails_is_done_again_before_anything_is_handled() -> None:
    model, broken = Balance(), [True]
    engine = engine_for(model)

    @engine.on_reset
    def unreliable() -> None:
        if broken:
            raise OSError("no reset")

    await engine.process_events(deposits(1, 2))
    events = deposits(5)
    with pytest.raises(OSError, match="no reset"):
        await engine.replay(events)
    assert not engine.is_healthy()
    model.total = 99  # half emptied, who knows

    broken.clear()
    await engine.process_events(events)

    assert model.total == 5
    assert engine.is_healthy()


async def test_a_silent_handler_hears_what_is_new_after_a_replay() -> None:
    mails: list[Deposited] = []
    log = log_of(deposits(1, 2))
    engine = engine_for(Balance())
    engine.on(Deposited, replay=False)(mails.append)

    await engine.replay(log.read_all())
    assert mails == []

    log.append("account-1", deposits(3))
    await engine.process_events(log.read_all())
    assert [each.amount for each in mails] == [3]


async def test_silence_does_not_change_what_counts_as_applied() -> None:
    page = page_of(deposits(1, 2))
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited, replay=False)(lambda event: None)
    await engine.process_events(page)
    before = engine.get_state()

    await engine.replay(page)

    after = engine.get_state()
    assert before is not None
    assert after is not None
    assert (after.applied_count, after.applied_hash) == (before.applied_count, before.applied_hash)


async def test_the_context_tells_whether_history_is_replayed() -> None:
    replaying: list[bool] = []
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def note(event: Deposited, context: ProjectionContext) -> None:
        replaying.append(context.replaying)

    log = log_of(deposits(1))
    await engine.process_events(log.read_all())
    await engine.replay(log.read_all())

    assert replaying == [False, True]


async def test_a_start_holds_for_a_replay_too() -> None:
    log, model = log_of(deposits(1, 2, 3)), Balance()
    engine = engine_for(model, start=1)
    await engine.process_events(log.read_all())
    assert model.seen == [2, 3]

    await engine.replay(log.read_all())

    assert model.seen == [2, 3]


async def test_another_version_is_refused_until_it_is_replayed() -> None:
    store, model, events = InMemoryProjectionStateStore(), Balance(), deposits(1)
    await engine_for(model, store).process_events(events)
    newer = engine_for(model, store, version=2)

    with pytest.raises(OutdatedProjection, match=r"declares version 2.*built by version 1"):
        await newer.process_events(events)

    await newer.replay(events)
    await newer.process_events(deposits(4))
    assert model.seen == [1, 4]


STORES = pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])


@STORES
@pytest.mark.parametrize("before", ["nothing", "initialize", "a refused replay"])
async def test_another_version_is_refused_at_every_call(
    store: Callable[[], ProjectionStateStore], before: str
) -> None:
    kept, model = store(), Balance()
    await engine_for(model, kept).process_events(deposits(1))
    newer = engine_for(model, kept, version=2)
    if before == "initialize":
        await newer.initialize()
    if before == "a refused replay":
        with pytest.raises(GapInFeed):
            await newer.replay(page_of(deposits(1, 2), after=1))

    for _ in range(3):
        with pytest.raises(OutdatedProjection):
            await newer.process_events(deposits(7))

    assert model.seen == [1]


async def test_changed_handler_code_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    store = InMemoryProjectionStateStore()
    one = ProjectionEngine("p", store)
    one.on(Deposited)(lambda event: None)
    await one.process_events(deposits(1))
    other = ProjectionEngine("p", store)
    other.on(Deposited)(lambda event: event.amount + 1)

    await other.process_events(deposits(1))
    await other.process_events(deposits(1))

    assert caplog.text.count("has changed since it last ran") == 1


class Total(Projection):
    def __init__(self) -> None:
        self.total = 0

    @on(Deposited)
    def add(self, event: Deposited) -> None:
        self.total += event.amount


async def test_a_registered_projection_is_made_anew_for_a_replay() -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.register(Total)
    await engine.process_events(deposits(1, 2))
    before = engine.get(Total)

    await engine.replay(deposits(5))

    assert before.total == 3
    assert engine.get(Total).total == 5


async def test_a_log_is_replayed_page_by_page_in_silence() -> None:
    model, mails, log = Balance(), [], log_of(deposits(1, 2, 3))
    engine = engine_for(model)
    engine.on(Deposited, replay=False)(mails.append)
    await engine.process_events(log.read_all())

    await engine.replay(log.read_all(limit=1))
    for position in (1, 2):
        await engine.process_events(log.read_all(after_position=position, limit=1))

    state = engine.get_state()
    assert state is not None
    assert (model.seen, len(mails)) == ([1, 2, 3], 3)
    assert (state.status, state.replay_until) == ("live", 3)


async def test_a_first_page_that_nothing_was_before_ends_its_replay() -> None:
    engine, log = engine_for(Balance()), log_of(deposits(1, 2))

    await engine.replay(log.read_all(limit=1))

    state = engine.get_state()
    assert state is not None
    assert (state.status, state.replay_until) == ("live", 1)


@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
@pytest.mark.parametrize(("batch_size", "heard"), [(10, []), (1, [3])])
async def test_a_first_fill_by_replay_stays_silent_for_the_batch_that_failed(
    is_bare: bool, batch_size: int, heard: list[int]
) -> None:
    events, broken, mails = deposits(1, 2, 3), [True], []
    feed = [*events, events[0]] if is_bare else list(page_of(events).events)
    engine = engine_for(Balance(), batch_size=batch_size)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken and event.amount == 2:
            raise OSError("no 2")

    engine.on(Deposited, replay=False)(mails.append)
    with pytest.raises(OSError, match="no 2"):
        await engine.replay(feed)
    broken.clear()
    await engine.process_events(feed)

    state = engine.get_state()
    assert state is not None
    assert [each.amount for each in mails] == heard
    assert state.status == "live"


async def test_a_replay_that_fails_twice_is_silent_up_to_the_first_checkpoint() -> None:
    page, broken, mails = page_of(deposits(1, 2, 3)), [True], []
    engine = engine_for(Balance())
    engine.on(Deposited, replay=False)(mails.append)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken and event.amount == 2 and len(mails) == 3:
            raise OSError("no 2")

    broken.clear()
    await engine.process_events(page)
    broken.append(True)
    for _ in range(2):
        with pytest.raises(OSError, match="no 2"):
            await engine.replay(page.events[:2])
    broken.clear()
    await engine.process_events(page)

    assert len(mails) == 3


async def test_a_replay_that_is_gone_on_with_keeps_the_order() -> None:
    (a, b, c), broken, seen = deposits(1, 2, 3), [], []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on_reset(seen.clear)

    @engine.on(Deposited)
    def handle(event: Deposited) -> None:
        if broken:
            raise OSError("no")
        seen.append(event.amount)

    await engine.process_events([a, b, c])
    broken.append(True)
    with pytest.raises(OSError, match="no"):
        await engine.replay([a, b, c])
    broken.clear()

    await engine.process_events([a, b, a, c])

    assert seen == [1, 2, 3]


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
async def test_what_was_handed_to_a_replay_stays_history_in_every_store(
    store: type[ProjectionStateStore], is_bare: bool
) -> None:
    events, broken, mails = deposits(1, 2, 3), [True], []
    feed = events if is_bare else page_of(events)
    engine = engine_for(Balance(), store())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken and event.amount == 2:
            raise OSError("no 2")

    engine.on(Deposited, replay=False)(mails.append)
    with pytest.raises(OSError, match="no 2"):
        await engine.replay(feed)
    broken.clear()
    await engine.process_events(feed)

    assert mails == []


async def test_what_was_handed_to_a_replay_stays_history_when_its_reset_fails() -> None:
    page, broken, mails = page_of(deposits(1, 2, 3)), [True], []
    engine = engine_for(Balance())
    engine.on(Deposited, replay=False)(mails.append)

    @engine.on_reset
    def fail() -> None:
        if broken:
            raise OSError("no reset")

    with pytest.raises(OSError, match="no reset"):
        await engine.replay(page)
    broken.clear()
    await engine.process_events(page)

    assert mails == []


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
async def test_a_replay_out_of_order_empties_nothing(store: type[ProjectionStateStore]) -> None:
    one, two, three = page_of(deposits(1, 2, 3)).events
    model = Balance()
    engine = engine_for(model, store())
    await engine.process_events([one, two, three])

    with pytest.raises(OutOfOrder):
        await engine.replay([two, one, three])

    state = engine.get_state()
    assert state is not None
    assert (model.seen, state.status) == ([1, 2, 3], "live")


async def test_news_behind_history_is_news_though_disorder_follows() -> None:
    log, broken, mails = log_of(deposits(1, 2)), [False], []
    engine = engine_for(Balance())
    engine.on(Deposited, replay=False)(mails.append)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken[0] and event.amount == 2:
            raise OSError("no 2")

    await engine.process_events(log.read_all())
    broken[0] = True
    with pytest.raises(OSError, match="no 2"):
        await engine.replay(log.read_all())
    broken[0] = False
    log.append("account-1", deposits(3))
    one, two, three = log.read_all().events

    with pytest.raises(OutOfOrder):
        await engine.process_events([one, two, three, two])

    assert [each.amount for each in mails] == [1, 2, 3]


async def test_a_silent_handler_that_had_returned_is_not_called_again_after_a_replay() -> None:
    log, broken, mails = log_of(deposits(1, 2)), [True], []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited, replay=False)(mails.append)
    engine.on_reset(lambda: None)

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        if broken and event.amount == 2:
            raise OSError("no 2")

    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(log.read_all())
    broken.clear()
    await engine.replay(log.read_all(limit=1))
    await engine.process_events(log.read_all())

    assert [each.amount for each in mails] == [1, 2]


async def test_a_reset_that_could_not_be_noted_does_not_happen_later() -> None:
    class Away(InMemoryProjectionStateStore):
        broken = False

        async def save_state(self, state: ProjectionState) -> None:
            if self.broken:
                raise ConnectionError("away")
            await super().save_state(state)

    store, model = Away(), Balance()
    engine = engine_for(model, store)
    await engine.process_events(deposits(1, 2))
    store.broken = True
    with pytest.raises(ConnectionError):
        await engine.replay(deposits(5))
    state = engine.get_state()
    assert state is not None
    assert (state.status, state.last_processed_position) == ("live", 2)
    store.broken = False

    await engine.process_events(deposits(3))

    assert model.seen == [1, 2, 3]


async def test_what_one_replay_was_handed_is_not_history_for_another() -> None:
    store, broken, mails = InMemoryProjectionStateStore(), [False], []
    one, other = engine_for(Balance(), store), engine_for(Balance(), store)
    one.on(Deposited, replay=False)(mails.append)

    @other.on_reset
    def fail() -> None:
        if broken:
            raise OSError("no reset")

    broken.clear()
    await one.replay(deposits(1, 2, 3))
    await other.replay(deposits(9))
    broken.append(True)
    with pytest.raises(OSError, match="no reset"):
        await other.replay(deposits(9))

    await one.process_events(deposits(4, 5, 6))

    assert [each.amount for each in mails] == [5, 6]


async def test_between_history_and_news_the_state_is_still_what_it_was() -> None:
    log, broken = log_of(deposits(1, 2)), [False]
    positions: list[int] = []
    engine = engine_for(Balance())

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        if broken[0] and event.amount == 2:
            raise OSError("no 2")
        if event.amount == 3:
            state = engine.get_state()
            assert state is not None
            positions.append(state.last_processed_position)

    await engine.process_events(log.read_all())
    broken[0] = True
    with pytest.raises(OSError, match="no 2"):
        await engine.replay(log.read_all())
    broken[0] = False
    log.append("account-1", deposits(3))
    await engine.process_events(log.read_all())

    assert positions == [1]


async def test_a_reset_that_is_cancelled_leaves_what_was_handed_in_as_history() -> None:
    page, entered, mails, hang = page_of(deposits(1, 2)), asyncio.Event(), [], [True]
    engine = engine_for(Balance())
    engine.on(Deposited, replay=False)(mails.append)

    @engine.on_reset
    async def wait() -> None:
        if hang:
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(engine.replay(page))
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    hang.clear()
    await engine.process_events(page)

    assert mails == []


class Mailing:
    """A projection that sends mail for what is new, and fails for the amounts in `poison`."""

    def __init__(self, store: ProjectionStateStore, **options: Any) -> None:
        self.mails: list[int] = []
        self.poison: set[int] = set()
        self.engine = engine_for(Balance(), store, **options)
        self.engine.on(Deposited, replay=False)(lambda event: self.mails.append(event.amount))
        self.engine.on(Deposited)(self._fail)

    def _fail(self, event: Deposited) -> None:
        if event.amount in self.poison:
            raise OSError(f"no {event.amount}")

    async def replay_until_it_fails(self, feed: Any, amount: int) -> None:
        self.poison = {amount}
        with pytest.raises(OSError, match=f"no {amount}"):
            await self.engine.replay(feed)
        self.poison = set()


def bare_and_recorded() -> tuple[list[Event], list[Any]]:
    """The same three deposits as bare events, and as a log where they stand far apart."""
    events = deposits(1, 2, 3)
    names = [Renamed() for _ in range(20)]
    log = log_of([*names[:10], *events[:2], *names[10:], *events[2:]])
    return events, list(log.read_all().events)


@STORES
@pytest.mark.parametrize("to_bare", [True, False], ids=["to bare", "to recorded"])
async def test_a_failed_replay_with_the_other_kind_of_feed_is_history_until_a_call_ends_well(
    store: Callable[[], ProjectionStateStore], to_bare: bool
) -> None:
    bare, recorded = bare_and_recorded()
    old, new = (recorded, bare) if to_bare else (bare, recorded)
    case = Mailing(store(), batch_size=1)
    await case.engine.process_events(old)
    await case.replay_until_it_fails(new, 2)

    await case.engine.process_events(new)
    assert case.mails == [1, 2, 3]

    log = log_of([*[Renamed() for _ in recorded], *deposits(4, 5)])
    news = deposits(4, 5) if to_bare else log.read_all().events[-2:]
    await case.engine.process_events(news)
    assert case.mails == [1, 2, 3, 4, 5]


@STORES
async def test_a_replay_from_another_store_is_not_bounded_by_the_old_checkpoint(
    store: Callable[[], ProjectionStateStore],
) -> None:
    old, new, case = log_of(deposits(*range(1, 11))), log_of(deposits(1, 2, 3)), Mailing(store())
    await case.engine.process_events(old.read_all())
    case.mails.clear()

    await case.engine.replay(new.read_all(limit=2))
    await case.engine.process_events(new.read_all(after_position=2))
    new.append("account-1", deposits(100))
    await case.engine.process_events(new.read_all())

    assert case.mails == [3, 100]


@STORES
async def test_a_failed_replay_from_another_store_is_history_until_a_call_ends_well(
    store: Callable[[], ProjectionStateStore],
) -> None:
    old, new = log_of(deposits(*range(1, 11))), log_of(deposits(1, 2, 3))
    case = Mailing(store(), batch_size=1)
    await case.engine.process_events(old.read_all())
    case.mails.clear()
    await case.replay_until_it_fails(new.read_all(), 2)

    await case.engine.process_events(new.read_all())
    new.append("account-1", deposits(100))
    await case.engine.process_events(new.read_all())

    assert case.mails == [100]


@STORES
async def test_a_call_that_leaves_the_failed_event_undone_ends_no_replay(
    store: Callable[[], ProjectionStateStore],
) -> None:
    bare, recorded = bare_and_recorded()
    case = Mailing(store())
    await case.engine.process_events(recorded)
    await case.replay_until_it_fails(bare, 2)

    await case.engine.process_events(bare[:1])
    await case.engine.process_events([])
    await case.engine.process_events(bare)

    state = case.engine.get_state()
    assert state is not None
    assert (case.mails, state.status, state.replay_until) == ([1, 2, 3], "live", 3)


@STORES
async def test_records_without_a_page_are_taken_to_be_of_the_store_that_is_known(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, case = log_of(deposits(1, 2, 3)), Mailing(store(), batch_size=1)
    await case.engine.process_events(log.read_all())

    await case.replay_until_it_fails(log.read_all().events, 2)
    with pytest.raises(NotTheLog):
        await case.engine.process_events(page_of(deposits(7)))
    for position in (1, 2):
        await case.engine.process_events(log.read_all(after_position=position, limit=1))

    assert case.mails == [1, 2, 3]


@STORES
async def test_a_second_replay_does_not_make_an_unbounded_one_end_at_some_checkpoint(
    store: Callable[[], ProjectionStateStore],
) -> None:
    bare, recorded = bare_and_recorded()
    case = Mailing(store(), batch_size=1)
    await case.engine.process_events(recorded)
    await case.replay_until_it_fails(bare, 2)
    await case.replay_until_it_fails(bare, 3)

    await case.engine.process_events(bare)
    await case.engine.process_events(deposits(4))

    assert case.mails == [1, 2, 3, 4]


async def test_a_replay_whose_reset_failed_keeps_to_the_kind_of_feed_that_bounds_it() -> None:
    bare, recorded = bare_and_recorded()
    case, broken = Mailing(InMemoryProjectionStateStore()), [True]

    @case.engine.on_reset
    def fail() -> None:
        if broken:
            raise OSError("no reset")

    await case.engine.process_events(recorded)
    with pytest.raises(OSError, match="no reset"):
        await case.engine.replay(recorded)
    broken.clear()

    with pytest.raises(MixedFeed, match="counts recorded events"):
        await case.engine.process_events(bare)
    await case.engine.process_events(recorded[:-1])
    await case.engine.process_events(recorded)

    assert case.mails == [1, 2, 3]


async def test_a_replay_of_nothing_whose_reset_failed_leaves_the_first_call_as_history() -> None:
    case, broken = Mailing(InMemoryProjectionStateStore()), [True]

    @case.engine.on_reset
    def fail() -> None:
        if broken:
            raise OSError("no reset")

    await case.engine.process_events(page_of(deposits(*range(9))))
    case.mails.clear()
    with pytest.raises(OSError, match="no reset"):
        await case.engine.replay([])
    broken.clear()

    await case.engine.process_events(deposits(1, 2))
    await case.engine.process_events(deposits(3))

    assert case.mails == [3]


async def test_a_log_is_replayed_in_silence_though_its_first_page_holds_no_event() -> None:
    log = log_of([Renamed(), Renamed(), *deposits(1, 2)])
    case = Mailing(InMemoryProjectionStateStore())
    await case.engine.process_events(log.read_all())

    await case.engine.replay(Page((), 0, 2, at_end=False, store_id=log.store_id))
    await case.engine.process_events(log.read_all(after_position=2))

    assert case.mails == [1, 2]


async def test_a_page_without_events_goes_on_with_a_replay() -> None:
    log = log_of([*deposits(1), Renamed(), Renamed(), *deposits(2)])
    case = Mailing(InMemoryProjectionStateStore())
    await case.engine.process_events(log.read_all())
    await case.engine.replay(log.read_all(limit=1))

    await case.engine.process_events(Page((), 1, 3, at_end=False, store_id=log.store_id))
    await case.engine.process_events(log.read_all(after_position=3))

    assert case.mails == [1, 2]


async def test_a_replay_that_was_rolled_back_whole_makes_nothing_history() -> None:
    bare, recorded = bare_and_recorded()
    case, broken = Mailing(FakeDatabase()), [False]

    @case.engine.on_reset
    def fail() -> None:
        if broken[0]:
            raise OSError("no reset")

    await case.engine.process_events(bare[:2])
    await case.replay_until_it_fails(bare[:2], 2)
    broken[0] = True
    with pytest.raises(OSError, match="no reset"):
        await case.engine.replay(recorded)

    await case.engine.process_events([*bare, *deposits(4)])

    assert case.mails == [1, 2, 3, 4]


@STORES
async def test_an_async_feed_is_replayed_with_one_reset(
    store: Callable[[], ProjectionStateStore],
) -> None:
    events, resets, model = deposits(1, 2, 3), [], Balance()
    engine = engine_for(model, store())
    engine.on_reset(lambda: resets.append("reset"))

    async def feed() -> AsyncIterator[Event]:
        for event in events:
            yield event

    await engine.process_events(events)
    await engine.replay(feed())

    state = engine.get_state()
    assert state is not None
    assert (model.seen, resets) == ([1, 2, 3], ["reset"])
    assert (state.last_processed_position, state.status) == (3, "live")


@STORES
async def test_a_function_with_and_without_silence_is_called_again_in_a_replay(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, seen, broken = log_of(deposits(1, 2, 3)), [], [True]
    engine = ProjectionEngine("p", store())

    def note(event: Any) -> None:
        seen.append(event.amount)

    def fail(event: Deposited) -> None:
        if broken and event.amount == 2:
            raise OSError("no 2")

    engine.on(Deposited, replay=False)(note)
    engine.on(Event)(note)
    engine.on(Deposited)(fail)
    engine.on_reset(seen.clear)
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(log.read_all())
    broken.clear()

    await engine.replay(log.read_all())

    assert seen == [1, 2, 3]


async def test_a_function_with_and_without_silence_is_not_called_twice_by_a_retry() -> None:
    events, seen, fails = deposits(1, 2), [], [True]
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    def note(event: Any) -> None:
        seen.append(event.amount)

    def fail(event: Deposited) -> None:
        if fails and event.amount == 2:
            raise OSError("no 2")

    engine.on(Deposited, replay=False)(note)
    engine.on(Deposited)(fail)
    engine.on(Event)(note)
    engine.on_reset(seen.clear)
    with pytest.raises(OSError, match="no 2"):
        await engine.replay(events)
    with pytest.raises(OSError, match="no 2"):
        await engine.process_events(events)
    fails.clear()
    await engine.process_events(events)

    assert seen == [1, 2]


async def test_handlers_keep_their_order_in_a_replay() -> None:
    calls: list[str] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())

    def first(event: Event) -> None:
        calls.append("first")

    engine.on(Deposited, replay=False)(first)
    engine.on(Deposited)(lambda event: calls.append("second"))
    engine.on(Event)(first)
    engine.on_reset(lambda: None)
    await engine.process_events(deposits(1))

    await engine.replay(deposits(1))

    assert calls == ["first", "second"] * 2


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, PlainStore, FakeDatabase])
async def test_every_store_tells_a_reset_hook_that_history_is_replayed(
    store: Callable[[], ProjectionStateStore],
) -> None:
    contexts: list[ProjectionContext] = []
    engine = ProjectionEngine("p", store())
    engine.on_reset(lambda context: contexts.append(context))

    for feed in ([], deposits(1)):
        await engine.replay(feed)

    assert [each.replaying for each in contexts] == [True, True]


async def test_a_batch_handler_without_a_reset_hook_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on_batch(lambda events: None)

    await engine.replay(deposits(1))

    assert "@engine.on_reset" in caplog.text


async def test_a_replay_beyond_the_old_checkpoint_tells_no_state_that_never_was() -> None:
    found: list[tuple[int, int | None]] = []
    engine = engine_for(Balance(), batch_size=1)

    @engine.on(Deposited)
    def look(event: Deposited) -> None:
        state = engine.get_state()
        assert state is not None
        found.append((state.last_processed_position, state.replay_until))

    await engine.replay(page_of(deposits(1, 2, 3)).events)

    assert found == [(0, 1), (1, 1), (2, 2)]


@STORES
async def test_pages_go_on_where_records_without_a_page_were_handled_before(
    store: Callable[[], ProjectionStateStore],
) -> None:
    log, case = log_of(deposits(1, 2, 3)), Mailing(store())
    await case.engine.process_events(log.read_all().events)

    await case.engine.replay(log.read_all(limit=1))
    for position in (1, 2):
        await case.engine.process_events(log.read_all(after_position=position, limit=1))

    assert case.mails == [1, 2, 3]


@STORES
async def test_a_replay_with_bare_events_forgets_the_store(
    store: Callable[[], ProjectionStateStore],
) -> None:
    engine = engine_for(Balance(), store())
    await engine.process_events(page_of(deposits(1)))

    await engine.replay(deposits(1))

    state = engine.get_state()
    assert state is not None
    assert (state.feed, state.store_id) == ("bare", None)


@STORES
async def test_a_replay_forgets_the_handlers_whose_work_its_reset_undid(
    store: Callable[[], ProjectionStateStore],
) -> None:
    engine = engine_for(Balance(), store())

    @engine.on(Deposited)
    def fail(event: Deposited) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await engine.process_events(deposits(1))
    await engine.replay([])

    state = engine.get_state()
    assert state is not None
    assert state.partly_applied == ()


@pytest.mark.parametrize("store", [InMemoryProjectionStateStore, FakeDatabase])
async def test_a_feed_that_breaks_in_its_first_batch_replays_nothing(
    store: type[ProjectionStateStore],
) -> None:
    model = Balance()
    engine = engine_for(model, store(), batch_size=3)

    def broken(count: int) -> Iterator[Event]:
        yield from deposits(*range(count))
        raise OSError("the connection broke")

    await engine.process_events(deposits(7, 8))
    with pytest.raises(OSError, match="the connection broke"):
        await engine.replay(broken(2))
    before = model.seen[:]
    with pytest.raises(OSError, match="the connection broke"):
        await engine.replay(broken(4))

    assert before == [7, 8]
    assert model.seen == [0, 1, 2, 3]
