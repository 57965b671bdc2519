"""Tables that an engine opens, flushes and empties itself."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_events import Deposited, log_of

from orchestrix.eventsourcing import NoKey, Page, ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import Event, RecordedEvent, UnknownEvent
from orchestrix.projection_state import InMemoryProjectionStateStore
from orchestrix.read_models import CrossSegmentWrite, NoBatch, NoTableStore, RowError, Table
from orchestrix.testing.conformance.read_model_table.driver import SpiedStore


@dataclass
class Total:
    account: str
    amount: int = 0


class Paid(Event):
    pass


TO_ALL = -1
"""The amount of a deposit that goes into the row of everybody."""


class Case:
    """Deposits, added up per stream; amounts in `failing` are refused after they were added."""

    def __init__(self, store: Any = None, cached_rows: int = 10_000, **options: Any) -> None:
        self.store = InMemoryProjections() if store is None else store
        self.table = Table(Total, key="account", cached_rows=cached_rows)
        self.failing: set[int] = set()
        self.engine = ProjectionEngine("totals", self.store, tables=[self.table], **options)
        self.engine.on(Deposited)(self.add)

    async def add(self, event: Deposited) -> None:
        account = "all" if event.amount == TO_ALL else event.correlation_id or "none"
        if (row := await self.table.get(account)) is None:
            self.table.put(row := Total(account))
        row.amount += event.amount
        if event.amount in self.failing:
            raise ValueError(f"no {event.amount}")

    async def rows(self) -> dict[str, int]:
        rows = await self.store.table(self.table).query()
        return {each.account: each.amount for each in rows}


def deposit(account: str, amount: int) -> Deposited:
    return Deposited(amount=amount, correlation_id=account)


def page(events: Sequence[Event]) -> Page:
    return log_of(events).read_all()


def by_account(event: Event) -> str:
    return str(event.correlation_id)


async def test_what_handlers_change_is_there_when_the_call_returns() -> None:
    case = Case()

    await case.engine.process_events(page([deposit("a", 1), deposit("b", 2), deposit("a", 3)]))

    assert await case.rows() == {"a": 4, "b": 2}


async def test_a_handler_that_fails_leaves_nothing_of_its_event() -> None:
    case = Case()
    case.failing = {3}
    feed = page([deposit("a", 1), deposit("b", 2), deposit("a", 3), deposit("b", 4)])

    with pytest.raises(ValueError, match="no 3"):
        await case.engine.process_events(feed)
    assert await case.rows() == {"a": 1, "b": 2}

    case.failing = set()
    await case.engine.process_events(feed)
    assert await case.rows() == {"a": 4, "b": 6}


async def test_a_row_that_cannot_be_stored_fails_its_event_and_no_other() -> None:
    case = Case()
    feed = page([deposit("a", 1), deposit("a", 2**63), deposit("b", 2)])

    with pytest.raises(RowError):
        await case.engine.process_events(feed)

    state = case.engine.get_state()
    assert state is not None
    assert (state.last_processed_position, state.failed_position) == (1, 2)
    assert await case.rows() == {"a": 1}


async def test_rows_are_remembered_from_batch_to_batch() -> None:
    store = SpiedStore(InMemoryProjections())
    case = Case(store)
    log = log_of([deposit("a", 1), deposit("a", 2), deposit("a", 3)])

    await case.engine.process_events(log.read_all(limit=1))
    assert store.loaded() == [["a"]]
    await case.engine.process_events(log.read_all(after_position=1, limit=1))
    assert store.loaded() == []


async def test_rows_that_another_engine_has_changed_are_loaded_anew() -> None:
    store = InMemoryProjections()
    case, rival = Case(store), Case(store)
    log = log_of([deposit("a", 1), deposit("a", 2), deposit("a", 3)])
    for each, engine in enumerate([case.engine, rival.engine, case.engine]):
        await engine.process_events(log.read_all(after_position=each, limit=1))

    assert await case.rows() == {"a": 6}


async def test_the_rows_of_a_slice_are_loaded_at_once() -> None:
    store = SpiedStore(InMemoryProjections())
    table = Table(Total, key="account", prefetch={Deposited: by_account})
    engine = ProjectionEngine("totals", store, tables=[table])
    seen: list[Any] = []

    @engine.on(Deposited)
    async def look(event: Deposited) -> None:
        seen.append(await table.get(event.correlation_id))

    await engine.process_events([deposit(each, 1) for each in "abca"])

    assert store.loaded() == [["a", "b", "c"]]
    assert seen == [None] * 4


async def test_rows_are_loaded_for_events_that_are_handled_and_no_others() -> None:
    asked: list[str] = []
    table = Table(Total, key="account", prefetch={Event: lambda event: asked.append(event.type)})
    start = datetime.now(UTC) + timedelta(days=1)
    log = InMemoryEventStore(clock=lambda: times.pop(0))
    times = [start - timedelta(hours=1), *[start] * 3]
    engine = ProjectionEngine(
        "totals", InMemoryProjections(), tables=[table], ignore=["old"], start=start
    )
    engine.on(Deposited)(lambda event: None)
    for event in (deposit("a", 1), deposit("b", 2), Paid(), UnknownEvent(type="old", data={})):
        log.append("s", [event])

    await engine.process_events(log.read_all())

    state = engine.get_state()
    assert state is not None
    assert (asked, state.last_processed_position) == (["Deposited"], 4)


async def test_a_batch_handler_gets_rows_for_what_is_known() -> None:
    asked: list[str] = []
    table = Table(Total, key="account", prefetch={Event: lambda event: asked.append(event.type)})
    engine = ProjectionEngine("totals", InMemoryProjections(), tables=[table], ignore=["old"])
    engine.on_batch(lambda events: None)

    await engine.process_events([Paid(), UnknownEvent(type="old", data={})])

    assert asked == ["Paid"]


async def test_without_tables_nothing_before_the_start_is_decoded() -> None:
    start = datetime.now(UTC) + timedelta(days=1)
    times = [start - timedelta(hours=1), start]
    log = InMemoryEventStore(clock=lambda: times.pop(0))
    engine = ProjectionEngine("totals", InMemoryProjections(), start=start)
    seen: list[int] = []
    engine.on(Deposited)(lambda event: seen.append(event.amount))
    for amount in (1, 2):
        log.append("s", [deposit("a", amount)])
    records = log.read_all().events

    def broken() -> Event:
        raise ValueError("cannot be decoded")

    undecodable = RecordedEvent(
        records[0].id, "Deposited", "s", 0, 1, records[0].recorded_at, {}, broken
    )
    await engine.process_events([undecodable, records[1]])

    assert seen == [2]


async def test_a_key_function_is_asked_also_without_tables() -> None:
    engine = ProjectionEngine("totals", InMemoryProjections(), key=lambda event: "")
    engine.on(Deposited)(lambda event: None)

    with pytest.raises(NoKey, match="its key function returned ''"):
        await engine.process_events([deposit("a", 1)])


@pytest.mark.parametrize("has_worked", [False, True])
async def test_a_row_that_a_reset_hook_puts_is_anybodys(has_worked: bool) -> None:
    store, table = InMemoryProjections(), Table(Total, key="account")
    engine = ProjectionEngine("totals", store, tables=[table], key=by_account)
    engine.on(Deposited)(lambda event: table.put(Total("all", event.amount)))
    engine.on_reset(lambda: table.put(Total("all")))

    for _ in range(1 + has_worked):
        await engine.replay([deposit("a", 1), deposit("b", 2)])

    assert await store.table(table).query() == [Total("all", 2)]


async def test_a_replay_loads_and_decodes_nothing_before_its_start() -> None:
    log = log_of([deposit("a", 1), deposit("a", 2)])
    records = log.read_all().events

    def broken() -> Event:
        raise ValueError("cannot be decoded")

    first = RecordedEvent(records[0].id, "Deposited", "s", 0, 1, records[0].recorded_at, {}, broken)
    case = Case(start=1)

    await case.engine.replay([first, records[1]])

    assert await case.rows() == {"a": 2}


async def test_another_key_function_is_other_code() -> None:
    prints: list[str | None] = []
    for key in (None, by_account, lambda event: "all"):
        engine = ProjectionEngine("totals", InMemoryProjections(), key=key)
        engine.on(Deposited)(by_account)
        await engine.process_events([deposit("a", 1)])
        state = engine.get_state()
        assert state is not None
        prints.append(state.fingerprint)

    assert len(set(prints)) == 3


async def test_a_long_batch_keeps_no_more_rows_than_it_may() -> None:
    store = SpiedStore(InMemoryProjections())
    case = Case(store, cached_rows=1, batch_size=5000)

    await case.engine.process_events([deposit(str(each % 2), 1) for each in range(2500)])

    assert await case.rows() == {"0": 1250, "1": 1250}
    assert len(store.written()) == 3, "written once for each slice of a thousand events"


async def test_a_batch_handler_may_use_tables() -> None:
    table = Table(Total, key="account")
    store = InMemoryProjections()
    engine = ProjectionEngine("totals", store, tables=[table], key=by_account)

    @engine.on_batch
    async def put(events: list[Any]) -> None:
        for each in events:
            table.put(Total(each.correlation_id, each.amount))

    await engine.process_events([deposit("a", 1), deposit("b", 2), deposit("a", 3)])

    assert await store.table(table).query() == [Total("a", 3), Total("b", 2)]


async def test_a_batch_handler_gets_a_long_batch_at_once() -> None:
    engine = ProjectionEngine(
        "totals", InMemoryProjections(), tables=[Table(Total, key="account")], batch_size=5000
    )
    sizes: list[int] = []
    engine.on_batch(lambda events: sizes.append(len(events)))

    await engine.process_events([deposit("a", 1) for _ in range(2500)])

    assert sizes == [2500]


async def test_a_replay_empties_tables_without_a_hook(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    await case.engine.process_events([deposit("a", 1), deposit("b", 2)])

    await case.engine.replay([deposit("b", 3)])

    assert await case.rows() == {"b": 3}
    assert caplog.text == ""


async def test_a_replay_that_fails_leaves_the_old_rows() -> None:
    case = Case()
    await case.engine.process_events([deposit("a", 1)])
    case.failing = {3}

    with pytest.raises(ValueError, match="no 3"):
        await case.engine.replay([deposit("b", 3)])

    assert await case.rows() == {"a": 1}


async def test_tables_are_of_no_use_outside_of_a_batch() -> None:
    case = Case()
    await case.engine.process_events([deposit("a", 1)])

    with pytest.raises(NoBatch):
        await case.table.get("a")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_task_that_outlives_its_batch_cannot_write(fails: bool) -> None:
    case, tasks = Case(), list[asyncio.Task[None]]()
    go_on = asyncio.Event()

    async def late() -> None:
        await go_on.wait()
        case.table.put(Total("late"))

    @case.engine.on(Paid)
    async def begin(event: Paid) -> None:
        tasks.append(asyncio.create_task(late()))
        if fails:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no") if fails else nullcontext():
        await case.engine.process_events([Paid()])
    go_on.set()

    with pytest.raises(NoBatch):
        await tasks[0]
    assert await case.rows() == {}


@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "recorded"])
async def test_a_row_belongs_to_the_key_of_its_first_writer(is_bare: bool) -> None:
    case = Case(key=by_account)
    events = [deposit("a", TO_ALL), deposit("a", 5), deposit("b", TO_ALL)]

    with pytest.raises(CrossSegmentWrite):
        await case.engine.process_events(events if is_bare else page(events))

    assert await case.rows() == {"a": 5, "all": TO_ALL}


async def test_without_a_key_function_rows_are_anybodys() -> None:
    case = Case()

    await case.engine.process_events([deposit("a", TO_ALL), deposit("b", TO_ALL)])

    assert await case.rows() == {"all": 2 * TO_ALL}


@pytest.mark.parametrize("key", [None, 7, "", "x" * 513, "\0"])
async def test_a_key_function_that_returns_no_key_fails_the_event(key: Any) -> None:
    case = Case(key=lambda _: key)

    with pytest.raises(NoKey, match="the key of a Deposited is a text of 1 to 512 characters"):
        await case.engine.process_events([deposit("a", 1)])

    assert await case.rows() == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tables": Table(Total, key="account")}, "tables is a list of read models"),
        ({"tables": [Total]}, "tables holds read models, as Table"),
        ({"tables": [Table]}, "tables holds read models, as Table"),
        ({"tables": [Table(Total, key="account")] * 2}, "has two tables 'total'"),
        (
            {"tables": [Table(Total, key="account"), Table(Total, key="account", name="TOTAL")]},
            "has two tables 'TOTAL'",
        ),
        ({"key": "account"}, "key is a function of an event"),
    ],
)
def test_what_cannot_be_a_table_or_a_key_is_refused(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProjectionEngine("totals", InMemoryProjections(), **options)


def test_a_store_without_tables_is_refused() -> None:
    store = InMemoryProjectionStateStore()

    with pytest.raises(NoTableStore, match="total"):
        ProjectionEngine("totals", store, tables=[Table(Total, key="account")])


@settings(max_examples=60, suppress_health_check=[HealthCheck.differing_executors], deadline=None)
@given(
    events=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 5)), max_size=30),
    failing=st.sets(st.integers(1, 5), max_size=2),
    cached_rows=st.integers(1, 4),
    batch_size=st.integers(1, 12),
    key=st.sampled_from([None, by_account]),
)
async def test_however_small_cache_and_batches_are_the_rows_are_the_same(
    events: list[tuple[str, int]],
    failing: set[int],
    cached_rows: int,
    batch_size: int,
    key: Any,
) -> None:
    case = Case(cached_rows=cached_rows, batch_size=batch_size, key=key)
    feed = InMemoryEventStore()
    for account, amount in events:
        feed.append(account, [deposit(account, amount)])
    records = feed.read_all().events
    case.failing = failing
    for _ in range(3):
        try:
            await case.engine.process_events(records)
        except ValueError:
            case.failing = set(list(case.failing)[1:])

    await case.engine.process_events(records)
    expected: Counter[str] = Counter()
    for account, amount in events:
        expected[account] += amount
    assert await case.rows() == expected
