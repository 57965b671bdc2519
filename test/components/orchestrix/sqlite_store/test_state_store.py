"""Projection state on SQLite: the suites of state stores and of the engine."""

import asyncio
import contextvars
import pickle
import sqlite3
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    AppendInsideBatch,
    BatchInsideBatch,
    InvalidAppend,
    NoTransaction,
    ProjectionContext,
    ProjectionEngine,
    StoreClosed,
    StoreUnavailable,
    TransactionEnded,
)
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_state import EventIds, ProjectionState
from orchestrix.sqlite_store import (
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.database import open_database
from orchestrix.sqlite_store.state_transaction import SQLiteStateTransaction
from orchestrix.testing.conformance.deposits import deposits
from orchestrix.testing.conformance.event_store import Counted, HandClock, counted, snapshot_at
from orchestrix.testing.conformance.projection_engine import (
    Case,
    ProjectionEngineConformance,
    World,
)
from orchestrix.testing.conformance.projection_state_store import (
    FULL,
    TransactionalStateStoreConformance,
)
from orchestrix.testing.conformance.waiting import LONG, SHORT, soon, until


class TestSQLiteProjectionStateStore(TransactionalStateStoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
        async with open_sqlite_projections(tmp_path / "projections.db") as store:
            yield store


class TestStatesOfAnotherHandle(TransactionalStateStoreConformance):
    """What one handle saves, the other loads."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
        path = tmp_path / "projections.db"
        async with open_sqlite_projections(path) as saving, open_sqlite_projections(path) as store:
            saving.load_state = store.load_state  # type: ignore[method-assign]
            yield saving


class SQLiteWorld(World):
    """Rows and state in one file."""

    def __init__(self, path: Path, store: SQLiteProjectionStateStore) -> None:
        self.path = path
        self.store = store

    def rows(self) -> list[int]:
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT amount FROM amounts ORDER BY rowid").fetchall()
        return [amount for (amount,) in found]

    async def write(self, amount: int, context: ProjectionContext) -> None:
        context.transaction.execute("INSERT INTO amounts VALUES (?)", (amount,))

    async def clear(self, context: ProjectionContext) -> None:
        context.transaction.execute("DELETE FROM amounts")


class TestEngineOnSQLite(ProjectionEngineConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.paths = (tmp_path / f"{number}.db" for number in count())

    @pytest.fixture
    def world(self) -> World:
        return self.make_world()

    def make_world(self) -> World:
        path = next(self.paths)
        database = open_database(path, "NORMAL", 5)
        with closing(database.connect()) as connection:
            connection.execute("CREATE TABLE amounts (amount INTEGER)")
        return SQLiteWorld(path, SQLiteProjectionStateStore(Connections(database)))

    async def test_a_handler_that_breaks_the_database_loses_only_its_event(
        self, world: World
    ) -> None:
        case = Case(world)
        case.world.write = lambda amount, context: context.transaction.execute("INSERT INTO nix")  # type: ignore[method-assign]
        with pytest.raises(sqlite3.OperationalError):
            await case.engine.process_events(deposits(1))
        del case.world.write
        await case.engine.process_events(deposits(2))

        assert world.rows() == [2]


async def test_nothing_is_locked_before_a_handler_writes(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as states, open_sqlite_store(path) as store:
        async with states.transaction("p") as transaction:
            outside = asyncio.get_running_loop().create_task
            appended = contextvars.Context().run(outside, store.append("a", counted(1)))
            assert (await soon(appended)).last_position == 1
            transaction.connection.execute("CREATE TABLE amounts (amount)")
            late = contextvars.Context().run(outside, store.append("a", counted(2)))
            ended, _ = await asyncio.wait([late], timeout=SHORT)
            assert not ended, "it waits for the batch"

        assert (await soon(late)).last_position == 2


async def test_batches_of_one_loop_wait_for_each_other_without_blocking_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as one, open_sqlite_projections(path) as other:
        async with one.transaction("p") as transaction:
            transaction.connection.execute("CREATE TABLE amounts (amount)")
            saving = other.save_state(ProjectionState(projection_id="q"))
            waiter = contextvars.Context().run(asyncio.create_task, saving)
            ended, _ = await asyncio.wait([waiter], timeout=SHORT)
            assert not ended, "it waits for the batch"

        await soon(waiter)
        assert await one.load_state("q") is not None


async def test_an_append_from_inside_a_batch_is_refused_in_words(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "one.db", tmp_path / "other.db"
    async with (
        open_sqlite_projections(path) as states,
        open_sqlite_store(path) as store,
        open_sqlite_store(elsewhere) as other,
    ):
        async with states.transaction("p"):
            for append in (store.append("a", counted(1)), store.save_snapshot(snapshot_at(0))):
                with pytest.raises(AppendInsideBatch, match=r"'a' from inside .* process manager"):
                    await append
            await other.append("a", counted(1))
        await store.append("a", counted(1))


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_handler_that_ends_the_transaction_itself_is_told(
    tmp_path: Path, ending: str
) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        with pytest.raises(TransactionEnded, match="a handler ended the transaction of its batch"):
            await _ended_by_hand(states, ending)

        assert await states.load_state("balances") is None
        await states.save_state(FULL)


async def test_a_handler_that_ends_the_transaction_and_raises_is_told(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        engine = ProjectionEngine("p", states)
        calls: list[int] = []

        @engine.on(Counted)
        def end(event: Counted, context: ProjectionContext) -> None:
            calls.append(event.number)
            context.transaction.execute("CREATE TABLE IF NOT EXISTS seen (number)")
            context.transaction.execute("INSERT INTO seen VALUES (?)", [event.number])
            if event.number == 3:
                context.transaction.executescript("SELECT 1")
                raise ValueError("and now this")

        with pytest.raises(TransactionEnded) as told:
            await engine.process_events(counted(1, 2, 3))

        assert isinstance(told.value.__cause__, ValueError)
        assert calls == [1, 2, 3]


@pytest.mark.parametrize("begins", ["beginning", "at a time"])
async def test_the_first_event_of_a_batch_whose_transaction_was_ended_comes_next(
    tmp_path: Path, begins: str
) -> None:
    clock = HandClock()
    log = InMemoryEventStore(clock=clock)
    for number in range(1, 5):
        clock.now += timedelta(hours=1)
        log.append("a", counted(number))
    start: Any = "beginning" if begins == "beginning" else log.read_all().events[2].recorded_at
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        engine = ProjectionEngine("p", states, start=start)
        ends = [True]

        @engine.on(Counted)
        def end(_: Counted, context: ProjectionContext) -> None:
            if ends:
                context.transaction.execute("COMMIT")
                _ = context.transaction

        with pytest.raises(TransactionEnded):
            await engine.process_events(log.read_all())
        ends.clear()
        state = engine.get_state()
        assert state is not None
        assert state.failed_position == (1 if begins == "beginning" else 3)
        await engine.process_events(log.read_all(after_position=state.last_processed_position))

        assert (await states.load_state("p")).last_processed_position == 4  # type: ignore[union-attr]


async def test_a_retry_whose_transaction_was_ended_is_not_done_again(tmp_path: Path) -> None:
    log, calls, failing = InMemoryEventStore(), list[int](), [True]
    log.append("a", counted(1, 2, 3))
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        engine = ProjectionEngine("p", states)

        @engine.on(Counted)
        def end(event: Counted, context: ProjectionContext) -> None:
            if failing:
                raise ValueError("not yet")
            calls.append(event.number)
            if event.number == 2:
                context.transaction.execute("COMMIT")

        assert engine.parking is not None
        with pytest.raises(ValueError, match="not yet") as failed:
            await engine.process_events(log.read_all())
        events = log.read_all().events
        await engine.parking.set_aside(events[0], failed.value, None)
        await engine.process_events(log.read_all())
        failing.clear()
        with pytest.raises(TransactionEnded):
            await engine.parking.retry("a", events, lambda _: None)

        assert calls == [1, 2, 3]


async def _ended_by_hand(states: SQLiteProjectionStateStore, ending: str) -> None:
    async with states.transaction("p") as transaction:
        transaction.connection.execute(ending)
        await transaction.save_state(FULL, replacing=None)


async def test_only_new_event_ids_are_written(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as states:
        state = ProjectionState(projection_id="p", event_ids=EventIds("abc"))
        await states.save_state(state)
        async with states.transaction("p") as transaction:
            written: list[str] = []
            transaction.connection.set_trace_callback(written.append)
            later = state.changed(revision=1, event_ids=state.event_ids.plus("d"))
            await transaction.save_state(later, replacing=0)
            transaction.connection.set_trace_callback(None)
    async with open_sqlite_projections(path) as states:
        loaded = await states.load_state("p")

    assert loaded == later
    assert sum("projection_event_ids" in each for each in written) == 1


async def test_ids_of_another_history_replace_those_that_are_stored(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        await states.save_state(ProjectionState(projection_id="p", event_ids=EventIds("abc")))
        for revision, ids in enumerate(["xyc", "", "abcd"], 1):
            state = ProjectionState(projection_id="p", revision=revision, event_ids=EventIds(ids))
            async with states.transaction("p") as transaction:
                await transaction.save_state(state, replacing=revision - 1)
            states._known.clear()

            assert await states.load_state("p") == state


async def test_a_commit_that_is_cancelled_ends_before_anything_else_begins(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as states:
        for number in range(30):
            state = ProjectionState(projection_id=f"p{number}")
            saving = asyncio.create_task(states.save_state(state))
            for _ in range(number):
                await asyncio.sleep(0)
            saving.cancel()
            await asyncio.wait([saving])
            await soon(states.save_state(state))

            assert await states.load_state(f"p{number}") == state


async def test_a_commit_waits_for_the_disk_in_a_thread(tmp_path: Path) -> None:
    committed_in: list[threading.Thread] = []

    def note(statement: str) -> None:
        if statement == "COMMIT":
            committed_in.append(threading.current_thread())

    async with (
        open_sqlite_projections(tmp_path / "one.db") as states,
        states.transaction("p") as transaction,
    ):
        transaction.connection.set_trace_callback(note)

    assert len(committed_in) == 1
    assert committed_in[0] is not threading.current_thread()


async def test_a_commit_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(transaction: SQLiteStateTransaction) -> None:
        raise StoreUnavailable("one.db", "the disk is full")

    async with open_sqlite_projections(tmp_path / "one.db") as states:
        with monkeypatch.context() as patch:
            patch.setattr(SQLiteStateTransaction, "commit", full)
            with pytest.raises(StoreUnavailable, match="the disk is full"):
                await states.save_state(FULL)

        assert await states.load_state("balances") is None
        await soon(states.save_state(FULL))


async def test_another_process_that_writes_too_long_is_told_and_the_next_batch_works(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path, busy_timeout=0.05) as states:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="longer than busy_timeout"):
                await states.save_state(FULL)
            other.execute("ROLLBACK")

        await soon(states.save_state(FULL))


async def test_who_has_the_connection_has_the_write_lock(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as states, states.transaction("p") as transaction:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            transaction.connection.execute("SELECT 1")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize(
    ("options", "words"), [({"synchronous": "OFF"}, "'FULL' or"), ({"busy_timeout": -1}, "busy_t")]
)
async def test_a_bad_option_is_refused(tmp_path: Path, options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        async with open_sqlite_projections(tmp_path / "one.db", **options):
            pass

    assert list(tmp_path.iterdir()) == []


async def test_after_its_end_it_says_that_it_is_closed(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        await states.save_state(FULL)

    for late in (states.save_state(FULL), states.load_state("p")):
        with pytest.raises(StoreClosed, match="closed; use it inside its `async with` block"):
            await late
    with pytest.raises(TypeError, match=r"one.db cannot be sent .* open_sqlite_projections"):
        pickle.dumps(states)


async def test_nothing_more_is_written_when_the_transaction_was_ended(tmp_path: Path) -> None:
    async with (
        open_sqlite_projections(tmp_path / "one.db") as states,
        states.transaction("p") as transaction,
    ):
        transaction.connection.execute("COMMIT")
        with pytest.raises(TransactionEnded, match="a handler ended the transaction"):
            _ = transaction.connection
        transaction.roll_back()


@pytest.mark.parametrize("ending", ["commit", "roll back", "nothing"])
async def test_a_context_is_of_no_use_after_its_batch(tmp_path: Path, ending: str) -> None:
    path, kept = tmp_path / "one.db", list[SQLiteStateTransaction]()

    async def batch() -> None:
        async with states.transaction("p") as transaction:
            kept.append(transaction)
            if ending != "nothing":
                transaction.connection.execute("CREATE TABLE amounts (amount)")
            if ending == "roll back":
                raise KeyError("handler")

    async with open_sqlite_projections(path) as states, open_sqlite_store(path) as store:
        with suppress(KeyError):
            await batch()
        with pytest.raises(NoTransaction, match=r"one.db .* has ended; write in the handler"):
            _ = kept[0].connection
        with pytest.raises(NoTransaction):
            await kept[0].save_state(FULL, replacing=None)

        await soon(store.append("a", counted(1)))
        await soon(states.save_state(FULL))


def row_as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def exploding(content: bytes) -> str:
    raise KeyError(content)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("row_factory", row_as_dict),
        ("text_factory", bytes),
        ("text_factory", exploding),
        ("isolation_level", "DEFERRED"),
    ],
)
async def test_a_handler_may_set_how_it_reads(tmp_path: Path, setting: str, value: Any) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        state = FULL.changed(revision=0)
        await states.save_state(state)
        for revision in range(1, 4):
            async with states.transaction("p") as transaction:
                setattr(transaction.connection, setting, value)
                state = state.changed(revision=revision)
                await transaction.save_state(state, replacing=revision - 1)

                assert getattr(transaction.connection, setting) == value
        states._known.clear()

        assert await states.load_state("balances") == state


async def test_ids_that_another_handle_has_stored_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as one, open_sqlite_projections(path) as other:
        first = ProjectionState(projection_id="p", event_ids=EventIds("ab"))
        await one.save_state(first)
        await other.save_state(first.changed(revision=1, event_ids=EventIds("xyz")))
        last = first.changed(revision=2, event_ids=first.event_ids.plus("c"))
        async with one.transaction("p") as transaction:
            await transaction.save_state(last, replacing=1)

        assert await other.load_state("p") == last


async def test_a_connection_serves_many_batches(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        for revision in range(5):
            await states.save_state(ProjectionState(projection_id="p", revision=revision))
            await states.load_state("p")

        assert len(states._connections._idle) == 1


async def test_a_handler_may_not_feed_another_engine_of_the_same_file(tmp_path: Path) -> None:
    async with (
        open_sqlite_projections(tmp_path / "one.db") as states,
        open_sqlite_projections(tmp_path / "one.db") as same,
        open_sqlite_projections(tmp_path / "other.db") as other,
    ):
        state = ProjectionState(projection_id="q")
        async with states.transaction("p"):
            for inside in (states, same):
                with pytest.raises(BatchInsideBatch, match="'q' is fed from inside another"):
                    await soon(inside.save_state(state))
            await soon(other.save_state(state))
        await soon(states.save_state(state))


async def test_a_task_that_a_handler_started_may_append_when_the_batch_has_ended(
    tmp_path: Path,
) -> None:
    path, ended = tmp_path / "one.db", asyncio.Event()
    async with open_sqlite_projections(path) as states, open_sqlite_store(path) as store:

        async def later() -> int:
            await ended.wait()
            return (await store.append("a", counted(1))).last_position

        async with states.transaction("p"):
            task = asyncio.create_task(later())
        ended.set()

        assert await soon(task) == 1


@pytest.mark.parametrize("fails", [True, False])
async def test_a_statement_that_was_not_read_to_its_end_harms_only_its_batch(
    tmp_path: Path, fails: bool
) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        kept: list[sqlite3.Cursor] = []

        async def begin() -> None:
            async with states.transaction("p") as transaction:
                connection = transaction.connection
                connection.execute("CREATE TABLE amounts (amount)")
                values = "INSERT INTO amounts VALUES (1), (2) RETURNING amount"
                kept.append(connection.execute(values))
                kept[0].fetchone()
                if fails:
                    raise KeyError("handler")

        with pytest.raises(KeyError if fails else StoreUnavailable) as caught:
            await begin()
        assert fails or "read them with fetchall()" in str(caught.value)

        for number in range(2):
            await soon(states.save_state(FULL.changed(revision=number)))
        assert await states.load_state("balances") == FULL.changed(revision=1)


async def test_a_text_that_cannot_be_stored_is_told(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        for bad in (
            FULL.changed(projection_id="\ud800"),
            FULL.changed(event_ids=EventIds("\ud800")),
        ):
            with pytest.raises(InvalidAppend, match="a lone surrogate, which cannot be stored"):
                await states.save_state(bad)

        await states.save_state(FULL)


async def test_the_batch_of_another_thread_is_waited_for_as_long_as_busy_timeout(
    tmp_path: Path,
) -> None:
    path, written, go_on = tmp_path / "one.db", threading.Event(), threading.Event()

    async def hold() -> None:
        async with open_sqlite_projections(path) as states, states.transaction("p") as transaction:
            transaction.connection.execute("CREATE TABLE amounts (amount)")
            written.set()
            await asyncio.to_thread(go_on.wait, LONG)

    holding = asyncio.create_task(asyncio.to_thread(asyncio.run, hold()))
    await until(written.is_set)
    async with (
        open_sqlite_projections(path, busy_timeout=0.05) as states,
        open_sqlite_store(path, busy_timeout=0.05) as store,
    ):
        for call in (states.save_state(FULL), store.append("a", counted(1))):
            with pytest.raises(StoreUnavailable, match="batch in this process has been writing"):
                await soon(call)
        go_on.set()
        await soon(holding)
        await soon(states.save_state(FULL))


def test_a_commit_is_ended_before_the_loop_ends(tmp_path: Path) -> None:
    """At its end asyncio.run cancels every task there is."""
    path = tmp_path / "one.db"
    locks: list[bool] = []
    commit = SQLiteStateTransaction.commit

    def slow(transaction: SQLiteStateTransaction) -> None:
        began.set()
        assert not go_on.wait(SHORT)
        commit(transaction)
        locks.append(transaction._writing.has_begun)

    began, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        async with open_sqlite_projections(path) as states:
            task = asyncio.create_task(states.save_state(FULL))
            await until(began.is_set)
            for each in asyncio.all_tasks() - {asyncio.current_task()}:
                each.cancel()
            await asyncio.wait([task])

            assert locks == [False], "the commit was left alone"
            assert await states.load_state("balances") == FULL

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteStateTransaction, "commit", slow)
        asyncio.run(work())


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun"])
def test_a_commit_whose_loop_is_gone_is_over_before_its_connection_is_used_again(
    tmp_path: Path, begun: bool
) -> None:
    committing, go_on = threading.Event(), threading.Event()
    commit = SQLiteStateTransaction.commit

    def slow(transaction: SQLiteStateTransaction) -> None:
        committing.set()
        assert go_on.wait(LONG)
        commit(transaction)

    loop, gone = asyncio.new_event_loop(), contextvars.Context()
    pool = ThreadPoolExecutor(max_workers=1)
    loop.set_default_executor(pool)
    stores = open_sqlite_projections(tmp_path / "one.db")
    states = loop.run_until_complete(stores.__aenter__())
    if not begun:
        pool.submit(go_on.wait, LONG)
    saving = states.save_state(FULL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteStateTransaction, "commit", slow)
        task = loop.create_task(saving, context=gone)
        loop.run_until_complete(asyncio.wait([task], timeout=SHORT))
        assert committing.is_set() == begun
        loop.close()
        ending = threading.Timer(SHORT, go_on.set)
        ending.start()
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        saving.close()  # in this context, not in that of the task

        assert go_on.is_set() == begun, "a commit that had begun was not waited for"
    ending.join()
    pool.shutdown()

    assert asyncio.run(states.load_state("balances")) == (FULL if begun else None)
    states.close()


async def test_a_batch_that_outlives_its_store_leaves_no_connection(tmp_path: Path) -> None:
    async with open_sqlite_projections(tmp_path / "one.db") as states:
        batch = states.transaction("p")
        transaction = await batch.__aenter__()
        connection = transaction.connection
    await batch.__aexit__(None, None, None)

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


async def test_a_state_that_came_to_the_same_revision_otherwise_is_loaded_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.db"
    async with open_sqlite_projections(path) as one, open_sqlite_projections(path) as other:
        await one.save_state(ProjectionState(projection_id="p", revision=3))
        later = ProjectionState(projection_id="p", revision=3, error_count=7)
        await other.save_state(later)

        assert await one.load_state("p") == later
