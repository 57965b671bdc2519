"""Keys that are set aside when one of their events fails, and what becomes of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_events import Deposited, Renamed

from orchestrix.eventsourcing import (
    FeedError,
    GapInFeed,
    NoKey,
    OutOfOrder,
    Page,
    ProjectionContext,
    ProjectionEngine,
    StoreUnavailable,
    UnhandledUnknownEvent,
)
from orchestrix.memory_store import InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import RecordedEvent, UnknownEvent
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ParkedKey,
    ProjectionState,
    StateConflict,
)
from orchestrix.read_models import Table
from orchestrix.testing.conformance.read_model_table.driver import SpiedStore


@dataclass
class Seen:
    stream: str
    amounts: list[int]


NO = ValueError("no 1")


class Case:
    """Deposits listed per stream in a table; it fails for the amounts in `failing`."""

    def __init__(self, store: Any = None, **options: Any) -> None:
        self.log = InMemoryEventStore()
        self.store = store or InMemoryProjections()
        self.failing: set[int] = set()
        self.error: Callable[[int], BaseException] = lambda amount: ValueError(f"no {amount}")
        self.live: list[int] = []
        self.started(**options)

    def started(self, **options: Any) -> "Case":
        """Begin with a new engine, as after a restart."""
        self.table = Table(Seen, key="stream", prefetch={Deposited: lambda _: ["a", "b"]})
        self.engine = ProjectionEngine("seen", self.store, tables=[self.table], **options)
        self.engine.on(Deposited)(self.add)
        assert self.engine.parking is not None
        self.parking = self.engine.parking
        return self

    def rival(self, **options: Any) -> "Case":
        """Another engine on the same store and log, as another process would have."""
        other = Case(self.store, **options)
        other.log = self.log
        return other

    async def add(self, event: Deposited, context: ProjectionContext) -> None:
        await asyncio.sleep(0)
        assert context.recorded is not None
        stream = context.recorded.stream_id
        if (row := await self.table.get(stream)) is None:
            self.table.put(row := Seen(stream, []))
        row.amounts.append(event.amount)
        if event.amount in self.failing:
            raise self.error(event.amount)
        if not context.replaying:
            self.live.append(event.amount)

    def append(self, *deposits: tuple[str, int]) -> None:
        for stream, amount in deposits:
            self.log.append(stream, [Deposited(amount=amount)])

    def page(self) -> Page:
        state = self.engine.get_state()
        return self.log.read_all(
            after_position=0 if state is None else state.last_processed_position
        )

    def record(self, position: int) -> RecordedEvent:
        return self.log.read_all(after_position=position - 1, limit=1).events[0]

    async def feed(self, *, delay: float | None = 5.0) -> list[int]:
        """Feed the log to its end, failing events set aside; return their positions."""
        aside: list[int] = []
        while True:
            try:
                await self.engine.process_events(self.page())
            except (ValueError, UnhandledUnknownEvent) as error:
                state = await self.state()
                assert state.failed_position is not None
                aside.append(state.failed_position)
                await self.parking.set_aside(self.record(state.failed_position), error, delay)
            else:
                return aside

    async def retry(self, key: str, delay: float | None = None) -> None:
        """Try all events of a key again."""
        await self.parking.retry(key, await self.queued(key), lambda _: delay)

    async def queued(self, key: str) -> list[RecordedEvent]:
        positions = await self.store.parked_positions("seen", key)
        return [self.record(each) for each in positions]

    async def key(self) -> ParkedKey:
        (found,) = await self.store.parked_keys("seen")
        return found

    async def keys(self) -> list[str]:
        return [each.key for each in await self.store.parked_keys("seen")]

    async def rows(self) -> dict[str, list[int]]:
        return {each.stream: each.amounts for each in await self.store.table(self.table).query()}

    async def state(self) -> ProjectionState:
        state = await self.store.load_state("seen")
        assert state is not None
        return state


@pytest.fixture
def case() -> Case:
    case = Case()
    case.append(("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5))
    return case


async def test_the_other_keys_go_on_and_the_events_of_this_one_wait(case: Case) -> None:
    case.failing = {1}

    assert await case.feed() == [1]

    state, key = await case.state(), await case.key()
    assert await case.rows() == {"b": [2, 4]}
    assert (state.last_processed_position, state.applied_count, state.is_healthy) == (5, 2, True)
    assert (key.key, key.position, key.attempts, key.events) == ("a", 1, 1, 3)
    assert (key.status, key.delay, key.error) == ("retrying", 5.0, "ValueError: no 1")
    assert key.since == key.failed_at


async def test_a_key_catches_up_in_its_order_once_it_can_be_handled(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = set()

    await case.retry("a")
    case.append(("a", 6))
    await case.feed()

    state = await case.state()
    assert await case.rows() == {"a": [1, 3, 5, 6], "b": [2, 4]}
    assert (state.applied_count, await case.keys()) == (6, [])


async def test_what_was_applied_is_the_same_as_without_a_failure(case: Case) -> None:
    clean = Case()
    clean.log = case.log
    await clean.feed()
    case.failing = {1}
    await case.feed()
    case.failing = set()
    await case.retry("a")

    assert (await case.state()).applied_hash == (await clean.state()).applied_hash


async def test_a_key_stays_set_aside_after_a_restart(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.started()
    case.failing = set()
    case.append(("a", 6))

    await case.feed()

    assert await case.rows() == {"b": [2, 4]}
    assert (await case.key()).events == 4


async def test_what_another_engine_sets_aside_is_seen(case: Case) -> None:
    rival = case.rival()
    await rival.engine.process_events(case.log.read_all(limit=2))
    await case.engine.process_events(case.log.read_all(limit=2))
    rival.failing = {3}
    assert await rival.feed() == [3]
    case.append(("a", 6), ("b", 7))

    await case.feed()

    assert await case.rows() == {"a": [1], "b": [2, 4, 7]}
    assert [each.position for each in await case.queued("a")] == [3, 5, 6]


async def test_what_another_engine_frees_is_handled(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    await case.rival().retry("a")
    case.append(("a", 6))

    await case.feed()

    assert await case.rows() == {"a": [1, 3, 5, 6], "b": [2, 4]}


async def test_only_what_failed_last_can_be_set_aside(case: Case) -> None:
    case.failing = {3}
    with pytest.raises(ValueError, match="no 3"):
        await case.engine.process_events(case.page())

    with pytest.raises(FeedError, match="cannot pass position 4 over: what failed last is at 3"):
        await case.parking.set_aside(case.record(4), NO, None)

    assert await case.keys() == []
    assert (await case.state()).last_processed_position == 2


async def test_a_retry_that_fails_is_counted_and_what_came_before_it_stands(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = {3}

    with pytest.raises(ValueError, match="no 3"):
        await case.retry("a", delay=7.0)

    key = await case.key()
    assert await case.rows() == {"a": [1], "b": [2, 4]}
    assert (key.position, key.events, key.attempts) == (3, 2, 1)
    assert (key.error, key.delay, key.status) == ("ValueError: no 3", 7.0, "retrying")
    assert (await case.state()).error_count == 2


async def test_attempts_add_up_until_there_is_no_next_one(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    for attempts in (2, 3):
        with pytest.raises(ValueError, match="no 1"):
            await case.parking.retry(
                "a", await case.queued("a"), lambda count: None if count == 3 else 2.0 * count
            )
        key = await case.key()
        assert (key.attempts, key.delay) == (attempts, {2: 4.0, 3: None}[attempts])

    assert (await case.key()).status == "parked"


async def test_who_asks_for_another_try_begins_anew(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    with pytest.raises(ValueError, match="no 1"):
        await case.retry("a")
    await case.store.request("seen", "a", "retry")

    with pytest.raises(ValueError, match="no 1"):
        await case.retry("a")

    key = await case.key()
    assert (key.attempts, key.request) == (1, None)


async def test_a_request_is_met_although_some_events_were_not_tried(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = set()
    await case.store.request("seen", "a", "retry")

    await case.parking.retry("a", (await case.queued("a"))[:2], lambda _: None)

    key = await case.key()
    assert (key.position, key.events, key.attempts, key.request) == (5, 1, 0, None)


async def test_a_retry_whose_answer_was_lost_is_not_done_twice() -> None:
    case = Case(store := Forgetful())
    case.append(("a", 1), ("b", 2), ("a", 3))
    case.failing = {1}
    await case.feed()
    case.failing = set()
    events = await case.queued("a")
    store.loses_answer = True

    await case.parking.retry("a", events, lambda _: None)

    assert case.engine.get_state() == await case.state()
    assert await case.rows() == {"a": [1, 3], "b": [2]}
    assert (await case.state()).applied_count == 3


async def test_a_single_retry_whose_answer_was_lost_counts_as_done() -> None:
    case = Case(store := Forgetful())
    case.append(("a", 1))
    case.failing = {1}
    await case.feed()
    case.failing = set()
    store.loses_answer = True

    with pytest.raises(ConnectionError):
        await case.retry("a")

    state = await case.state()
    assert (await case.rows(), await case.keys()) == ({"a": [1]}, [])
    assert (state.applied_count, case.engine.get_state()) == (1, state)


async def test_a_failure_that_cannot_be_kept_is_told_with_it() -> None:
    case = Case(store := Forgetful())
    case.append(("a", 1))
    case.failing = {1}
    await case.feed()
    store.breaks_after = 1

    with pytest.raises(ValueError, match="no 1") as raised:
        await case.retry("a")

    (note,) = raised.value.__notes__
    assert "and that it failed could not be kept: ConnectionError('away')" in note
    assert case.engine.get_state() == await case.state()
    assert (await case.key()).attempts == 1


async def test_a_retry_that_was_done_counts_no_failure(case: Case) -> None:
    store = Forgetful()
    case = Case(store)
    case.append(("a", 1))
    case.failing = {1}
    await case.feed()
    case.failing = set()
    store.loses_answer = True

    with pytest.raises(ConnectionError):
        await case.retry("a")

    assert (await case.state()).error_count == 1


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_replay_that_never_happened_frees_no_key(case: Case, is_cancelled: bool) -> None:
    case.failing = {1}
    await case.feed()
    hang = asyncio.Event()
    if is_cancelled:
        case.engine.on_reset(hang.wait)
    replaying = asyncio.create_task(case.engine.replay(case.log.read_all()))
    await asyncio.wait([replaying], timeout=0.05)
    replaying.cancel()
    await asyncio.wait([replaying])
    case.append(("a", 6))

    await case.feed()

    assert await case.rows() == {"b": [2, 4]}
    assert [each.position for each in await case.queued("a")] == [1, 3, 5, 6]


async def test_a_retry_takes_no_event_above_the_checkpoint() -> None:
    case = Case()
    case.append(("a", 1), ("a", 2))
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events(case.log.read_all())
    await case.parking.set_aside(case.record(1), NO, None)
    case.failing = set()

    await case.parking.retry("a", [case.record(1), case.record(2)], lambda _: None)
    await case.feed()

    assert await case.rows() == {"a": [1, 2]}
    assert (await case.state()).applied_count == 2


async def test_an_event_that_could_not_be_queued_is_set_aside_behind_the_others(
    case: Case,
) -> None:
    store = Forgetful()
    case = Case(store)
    case.append(("a", 1), ("b", 2), ("a", 3))
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events(case.page())
    await case.parking.set_aside(case.record(1), NO, 7.0)
    await case.engine.process_events([case.record(2)])
    store.breaks_after = 0
    with pytest.raises(ConnectionError):
        await case.engine.process_events([case.record(3)])
    assert (await case.state()).failed_position == 3

    await case.parking.set_aside(case.record(3), NO, None)
    key = await case.key()
    assert (key.position, key.events, key.delay, key.error) == (1, 2, 7.0, "ValueError: no 1")

    case.failing = set()
    await case.retry("a")
    assert await case.rows() == {"a": [1, 3], "b": [2]}


async def test_an_event_that_failed_and_waits_now_leaves_no_gap(case: Case) -> None:
    store = Forgetful()
    case = Case(store)
    case.append(("a", 1), ("a", 2), ("b", 3))
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events(case.page())
    await case.parking.set_aside(case.record(1), NO, None)
    store.breaks_after = 0
    with pytest.raises(ConnectionError):
        await case.engine.process_events([case.record(2)])
    assert (await case.state()).failed_position == 2
    revision = (await case.state()).revision

    await case.engine.process_events(case.page())

    assert (await case.state()).revision == revision + 1, "event by event"
    assert (await case.key()).events == 2


async def test_a_request_made_while_a_failure_is_kept_stays(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.failing = {1}
    await case.feed()
    answers: list[str] = []
    async with case.store.transaction("other") as transaction:
        parked = type(transaction.parked)
    answer = parked.answer

    async def told(self: Any, key: str, request: Any) -> None:
        answers.append(key)
        await answer(self, key, request)

    monkeypatch.setattr(parked, "answer", told)
    with pytest.raises(ValueError, match="no 1"):
        await case.retry("a")

    assert answers == [], "nothing was asked for, so nothing can be answered"


async def test_code_that_handled_what_was_set_aside_is_known(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    before = (await case.state()).fingerprint
    mended = ProjectionEngine("seen", case.store)
    mended.on(Deposited)(lambda event: None)
    assert mended.parking is not None

    await mended.parking.retry("a", await case.queued("a"), lambda _: None)

    after = (await case.state()).fingerprint
    assert after not in (None, before)


async def test_a_retry_that_is_done_event_by_event_is_told(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = {5}
    caplog.clear()

    with pytest.raises(ValueError, match="no 5"):
        await case.retry("a")

    assert "a batch of 3 events of the key 'a' was rolled back" in caplog.text


async def test_what_did_not_change_anything_leaves_the_state_known(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    state = await case.state()
    with pytest.raises(FeedError):
        await case.parking.set_aside(case.record(2), NO, None)
    assert case.engine.get_state() == state

    case.error = lambda _: StoreUnavailable("elsewhere", "it is away")
    with pytest.raises(StoreUnavailable):
        await case.retry("a")
    assert case.engine.get_state() == state


async def test_the_rows_of_a_retry_are_loaded_at_once(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = set()
    store = SpiedManagedStore(case.store)
    slow = Case(store)
    slow.log = case.log

    await slow.parking.retry("a", await case.queued("a"), lambda _: None)

    assert store.loaded() == [["a", "b"]]


async def test_a_key_that_another_engine_has_tried_meanwhile_is_not_tried_again(
    case: Case,
) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = set()
    events = await case.queued("a")
    await case.rival().parking.retry("a", events[:2], lambda _: None)

    await case.parking.retry("a", events, lambda _: None)
    assert await case.rows() == {"a": [1, 3], "b": [2, 4]}

    await case.retry("a")
    assert await case.rows() == {"a": [1, 3, 5], "b": [2, 4]}


@pytest.mark.parametrize("places", [[], [2, 0], [0, 0]])
async def test_events_in_another_order_are_refused(case: Case, places: list[int]) -> None:
    case.failing = {1}
    await case.feed()
    events = await case.queued("a")

    with pytest.raises(FeedError, match="in the order of the log"):
        await case.parking.retry("a", [events[each] for each in places], lambda _: None)


async def test_what_is_discarded_is_never_handled_and_the_key_is_free(case: Case) -> None:
    case.failing = {1}
    await case.feed()

    assert await case.parking.discard("a", "the bank was wrong") == 3

    case.append(("a", 6))
    await case.feed()
    assert await case.rows() == {"a": [6], "b": [2, 4]}
    found = await case.store.discarded_events("seen")
    assert [(each.position, each.key, each.reason) for each in found] == [
        (position, "a", "the bank was wrong") for position in (1, 3, 5)
    ]
    assert (await case.state()).applied_count == 3


async def test_a_replay_begins_with_nothing_set_aside(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.failing = set()

    await case.engine.replay(case.log.read_all())

    assert await case.rows() == {"a": [1, 3, 5], "b": [2, 4]}
    assert await case.keys() == []


async def test_history_that_was_set_aside_is_history_when_it_is_tried_again(case: Case) -> None:
    await case.feed()
    case.live.clear()
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.replay(case.log.read_all(limit=1))
    case.failing = {3}
    with pytest.raises(ValueError, match="no 3"):
        await case.engine.replay(case.log.read_all())
    await case.feed()
    case.append(("a", 6), ("b", 7))
    await case.feed()
    assert case.live == [7]
    case.failing = set()

    await case.retry("a")

    assert case.live == [7, 6]
    assert await case.rows() == {"a": [1, 3, 5, 6], "b": [2, 4, 7]}


async def test_a_key_function_says_what_waits() -> None:
    case = Case(key=lambda event: "odd" if event.amount % 2 else "even")
    case.append(("x", 1), ("b", 2), ("y", 3), ("x", 5))
    case.failing = {1}

    await case.feed()

    assert await case.rows() == {"b": [2]}
    assert [each.position for each in await case.queued("odd")] == [1, 3, 4]


def empty_for_three(event: Deposited) -> str:
    return "" if event.amount == 3 else "all"


def broken_for_three(event: Deposited) -> str:
    return {1: "all", 2: "all"}[event.amount]


@pytest.mark.parametrize("no_key_of_three", [empty_for_three, broken_for_three])
async def test_an_event_without_a_key_cannot_be_set_aside(
    case: Case, no_key_of_three: Callable[[Deposited], str]
) -> None:
    case.started(key=no_key_of_three)

    with pytest.raises(NoKey):
        await case.engine.process_events(case.page())
    with pytest.raises(NoKey):
        await case.parking.set_aside(case.record(3), NO, None)

    assert (await case.state()).last_processed_position == 2


async def test_a_batch_handler_is_given_none_of_a_key_that_is_set_aside() -> None:
    store, log, given_, failing = InMemoryProjections(), InMemoryEventStore(), list[Any](), {1}
    engine = ProjectionEngine("seen", store)

    @engine.on_batch
    def handle(events: Sequence[Any]) -> None:
        if failing & {each.amount for each in events}:
            raise ValueError("no")
        given_.append([each.amount for each in events])

    for stream, amount in (("a", 1), ("b", 2), ("a", 3), ("b", 4)):
        log.append(stream, [Deposited(amount=amount)])
    page = log.read_all()
    with pytest.raises(ValueError, match="no"):
        await engine.process_events(page)
    assert engine.parking is not None
    await engine.parking.set_aside(page.events[0], NO, None)
    await engine.process_events(log.read_all(after_position=1))
    failing.clear()
    await engine.parking.retry("a", [page.events[0], page.events[2]], lambda _: None)

    state = engine.get_state()
    assert state is not None
    assert given_ == [[2, 4], [1], [3]]
    assert (state.last_processed_position, state.applied_count) == (4, 4)


async def test_a_batch_handler_is_told_what_is_history_when_it_is_tried_again() -> None:
    store, log, seen = InMemoryProjections(), InMemoryEventStore(), list[Any]()
    failing = {"Deposited"}
    engine = ProjectionEngine("seen", store)

    @engine.on_batch
    def handle(events: Sequence[Any], context: ProjectionContext) -> None:
        if failing & {each.type for each in events}:
            raise ValueError("no")
        seen.append((len(events), context.position, context.replaying))

    log.append("a", [Deposited(amount=1)])
    log.append("b", [UnknownEvent(type="bank.closed", data={})])
    assert engine.parking is not None
    for position, error in ((1, ValueError), (2, UnhandledUnknownEvent)):
        page = log.read_all(after_position=position - 1)
        with pytest.raises(error):
            await engine.process_events(page)
        await engine.parking.set_aside(page.events[0], NO, None)
    failing.clear()

    records = log.read_all().events
    await engine.parking.retry("a", records[:1], lambda _: None)
    with pytest.raises(UnhandledUnknownEvent):
        await engine.parking.retry("b", records[1:], lambda _: None)

    assert seen == [(1, 1, False)]


async def test_a_list_of_which_all_is_set_aside_moves_the_checkpoint(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.append(("a", 6), ("a", 7))

    await case.engine.process_events([case.record(6), case.record(7)])

    assert (await case.state()).last_processed_position == 7
    assert (await case.key()).events == 5


async def test_events_out_of_order_are_refused_also_when_they_would_wait(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.append(("a", 6), ("b", 7))

    with pytest.raises(OutOfOrder):
        await case.engine.process_events([case.record(7), case.record(6)])

    assert (await case.key()).events == 3


async def test_what_is_set_aside_is_asked_for_once(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    async with case.store.transaction("other") as transaction:
        parked = type(transaction.parked)
    keys = parked.keys

    async def counted(self: Any) -> Any:
        asked.append("keys")
        return await keys(self)

    monkeypatch.setattr(parked, "keys", counted)
    for after in range(5):
        await case.engine.process_events(case.log.read_all(after_position=after, limit=1))

    assert asked == ["keys"]


async def test_an_event_whose_key_cannot_be_told_waits_for_nobody() -> None:
    case = Case(key=lambda event: str(event.amount))
    case.append(("a", 1))
    case.failing = {1}
    await case.feed()
    case.log.append("a", [Renamed()])

    await case.feed()

    assert (await case.state()).last_processed_position == 2
    assert (await case.key()).events == 1


async def test_an_unknown_event_is_set_aside_until_it_is_known(case: Case) -> None:
    unknown = UnknownEvent(type="bank.closed", data={})
    case.log.append("a", [unknown])

    assert await case.feed() == [6]
    with pytest.raises(UnhandledUnknownEvent):
        await case.retry("a")

    case.started(ignore=["bank.closed"])
    await case.retry("a")
    assert await case.keys() == []
    assert (await case.state()).applied_count == 5


async def test_a_key_that_somebody_else_frees_meanwhile_is_a_conflict(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.append(("a", 6))
    before, rival = case.store.load_state, case.rival()

    async def late(projection_id: str) -> ProjectionState | None:
        state = await before(projection_id)
        case.store.load_state = before  # type: ignore[method-assign]
        await rival.parking.discard("a", "meanwhile")
        return state

    case.store.load_state = late  # type: ignore[method-assign]

    with pytest.raises(StateConflict):
        await case.engine.process_events(case.page())

    assert (await case.state()).error_count == 1
    await case.feed()
    assert await case.rows() == {"a": [6], "b": [2, 4]}


@pytest.mark.parametrize("is_batch", [False, True])
async def test_an_event_whose_key_is_in_doubt_overtakes_nothing(is_batch: bool) -> None:
    log, seen, keyless = InMemoryEventStore(), list[int](), {2}
    engine = ProjectionEngine(
        "seen", InMemoryProjections(), key=lambda event: "" if event.amount in keyless else "a"
    )

    def handle(event: Any) -> None:
        for each in event if is_batch else [event]:
            if each.amount == 1 and keyless:
                raise ValueError("no 1")
            seen.append(each.amount)

    engine.on_batch(handle) if is_batch else engine.on(Deposited)(handle)
    for amount in (1, 2):
        log.append("a", [Deposited(amount=amount)])
    assert engine.parking is not None
    with pytest.raises(ValueError, match="no 1"):
        await engine.process_events(log.read_all())
    await engine.parking.set_aside(log.read_all(limit=1).events[0], NO, None)
    with pytest.raises(NoKey):
        await engine.process_events(log.read_all(after_position=1))

    keyless.clear()
    await engine.process_events(log.read_all(after_position=1))
    await engine.parking.retry("a", log.read_all().events, lambda _: None)

    assert seen == [1, 2]


async def test_a_batch_handler_gets_no_event_without_a_key() -> None:
    engine = ProjectionEngine("seen", InMemoryProjections(), key=lambda event: "")
    engine.on_batch(lambda events: None)

    with pytest.raises(NoKey):
        await engine.process_events([Deposited(amount=1)])


async def test_the_last_event_is_one_that_was_set_aside_behind_others(case: Case) -> None:
    case.failing = {1}
    await case.feed()

    assert (await case.state()).last_processed_event_id == case.record(5).id


async def test_the_error_of_a_key_is_that_of_its_event(case: Case) -> None:
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events(case.page())

    await case.parking.set_aside(case.record(1), OSError("the cause"), None)

    assert (await case.key()).error == "OSError: the cause"


async def test_a_failed_event_cannot_be_left_out_by_going_back(case: Case) -> None:
    case.failing = {3}
    with pytest.raises(ValueError, match="no 3"):
        await case.engine.process_events([case.record(1), case.record(3)])
    await case.engine.process_events([case.record(2)])

    with pytest.raises(GapInFeed):
        await case.engine.process_events([case.record(4)])


async def test_a_request_is_answered_by_nothing_but_its_own_attempt() -> None:
    case = Case()
    case.append(("a", 1), ("a", 2))
    case.failing = {1}
    assert await case.feed(delay=None) == [1]
    first, second = case.record(1), case.record(2)
    await case.store.request("seen", "a", "retry")
    await case.parking.retry("a", [second], lambda _: None)
    assert ((await case.key()).request, (await case.key()).attempts) == ("retry", 1)

    case.failing = set()
    await case.parking.retry("a", [first, second], lambda _: None)
    assert await case.rows() == {"a": [1, 2]}


@pytest.mark.parametrize("between", [("a", 2), ("c", 2)])
async def test_a_failed_event_cannot_be_left_out_by_setting_a_later_one_aside(
    between: tuple[str, int],
) -> None:
    case = Case()
    case.append(("a", 1), between, ("b", 3), ("a", 4))
    case.failing = {1, 3}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events([case.record(1)])
    await case.parking.set_aside(case.record(1), NO, None)
    with pytest.raises(ValueError, match="no 3"):
        await case.engine.process_events([case.record(3)])
    case.failing = set()

    with pytest.raises(GapInFeed) as refused:
        await case.engine.process_events([case.record(2), case.record(4)])
    assert refused.value.failed_position == 3
    assert (await case.state()).failed_position == 3


async def test_what_waits_now_is_no_gap_for_what_comes_before_it(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case(store := Forgetful())
    case.append(("a", 1), ("b", 2), ("a", 3))
    case.failing = {1}
    with pytest.raises(ValueError, match="no 1"):
        await case.engine.process_events(case.page())
    await case.parking.set_aside(case.record(1), NO, None)
    store.breaks_after = 0
    with pytest.raises(ConnectionError):
        await case.engine.process_events([case.record(3)])
    caplog.clear()

    await case.engine.process_events([case.record(2), case.record(3)])

    assert await case.rows() == {"b": [2]}
    assert caplog.text == ""


async def test_an_undecodable_event_has_no_key_of_a_function(case: Case) -> None:
    def broken() -> Any:
        raise ValueError("cannot be decoded")

    case.started(key=lambda event: "a")
    one = case.record(1)
    record = RecordedEvent(one.id, one.type, "a", 0, 1, one.recorded_at, {}, broken)
    with pytest.raises(ValueError, match="cannot be decoded"):
        await case.engine.process_events([record])

    with pytest.raises(NoKey, match="position 1 cannot be told, since it cannot be decoded"):
        await case.parking.set_aside(record, NO, None)


async def test_a_start_in_time_is_looked_at_until_the_projection_has_begun(case: Case) -> None:
    await case.engine.process_events(case.log.read_all(limit=2))
    case.started(start=datetime.now(UTC) + timedelta(days=1))

    await case.engine.process_events(case.log.read_all())

    assert await case.rows() == {"a": [1, 3, 5], "b": [2, 4]}


async def test_what_lies_before_the_start_cannot_be_set_aside() -> None:
    case = Case(store := Forgetful(), start=datetime.now(UTC) + timedelta(days=1))
    case.append(("a", 1))
    store.breaks_after = 0
    with pytest.raises(ConnectionError):
        await case.engine.process_events(case.page())

    with pytest.raises(FeedError):
        await case.parking.set_aside(case.record(1), NO, None)


async def test_events_that_are_fed_again_are_set_aside_once(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    state = await case.state()

    await case.engine.process_events(case.log.read_all())
    case.append(("a", 6))
    await case.engine.process_events(case.log.read_all())

    assert [each.position for each in await case.queued("a")] == [1, 3, 5, 6]
    assert (await case.state()).last_processed_position == state.last_processed_position + 1


async def test_a_store_that_is_away_is_nobodys_failure(case: Case) -> None:
    case.failing = {1}
    await case.feed()
    case.error = lambda _: StoreUnavailable("elsewhere", "it is away")

    with pytest.raises(StoreUnavailable):
        await case.retry("a")

    assert ((await case.key()).attempts, await case.rows()) == (1, {"b": [2, 4]})


async def test_stores_that_keep_no_parked_keys_have_no_parking() -> None:
    assert ProjectionEngine("p", InMemoryProjectionStateStore()).parking is None


class Forgetful(InMemoryProjections):
    """A store whose connection can break after a commit, before its answer comes, or before.

    Attributes:
        loses_answer: Whether the next commit's answer is lost.
        breaks_after: How many transactions there are still; below 0: any number.
    """

    loses_answer = False
    breaks_after = -1

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[Any, None]:
        self.breaks_after -= 1
        if self.breaks_after == -1:
            raise ConnectionError("away")
        async with super().transaction(projection_id) as transaction:
            yield transaction
        if self.loses_answer:
            self.loses_answer = False
            raise ConnectionError("gone")


class SpiedManagedStore(SpiedStore):
    """A spy in front of a managed store."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self._managed = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._managed, name)


class Slow(InMemoryProjections):
    """The store, with a turn for others wherever a slower one would give it."""

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        await asyncio.sleep(0)
        return await super().load_state(projection_id)


def steps(case: Case) -> list[Callable[[], Any]]:
    async def set_aside() -> None:
        state = case.engine.get_state()
        if state is not None and state.failed_position == 1:
            await case.parking.set_aside(case.record(1), NO, 0.0)

    async def retry() -> None:
        if events := await case.queued("a"):
            await case.parking.retry("a", events, lambda _: None)

    return [set_aside, case.feed, retry]


@pytest.mark.parametrize("step", [0, 1, 2])
async def test_wherever_a_call_is_cancelled_nothing_is_lost_or_doubled(step: int) -> None:
    cancelled, turns = True, 0
    while cancelled:
        case = Case(Slow())
        case.append(("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5))
        case.failing = {1}
        with pytest.raises(ValueError, match="no 1"):
            await case.engine.process_events(case.page())
        for each in steps(case)[:step]:
            await each()
        case.failing = set() if step == 2 else {1}
        task = asyncio.create_task(steps(case)[step]())
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == cancelled
        for each in steps(case)[:2]:
            await each()
        case.failing = set()
        await steps(case)[2]()

        assert await case.rows() == {"a": [1, 3, 5], "b": [2, 4]}, f"after {turns} turns"
        assert (await case.state()).applied_count == 5
        turns += 1
    assert turns >= 3


@settings(max_examples=60, suppress_health_check=[HealthCheck.differing_executors], deadline=None)
@given(
    deposits=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=25),
    rounds=st.lists(st.sets(st.integers(0, 9), max_size=4), min_size=1, max_size=4),
    batch_size=st.integers(1, 10),
    restart=st.booleans(),
)
async def test_however_events_fail_each_key_has_its_own_in_order(
    deposits: list[tuple[str, int]], rounds: list[set[int]], batch_size: int, restart: bool
) -> None:
    case = Case(batch_size=batch_size)
    share = len(deposits) // len(rounds) + 1
    for number, failing in enumerate([*rounds, set[int]()]):
        case.failing = failing
        case.append(*deposits[number * share : (number + 1) * share])
        if restart:
            case.started(batch_size=batch_size)
        await case.feed()
        for key in await case.keys():
            try:
                await case.retry(key)
            except ValueError:
                assert failing

    expected: dict[str, list[int]] = {}
    for stream, amount in deposits:
        expected.setdefault(stream, []).append(amount)
    assert await case.rows() == expected
    assert await case.keys() == []
    state = await case.store.load_state("seen")
    assert (0 if state is None else state.applied_count) == len(deposits)
