"""Tables in the batches of projections on SQLite: who holds which lock, and who sees what."""

import asyncio
import contextvars
import json
import os
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, make_dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    ProjectionContext,
    StoreClosed,
    StoreUnavailable,
    TransactionEnded,
)
from orchestrix.projection_state import StateConflict
from orchestrix.read_models import (
    NoBatch,
    SchemaChanged,
    Table,
    TableDeclarationError,
    TableStorage,
    TableStore,
    TableTaken,
)
from orchestrix.sqlite_store import (
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    table_storage,
)
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.database import open_database
from orchestrix.testing.conformance.projection_engine import ProjectionEngineConformance, World
from orchestrix.testing.conformance.read_model_table import Balance, accounts
from orchestrix.testing.conformance.read_model_table.driver import Driver
from orchestrix.testing.conformance.waiting import SHORT, soon

ADA, BOB = Balance("a", "Ada", 3), Balance("b", None, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


@pytest.fixture
async def states(path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
    async with open_sqlite_projections(path) as states:
        yield states


@pytest.fixture
async def rival(path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
    """A second handle on the same file, as another process would hold."""
    async with open_sqlite_projections(path) as states:
        yield states


async def put(states: SQLiteProjectionStateStore, table: Table[Any], *rows: Any) -> None:
    async with Driver(states, table).batch():
        for row in rows:
            table.put(row)


def is_locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
        return False


def asked(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


@dataclass
class Written:
    id: int
    amounts: list[int] = field(default_factory=list)


class TableWorld(World):
    """One row that holds all amounts, so that nothing is doubled or lost unnoticed."""

    def __init__(self, path: Path, states: SQLiteProjectionStateStore) -> None:
        self.path = path
        self.table = Table(Written, key="id")
        self.store, self.tables = states, [self.table]

    def rows(self) -> list[int]:
        with closing(sqlite3.connect(self.path)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
            if ("written",) not in names.fetchall():
                return []
            found = connection.execute("SELECT amounts FROM written").fetchall()
        return [amount for (amounts,) in found for amount in json.loads(amounts)]

    async def write(self, amount: int, context: ProjectionContext) -> None:
        if (row := await self.table.get(0)) is None:
            self.table.put(row := Written(0))
        row.amounts.append(amount)

    async def clear(self, context: ProjectionContext) -> None:
        """The engine does it."""


class TestEngineWithATableOnSQLite(ProjectionEngineConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.paths = (tmp_path / f"{number}.db" for number in count())
        self.opened: list[SQLiteProjectionStateStore] = []
        yield
        for each in self.opened:
            each.close()

    @pytest.fixture
    def world(self) -> World:
        return self.make_world()

    def make_world(self) -> World:
        path = next(self.paths)
        database = open_database(path, "NORMAL", 5)
        self.opened.append(SQLiteProjectionStateStore(Connections(database)))
        return TableWorld(path, self.opened[-1])


def test_it_is_a_store_of_tables(states: SQLiteProjectionStateStore) -> None:
    assert isinstance(states, TableStore)


# locks


WIDER = make_dataclass("Wider", [("more", int, field(default=7))], bases=(Balance,))


@pytest.mark.parametrize("how", ["stored", "new", "extended", "replayed", "own index gone"])
async def test_nothing_is_locked_before_a_batch_writes(
    states: SQLiteProjectionStateStore, path: Path, how: str
) -> None:
    if how != "new":
        await put(states, accounts(), ADA)
    if how == "own index gone":
        asked(path, 'DROP INDEX "orchestrix_balances_1(owner)"')
    row = WIDER if how == "extended" else Balance
    table = Table(row, key="account_id", name="balances", indexes=["owner"])
    kept = how not in ("new", "replayed")
    async with Driver(states, table).batch(is_replay=how == "replayed") as transaction:
        expected = [row(*vars(ADA).values())] if kept else []
        assert await table.query() == expected
        assert await table.get("a") == (expected[0] if kept else None)
        assert await transaction.tables.count(table.definition) == len(expected)
        assert not is_locked(path)
        table.put(row("b"))
        assert not is_locked(path)
        assert await table.query() == [*expected, row("b")]
        assert is_locked(path)

    assert asked(path, "SELECT count(*) FROM balances") == [(1 + kept,)]
    assert ("orchestrix_balances_1(owner)",) in asked(path, "SELECT name FROM sqlite_master")


@pytest.mark.parametrize("how", ["new", "extended", "replayed"])
async def test_a_table_that_a_batch_has_opened_is_there_for_its_own_sql(
    states: SQLiteProjectionStateStore, how: str
) -> None:
    if how != "new":
        await put(states, accounts(), ADA)
    row = WIDER if how == "extended" else Balance
    table = Table(row, key="account_id", name="balances")
    async with Driver(states, table).batch(is_replay=how == "replayed") as transaction:
        await table.get("a")
        found = transaction.connection.execute("SELECT * FROM balances").fetchall()

        assert found == ([("a", "Ada", 3, 7)] if how == "extended" else [])


async def test_a_table_is_opened_where_the_batch_writes_already(
    states: SQLiteProjectionStateStore,
) -> None:
    table = accounts()
    async with Driver(states, table).batch() as transaction:
        connection = transaction.connection
        assert await table.get("a") is None
        assert connection.execute("SELECT * FROM balances").fetchall() == []


async def test_a_table_that_was_only_opened_is_made(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    table = accounts()
    async with states.transaction("balances") as transaction:
        await transaction.tables.open(table.definition, "balances")

    assert asked(path, "SELECT name FROM read_models") == [("balances",)]
    assert asked(path, "SELECT * FROM balances") == []


async def test_a_batch_that_only_reads_writes_nothing(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    table = accounts()
    await put(states, table, ADA)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with states.transaction("balances") as transaction:
            await transaction.tables.open(table.definition, "balances")
            assert len(await transaction.tables.load(table.definition, [("a",)])) == 1
        other.execute("ROLLBACK")


# who sees what


async def test_other_handles_see_what_is_committed_and_nothing_else(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    table, reader = accounts(), rival.table(accounts())
    assert await reader.count() == 0
    await put(states, table, ADA)
    assert await reader.query() == [ADA]
    async with Driver(states, table).batch():
        table.put(BOB)
        assert await table.query() == [ADA, BOB]
        assert await reader.query() == await states.table(table).query() == [ADA]
        assert await reader.count() == 1
        assert await reader.get("b") is None

    assert await reader.query() == [ADA, BOB]
    assert await reader.count() == 2


async def test_a_reader_follows_the_shape_of_the_table(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    narrow, wide = accounts(), Table(WIDER, key="account_id", name="balances")
    await put(states, narrow, ADA)
    reader = rival.table(narrow)
    assert await reader.query() == [ADA]
    await put(states, wide)

    with pytest.raises(SchemaChanged, match="'more' is stored and no longer declared"):
        await reader.query()
    async with Driver(states, narrow).batch(is_replay=True):
        narrow.put(BOB)
    assert await reader.query() == [BOB]


async def test_a_shape_that_was_taken_back_is_not_remembered(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    """SQLite gives the number of a schema that was rolled back to the next one."""
    narrow, wide = accounts(), Table(WIDER, key="account_id", name="balances")
    await put(states, narrow, ADA)
    with pytest.raises(OSError, match="no"):  # noqa: PT012 - the batch's end is part of it
        async with Driver(states, wide).batch():
            wide.put(WIDER("b"))
            assert await wide.query() == [WIDER("a", "Ada", 3), WIDER("b")]
            raise OSError("no")
    other = make_dataclass("Other", [("other", str, field(default="x"))], bases=(Balance,))
    await put(rival, Table(other, key="account_id", name="balances"))

    with pytest.raises(SchemaChanged, match="'other' is stored and no longer declared"):
        await states.table(wide).query()
    with pytest.raises(SchemaChanged, match="'other' is stored and no longer declared"):
        await put(states, wide)


@pytest.mark.parametrize("how", ["reader", "batch"])
async def test_a_question_is_answered_of_one_moment(
    states: SQLiteProjectionStateStore, path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    table = accounts()
    await put(states, table, ADA)
    look = table_storage.found_table

    def look_and_change(*arguments: Any) -> Any:
        found = look(*arguments)
        asked(path, "ALTER TABLE orchestrix_balances_1 RENAME COLUMN owner TO holder")
        return found

    monkeypatch.setattr(table_storage, "found_table", look_and_change)
    if how == "reader":
        assert await states.table(table).get("a") == ADA
    else:
        async with states.transaction("balances") as transaction:
            found = await transaction.tables.load(table.definition, [("a",)])
        assert found == [("a", "Ada", 3, None)]


async def test_of_two_handles_at_one_projection_the_slower_one_writes_nothing(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    table = accounts()
    await put(states, table, ADA)

    with pytest.raises(StateConflict):  # noqa: PT012 - the batch's end is part of it
        async with Driver(states, table).batch():
            assert await table.get("a") == ADA
            await in_a_thread(put(rival, accounts(), BOB))
            table.put(Balance("c"))
    assert await states.table(table).query() == [ADA, BOB]


async def in_a_thread(work: Any) -> None:
    """Run to its end in another thread and loop, as no part of this batch."""
    loop = asyncio.get_running_loop()
    context = contextvars.Context()
    await soon(loop.run_in_executor(None, lambda: context.run(asyncio.run, work)))


async def test_of_two_projections_that_make_one_table_one_gets_it(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    table = accounts()

    async def overtake() -> None:
        fast = accounts()
        async with Driver(rival, fast, projection_id="fast").batch():
            fast.put(BOB)

    with pytest.raises(TableTaken, match="'fast', and 'balances'"):  # noqa: PT012 - the batch's end is part of it
        async with Driver(states, table).batch():
            assert await table.get("a") is None
            await in_a_thread(overtake())
            table.put(ADA)
    assert await states.table(table).query() == [BOB]
    assert await states.load_state("balances") is None


async def test_a_table_that_somebody_makes_meanwhile_is_not_emptied(
    states: SQLiteProjectionStateStore, rival: SQLiteProjectionStateStore
) -> None:
    table, fast = accounts(), accounts()

    async def overtake() -> None:
        async with Driver(rival, fast, projection_id="fast").batch():
            fast.put(BOB)

    with pytest.raises(TableTaken, match="'fast', and 'balances'"):
        async with Driver(states, table).batch(is_replay=True):
            await in_a_thread(overtake())
    assert await states.table(table).query() == [BOB]


async def test_whose_a_table_is_is_told_before_anything_is_written(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    definition = accounts().definition
    await put(states, accounts(), ADA)
    async with states.transaction("other") as transaction:
        for work in (transaction.tables.open, transaction.tables.empty):
            with pytest.raises(TableTaken):
                await work(definition, "other")
        assert not is_locked(path)


async def test_a_table_that_is_to_be_emptied_may_be_opened_whatever_it_was(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    other = make_dataclass("Other", [("account_id", int)])
    definition = Table(other, key="account_id", name="balances").definition
    async with states.transaction("balances") as transaction:
        tables = transaction.tables
        await tables.empty(definition, "balances")
        await tables.open(definition, "balances")
        assert await tables.load(definition, [(1,)]) == []
        assert not is_locked(path)
        await tables.write(definition, [(1, None)], [])

    assert asked(path, "SELECT * FROM balances") == [(1,)]


async def test_rows_of_a_declaration_that_was_not_opened_extend_the_table(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    wide = Table(WIDER, key="account_id", name="balances").definition
    async with states.transaction("balances") as transaction:
        await transaction.tables.write(wide, [("b", None, 1, 2, None)], [])

    assert asked(path, "SELECT * FROM balances") == [("a", "Ada", 3, 7), ("b", None, 1, 2)]


@pytest.mark.parametrize("how", ["a name", "a table", "a replay"])
async def test_what_happens_between_opening_and_writing_is_noticed(
    states: SQLiteProjectionStateStore, path: Path, how: str
) -> None:
    table, made = accounts(), "CREATE TABLE balances (x)"
    if how != "a name":
        await put(states, table, ADA)
        made = "DROP TABLE orchestrix_balances_1"
    driver, error = (
        Driver(states, table),
        TableDeclarationError if how == "a name" else SchemaChanged,
    )

    async def batch() -> None:
        async with driver.batch(is_replay=how == "a replay"):
            assert (await table.get("a") is None) == (how != "a table")
            asked(path, made)
            table.put(BOB)

    if how == "a replay":
        await batch()
        assert await states.table(table).query() == [BOB]
    else:
        with pytest.raises(error):
            await batch()


async def test_a_batch_whose_table_cannot_be_made_is_not_committed_whatever_is_caught(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    table, words = accounts(), "has a table 'balances' of yours"

    async def batch() -> None:
        async with states.transaction("balances") as transaction:
            await transaction.tables.open(table.definition, "balances")
            asked(path, "CREATE TABLE balances (x)")
            for _ in range(2):
                with pytest.raises(TableDeclarationError, match=words):
                    _ = transaction.connection
            transaction._writing._connection.execute("CREATE TABLE mine (x)")

    with pytest.raises(TableDeclarationError, match=words):
        await batch()
    assert asked(path, "SELECT name FROM sqlite_master WHERE name = 'mine'") == []
    assert not is_locked(path)


# what handlers do to the connection


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
async def test_a_handler_may_set_how_it_reads(
    states: SQLiteProjectionStateStore, setting: str, value: Any
) -> None:
    for table in (accounts(), Table(WIDER, key="account_id", name="balances", indexes=["more"])):
        row, other = table.row_class("a", "Ada"), table.row_class("b", "Ada")
        for is_replay in (False, True):
            async with Driver(states, table).batch(is_replay=is_replay) as transaction:
                setattr(transaction.connection, setting, value)
                table.put(row)
                table.delete("b")
                assert await table.query() == [row]
                assert await transaction.tables.count(table.definition) == 1
                assert await table.get("c") is None

                assert getattr(transaction.connection, setting) == value
            await put(states, table, other)
            assert await states.table(table).query() == [row, other]


async def test_a_handler_that_ends_the_transaction_is_told(
    states: SQLiteProjectionStateStore,
) -> None:
    table = accounts()
    words = "a handler ended the transaction of its batch"
    for work in (lambda: table.get("x"), lambda: table.query()):
        driver = Driver(states, table)
        async with driver.batch():
            pass
        with pytest.raises(TransactionEnded, match=words):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch() as transaction:
                transaction.connection.execute("COMMIT")
                with pytest.raises(TransactionEnded, match=words):
                    await work()
    await put(states, table, ADA)


async def test_rows_that_a_handler_has_not_read_to_the_end_are_told(
    states: SQLiteProjectionStateStore,
) -> None:
    table, cursors = accounts(), list[sqlite3.Cursor]()
    await put(states, table, ADA, BOB)
    async with Driver(states, table).batch() as transaction:
        cursors.append(transaction.connection.execute("SELECT * FROM balances"))
        cursors[0].fetchone()
    with pytest.raises(StoreUnavailable, match=r"read them with fetchall\(\)"):
        async with Driver(states, table).batch(is_replay=True):
            pass
    async with Driver(states, table).batch(is_replay=True):
        pass


# the end


@pytest.mark.parametrize("ending", ["commit", "roll back", "nothing"])
async def test_a_batchs_tables_are_of_no_use_when_it_has_ended(
    states: SQLiteProjectionStateStore, path: Path, ending: str
) -> None:
    table, kept = accounts(), list[TableStorage]()
    await put(states, table, ADA)

    async def batch() -> None:
        async with states.transaction("p") as transaction:
            kept.append(transaction.tables)
            if ending != "nothing":
                _ = transaction.connection
            if ending == "roll back":
                raise KeyError("handler")

    try:
        await batch()
    except KeyError:
        assert ending == "roll back"
    tables, definition = kept[0], table.definition
    for late in (
        tables.open(definition, "p"),
        tables.empty(definition, "balances"),
        tables.load(definition, [("a",)]),
        tables.find(definition, {}, None, None),
        tables.count(definition),
        tables.write(definition, [], []),
    ):
        with pytest.raises(NoBatch, match="'balances' is used outside a batch"):
            await late
    assert not is_locked(path)


async def test_a_child_that_was_forked_in_a_batch_reads_nothing(
    states: SQLiteProjectionStateStore,
) -> None:
    table = accounts()
    await put(states, table, ADA)
    async with Driver(states, table).batch() as transaction:
        asking = transaction.tables.count(table.definition)
        answers, answer = os.pipe()
        child = os.fork()
        if child == 0:  # nothing of this may return into pytest
            try:
                asking.send(None)
            except BaseException as error:  # noqa: BLE001 - it is what is asked for
                os.write(answer, type(error).__name__.encode())
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        os.close(answer)
        with os.fdopen(answers) as read:
            assert read.read() == "StoreClosed"
        os.waitpid(child, 0)  # noqa: ASYNC222 - it has answered and ends now
        assert await asking == 1


async def test_readers_say_that_the_store_is_closed(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    async with open_sqlite_projections(path) as closing:
        reader = closing.table(accounts())
    for late in (reader.get("a"), reader.query(), reader.count()):
        with pytest.raises(StoreClosed, match="use it inside its `async with` block"):
            await late


async def test_a_file_that_is_gone_is_told(states: SQLiteProjectionStateStore, path: Path) -> None:
    await put(states, accounts(), ADA)
    path.rename(path.with_name("moved.db"))
    for late in (states.table(accounts()).get("a"), states.table(accounts()).query()):
        with pytest.raises(StoreUnavailable, match="was moved away or deleted"):
            await late
    path.with_name("moved.db").rename(path)


async def test_questions_that_may_take_long_are_asked_in_a_thread(
    states: SQLiteProjectionStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = accounts()
    await put(states, table, *(Balance(str(number)) for number in range(200)))
    asking: list[threading.Thread] = []
    borrowed = Connections.borrowed
    monkeypatch.setattr(
        Connections,
        "borrowed",
        lambda each: asking.append(threading.current_thread()) or borrowed(each),
    )
    rows = states._rows
    await rows.find(table.definition, {}, None, None)
    await rows.count(table.definition)
    assert len(await rows.load(table.definition, [(str(n),) for n in range(200)])) == 200
    assert threading.current_thread() not in asking
    await rows.load(table.definition, [("1",)])

    assert asking[3:] == [threading.current_thread()]


async def test_a_question_that_is_cancelled_leaves_nothing_behind(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    table = accounts()
    await put(states, table, *(Balance(str(number)) for number in range(2000)))
    for turns in range(10):
        asking = asyncio.create_task(states.table(table).query())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking], timeout=SHORT)
        assert not is_locked(path)

    assert await states.table(table).count() == 2000
    await put(states, table, BOB)
