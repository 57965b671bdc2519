"""Tables of read models as they are in the file: their names, views, and what hands change."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrix.read_models import (
    RowError,
    SchemaChanged,
    Table,
    TableDeclarationError,
    UnreadableRow,
)
from orchestrix.sqlite_store import (
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)
from orchestrix.sqlite_store.sql import OWN_NAMES
from orchestrix.testing.conformance.read_model_table import (
    Balance,
    Everything,
    accounts,
    everything,
)
from orchestrix.testing.conformance.read_model_table.driver import Driver

ADA, BOB = Balance("a", "Ada", 3), Balance("b", None, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.db"


@pytest.fixture
async def states(path: Path) -> AsyncIterator[SQLiteProjectionStateStore]:
    async with open_sqlite_projections(path) as states:
        yield states


def asked(path: Path, statement: str) -> list[Any]:
    """What another program reads, or does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def plan(path: Path, statement: str) -> str:
    return "; ".join(each[3] for each in asked(path, f"EXPLAIN QUERY PLAN {statement}"))


async def put(states: SQLiteProjectionStateStore, table: Table[Any], *rows: Any) -> None:
    async with Driver(states, table).batch():
        for row in rows:
            table.put(row)


# what other programs see


async def test_any_program_reads_the_table_under_its_name(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA, BOB)

    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT * FROM balances ORDER BY 1")
        assert [each[0] for each in cursor.description] == ["account_id", "owner", "balance"]
        assert cursor.fetchall() == [("a", "Ada", 3), ("b", None, 4)]


async def test_columns_are_typed_and_named_as_they_are_declared(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    named = make_dataclass(
        "Named", [("order", int), ("select", str), ("rowid", str), ("r", bytes), ("k0", float)]
    )
    table = Table(named, key=["select", "order"], name="group", indexes=[["rowid", "select"]])
    row = named(1, "x", "y", b"\0", 1.5)
    await put(states, table, row)

    reader = states.table(table)
    assert await reader.get("x", 1) == row
    assert await reader.query({"rowid": "y"}, after=("x", 0)) == [row]
    assert asked(path, 'SELECT * FROM "group"') == [(1, "x", "y", b"\0", 1.5)]
    types = asked(path, "SELECT name, type FROM pragma_table_info('group')")
    assert [each for _, each in types] == ["INTEGER", "TEXT", "TEXT", "BLOB", "REAL"]
    async with Driver(states, table).batch():
        table.delete("x", 1)
    assert await reader.count() == 0


@pytest.mark.parametrize(
    ("key", "kinds", "has_rowid"),
    [
        ("n", {"n": int, "t": str}, True),
        ("n", {"n": bool, "t": str}, True),
        ("t", {"t": str, "n": int}, False),
        ("t", {"t": str, "n": bytes}, True),
        ("t", {"t": str, "n": list[int]}, True),
    ],
    ids=["int", "bool", "without rowid", "with bytes", "with json"],
)
async def test_keys_and_indexes_are_used(
    states: SQLiteProjectionStateStore,
    path: Path,
    key: str,
    kinds: dict[str, type],
    has_rowid: bool,
) -> None:
    row = make_dataclass("Row", [*kinds.items(), ("owner", str)])
    await put(states, Table(row, key=key, indexes=["owner"]))

    (made,) = asked(path, "SELECT sql FROM sqlite_master WHERE name = 'orchestrix_row_1'")
    assert ("WITHOUT ROWID" not in made[0]) == has_rowid
    by_key = plan(path, f"SELECT * FROM row WHERE {key} = 1")  # noqa: S608 - ours
    assert by_key.startswith("SEARCH")
    assert ("INTEGER PRIMARY KEY" in by_key) == (key == "n")
    by_owner = plan(path, f"SELECT * FROM row WHERE owner = 'x' ORDER BY {key}")  # noqa: S608 - ours
    assert "USING INDEX orchestrix_row_1(owner) (owner=?)" in by_owner
    assert "TEMP B-TREE" not in by_owner


async def test_rows_are_in_the_order_of_their_keys_whatever_they_were_written_in(
    states: SQLiteProjectionStateStore,
) -> None:
    row = make_dataclass("Row", [("id", str), ("blob", bytes, field(default=b""))])
    table = Table(row, key="id")
    for key in "cab":
        await put(states, table, row(key))

    assert await states.table(table).query() == [row(each) for each in "abc"]
    assert await states.table(table).query(limit=2**70) == [row(each) for each in "abc"]
    assert await states.table(table).query(after="a", limit=1) == [row("b")]


async def test_a_row_that_is_replaced_gets_the_new_segment_key(
    states: SQLiteProjectionStateStore,
) -> None:
    table = accounts()
    for owner in ("one", "two", None):
        async with states.transaction("balances") as transaction:
            await transaction.tables.open(table.definition, "balances")
            await transaction.tables.write(table.definition, [("a", None, 1, owner)], [])
            found = await transaction.tables.load(table.definition, [("a",)])

        assert found == [("a", None, 1, owner)]


async def test_a_sqlite_that_takes_few_values_at_once_is_given_few(
    states: SQLiteProjectionStateStore,
) -> None:
    narrow, wide = accounts(), Table(Wider, key="account_id", name="balances")
    keys = [(f"{number:03}",) for number in range(123)]
    async with states.transaction("balances") as transaction:
        await transaction.tables.open(narrow.definition, "balances")
        limit = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
        before = transaction.connection.setlimit(limit, 15)
        await transaction.tables.write(narrow.definition, [(*k, None, 1, None) for k in keys], [])
        found = await transaction.tables.load(wide.definition, keys)
        assert len(await transaction.tables.load(narrow.definition, keys)) == len(found) == 123
        await transaction.tables.write(narrow.definition, [], keys[1:])
        assert await transaction.tables.count(narrow.definition) == 1
        transaction.connection.setlimit(limit, before)


async def test_searching_by_keys_of_several_columns_uses_the_key(
    states: SQLiteProjectionStateStore,
) -> None:
    pair = make_dataclass("Pair", [("a", int), ("b", int), ("c", int)])
    table = Table(pair, key=["a", "b"], indexes=["c"])
    steps: list[str] = []
    async with Driver(states, table).batch():
        table.put(pair(1, 2, 3))
    async with states.transaction("balances") as transaction:
        connection = transaction.connection
        connection.set_trace_callback(steps.append)
        found = await transaction.tables.load(table.definition, [(1, n) for n in range(11)])
        connection.set_trace_callback(None)
        (statement,) = [each for each in steps if "VALUES" in each and each.count("), (") == 9]
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()

    assert found == [(1, 2, 3, None)]
    assert "USING PRIMARY KEY (a=? AND b=?)" in " ".join(each[3] for each in rows)


async def test_what_sqlite_can_hold_comes_back(states: SQLiteProjectionStateStore) -> None:
    table = Table(Everything, key="number", indexes=["text", "note"])
    odd = ["", "a\0b", "\0", "'; --", '"', "1", "ÿ", "x" * 100_000]
    rows = [everything(number=place, text=each, note=each) for place, each in enumerate(odd)]
    floats = [5e-324, -float("inf"), 1e300, 0.1 + 0.2, 2.0**53 + 2]
    rows += [everything(number=9 + at, ratio=each, note="f") for at, each in enumerate(floats)]
    await put(states, table, *rows)

    assert await states.table(table).query() == rows
    for place, each in enumerate(odd):
        assert await states.table(table).query({"text": each}) == [rows[place]]
        assert await states.table(table).query({"note": each}) == [rows[place]]


async def test_a_row_that_is_too_large_is_refused_in_words(
    states: SQLiteProjectionStateStore,
) -> None:
    table = accounts()
    await put(states, table, ADA)
    for wrong in (("x" * 200_000, None, 1), ("x", None, 2**63), ("\ud800", None, 1)):
        words = r"'balances', row \?: SQLite does not take .*gigabyte"
        with pytest.raises(RowError, match=words):  # noqa: PT012 - the limit is the batch's
            async with states.transaction("balances") as transaction:
                limit = sqlite3.SQLITE_LIMIT_LENGTH
                before = transaction.connection.setlimit(limit, 100_000)
                try:
                    await transaction.tables.write(table.definition, [(*wrong, None)], [])
                finally:
                    transaction.connection.setlimit(limit, before)

    assert await states.table(table).query() == [ADA]


async def test_a_constraint_that_somebody_added_is_named(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    asked(path, "CREATE UNIQUE INDEX mine ON orchestrix_balances_1 (owner)")

    with pytest.raises(RowError, match=r"UNIQUE constraint failed.* no constraint but those"):
        await put(states, accounts(), Balance("c", "Ada"))
    await put(states, accounts(), BOB)


async def test_a_table_may_be_as_wide_as_sqlite_takes_it(
    states: SQLiteProjectionStateStore,
) -> None:
    def wide(width: int) -> Any:
        columns = [(f"c{place}", int, field(default=place)) for place in range(width)]
        return make_dataclass("Wide", [("id", int), *columns])

    for width in (500, 1998):
        row = wide(width)
        table = Table(row, key="id")
        await put(states, table, *(row(number) for number in range(30)))
        assert await states.table(table).query(limit=2) == [row(0), row(1)]
    row = wide(1999)
    with pytest.raises(TableDeclarationError, match="2000 columns, and SQLite holds 1999; put"):
        await put(states, Table(row, key="id"), row(1))
    with pytest.raises(TableDeclarationError, match="2000 columns"):
        await put(states, Table(row, key="id", name="new"), row(1))


# names


@pytest.mark.parametrize("name", sorted(OWN_NAMES))
async def test_names_of_the_stores_own_tables_are_refused(
    states: SQLiteProjectionStateStore, path: Path, name: str
) -> None:
    for each in (name, name.upper()):
        table = Table(Balance, key="account_id", name=each)
        words = f"table '{each}': the store keeps a table of its own under that name in {path}"
        with pytest.raises(TableDeclarationError, match=words):
            states.table(table)
        for is_replay in (False, True):
            with pytest.raises(TableDeclarationError, match=words):
                async with Driver(states, table).batch(is_replay=is_replay):
                    pass


async def test_the_stores_own_names_are_all_that_a_new_file_has(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    found = asked(path, "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")

    assert {name for (name,) in found} == OWN_NAMES


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("CREATE TABLE Balances (x)", "has a table 'Balances' of yours"),
        ("CREATE VIEW BALANCES AS SELECT 1", "has a view 'BALANCES' of yours"),
        ("CREATE INDEX balances ON store (created_at)", "has an index 'balances' of yours"),
        ("CREATE TABLE orchestrix_BALANCES_1 (x)", "has a table 'orchestrix_BALANCES_1' of yours"),
    ],
)
async def test_a_name_that_the_user_has_given_is_refused(
    states: SQLiteProjectionStateStore, path: Path, made: str, words: str
) -> None:
    asked(path, made)
    table = accounts()
    for is_replay in (False, True):
        with pytest.raises(TableDeclarationError, match=f"{path} {words} already; rename or drop"):
            async with Driver(states, table).batch(is_replay=is_replay):
                table.put(ADA)
    assert await states.table(table).count() == 0

    asked(path, f"DROP {made.split()[1]} {made.split()[2]}")
    await put(states, table, ADA)
    assert await states.table(table).query() == [ADA]


async def test_a_trigger_or_a_temporary_table_of_that_name_is_in_nobodys_way(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    asked(path, "CREATE TRIGGER balances AFTER DELETE ON snapshots BEGIN SELECT 1; END")
    async with states.transaction("p") as transaction:
        for name in ("balances", "orchestrix_balances_1", "read_models"):
            transaction.connection.execute(f"CREATE TEMP TABLE {name} (x)")
    table = accounts()
    await put(states, table, ADA, BOB)
    async with Driver(states, table).batch():
        table.delete("b")

    assert asked(path, "SELECT * FROM balances") == [("a", "Ada", 3)]
    assert await states.table(accounts()).query() == [ADA]


async def test_names_that_look_like_those_of_other_tables_do_not_collide(
    states: SQLiteProjectionStateStore,
) -> None:
    row = make_dataclass("Row", [("a", int), ("b", int), ("a_b", int)])
    options: Any = {"key": "a", "indexes": ["b", ["a_b", "b"], "a_b", ["a", "b"]]}
    tables = [Table(row, name=name, **options) for name in ("t", "t_1", "t_1_1", "t_2", "t_a_b")]
    for number, table in enumerate(tables):
        await put(states, table, row(number, 1, 1))

    for number, table in enumerate(tables):
        assert await states.table(table).query({"b": 1}) == [row(number, 1, 1)]


async def test_a_table_is_the_same_in_any_case_and_keeps_its_rows(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    shouted = Table(Balance, key="account_id", name="BALANCES", indexes=["owner"])
    assert await states.table(shouted).query() == [ADA]
    before = asked(path, "PRAGMA schema_version")
    await put(states, shouted, BOB)
    assert asked(path, "PRAGMA schema_version") == before, "it was made again"

    assert await states.table(accounts()).query() == [ADA, BOB]
    wider = Table(Wider, key="account_id", name="Balances", indexes=["number"])
    await put(states, wider)
    assert len(await states.table(wider).query({"number": -(2**63)})) == 2
    assert asked(path, "SELECT name FROM read_models") == [("balances",)]
    async with Driver(states, accounts()).batch(is_replay=True):
        pass
    assert await states.table(shouted).count() == 0


# growing


@dataclass
class Wider(Balance):
    text: str = "a\0b'\""
    quote: str = 'it\'s "x"; --'
    ratio: float = 0.1
    whole: float = 2.0
    infinite: float = float("-inf")
    number: int = -(2**63)
    flag: bool = True
    blob: bytes = b"\0'"
    nothing: str | None = None


async def test_any_default_is_given_to_the_rows_that_there_are(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA, BOB)
    table = Table(Wider, key="account_id", name="balances", indexes=["text", "nothing"])
    rows = [Wider(*vars(each).values()) for each in (ADA, BOB)]
    assert await states.table(accounts()).query() == [ADA, BOB]
    for where in ({"text": rows[0].text}, {"nothing": None}, {}):
        assert await states.table(table).query(where) == rows, "not stored yet"
    await put(states, table)

    for where in ({"text": rows[0].text}, {"nothing": None}, {}):
        assert await states.table(table).query(where) == rows
    types = "SELECT DISTINCT typeof(number), typeof(whole), typeof(blob) FROM balances"
    assert asked(path, types) == [("integer", "real", "blob")]


async def test_the_view_has_the_columns_in_the_order_of_the_declaration(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    turned = make_dataclass(
        "Turned", [("balance", int), ("account_id", str), ("owner", str | None)]
    )
    table = Table(turned, key="account_id", name="balances", indexes=["owner"])
    await put(states, table, turned(9, "c", "Cyd"))

    assert asked(path, "SELECT * FROM balances") == [(3, "a", "Ada"), (9, "c", "Cyd")]
    await put(states, accounts(), BOB)
    assert asked(path, "SELECT * FROM balances WHERE account_id = 'b'") == [("b", None, 4)]


async def test_indexes_follow_the_declaration_and_those_of_the_user_stay(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    def indexes() -> set[str]:
        statement = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%balances%'"
        return {name for (name,) in asked(path, statement)}

    await put(states, accounts(), ADA)
    asked(path, "CREATE INDEX my_balances ON orchestrix_balances_1 (balance)")
    other = Table(Balance, key="account_id", name="balances", indexes=[["balance", "owner"]])
    await put(states, other)
    assert indexes() == {"my_balances", "orchestrix_balances_1(balance,owner)"}
    asked(path, 'DROP INDEX "orchestrix_balances_1(balance,owner)"')
    await put(states, other)
    assert indexes() == {"my_balances", "orchestrix_balances_1(balance,owner)"}


# what hands change


CHANGES: Sequence[tuple[str, str]] = (
    (
        "DROP VIEW balances; DROP TABLE orchestrix_balances_1",
        "its table orchestrix_balances_1 was dropped or renamed, which no program of ours does; "
        "its view balances was dropped or renamed",
    ),
    ("DROP TABLE orchestrix_balances_1", "its table orchestrix_balances_1 was dropped or renamed"),
    ("DROP VIEW balances", "its view balances was dropped or renamed"),
    (
        "DROP VIEW balances; ALTER TABLE orchestrix_balances_1 DROP COLUMN balance",
        "column 'balance' was dropped or renamed",
    ),
    (
        "ALTER TABLE orchestrix_balances_1 RENAME COLUMN owner TO holder",
        "column 'owner' was dropped or renamed.*column 'holder' was added or renamed",
    ),
    (
        "ALTER TABLE orchestrix_balances_1 RENAME COLUMN orchestrix_segment_key TO s",
        "column 'orchestrix_segment_key' was dropped or renamed",
    ),
    (
        "ALTER TABLE orchestrix_balances_1 ADD COLUMN extra",
        "column 'extra' was added or renamed, which no program of ours does",
    ),
    (
        "ALTER TABLE orchestrix_balances_1 RENAME TO elsewhere",
        "its table orchestrix_balances_1 was dropped or renamed",
    ),
    (
        "DROP TABLE orchestrix_balances_1; CREATE TABLE orchestrix_balances_1 (account_id TEXT, "
        "owner TEXT PRIMARY KEY, balance TEXT, orchestrix_segment_key TEXT)",
        r"column 'account_id' was made TEXT \(number 1 of the key\) and is TEXT, .*"
        "column 'balance' was made INTEGER and is TEXT",
    ),
    (
        "DROP TABLE orchestrix_balances_1; CREATE VIEW orchestrix_balances_1 AS SELECT 1",
        "its table orchestrix_balances_1 was replaced by a view of that name",
    ),
    (
        "DROP VIEW balances; CREATE VIEW balances AS SELECT * FROM orchestrix_balances_1",
        "its view balances was changed",
    ),
)


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[each[:60] for each, _ in CHANGES])
async def test_what_was_changed_by_hand_is_told_until_a_replay_makes_the_table_anew(
    states: SQLiteProjectionStateStore, path: Path, change: str, words: str
) -> None:
    table = accounts()
    used = Driver(states, table)
    async with used.batch():
        table.put(ADA)
    assert await states.table(table).query() == [ADA]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(change)

    told = f"'balances' is stored in another shape: .*{words}.*version and replay"
    reader = states.table(table)
    for ask in (reader.count, lambda: reader.get("a"), reader.query):
        with pytest.raises(SchemaChanged, match=told):
            await ask()
    for driver in (used, Driver(states, table)):
        with pytest.raises(SchemaChanged, match=told):
            async with driver.batch():
                table.put(BOB)
    async with used.batch(is_replay=True):
        assert await table.get("a") is None
        table.put(BOB)

    assert await states.table(table).query() == [BOB]
    await put(states, table, ADA)
    assert asked(path, "SELECT * FROM balances ORDER BY 1") == [("a", "Ada", 3), ("b", None, 4)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "definition = '{'",
            "its definition in read_models cannot be read .*which no program of ours does",
        ),
        ("definition = '[]'", "its definition in read_models cannot be read"),
        ("definition = '{\"name\": 1}'", "its definition in read_models cannot be read"),
        ("generation = 2", "its table orchestrix_balances_2 was dropped or renamed"),
    ],
)
async def test_what_was_changed_in_the_list_of_tables_is_told_when_the_table_is_opened(
    states: SQLiteProjectionStateStore, path: Path, change: str, words: str
) -> None:
    table = accounts()
    await put(states, table, ADA)
    asked(path, f"UPDATE read_models SET {change}")  # noqa: S608 - ours

    with pytest.raises(SchemaChanged, match=words):
        await put(states, table, BOB)
    async with Driver(states, table).batch(is_replay=True):
        table.put(BOB)
    assert await states.table(table).query() == [BOB]


async def test_a_table_of_the_users_in_the_place_of_the_view_is_never_dropped(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA)
    asked(path, "DROP VIEW balances")
    asked(path, "CREATE TABLE balances AS SELECT 1 AS mine")

    with pytest.raises(SchemaChanged, match="its view balances was replaced by a table of that"):
        await put(states, accounts())
    with pytest.raises(TableDeclarationError, match="has a table 'balances' of yours already"):
        async with Driver(states, accounts()).batch(is_replay=True):
            pass
    assert asked(path, "SELECT * FROM balances") == [(1,)]


async def test_a_table_that_nobody_knows_any_more_is_told_and_made_by_whoever_opens_it(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    table = accounts()
    used = Driver(states, table)
    async with used.batch():
        table.put(ADA)
    for each in (
        "DELETE FROM read_models",
        "DROP VIEW balances",
        "DROP TABLE orchestrix_balances_1",
    ):
        asked(path, each)

    with pytest.raises(SchemaChanged, match="it was made, and is gone"):
        async with used.batch():
            table.put(BOB)
    async with used.batch():
        table.put(BOB)
    assert await states.table(table).query() == [BOB]


async def test_a_value_of_another_type_is_named(
    states: SQLiteProjectionStateStore, path: Path
) -> None:
    await put(states, accounts(), ADA, BOB)
    asked(path, "UPDATE orchestrix_balances_1 SET balance = 'many' WHERE account_id = 'a'")

    with pytest.raises(UnreadableRow, match=r"row 'a', column 'balance' .* found 'many'"):
        await states.table(accounts()).query()
    assert await states.table(accounts()).get("b") == BOB


async def test_tables_and_events_share_a_file(path: Path) -> None:
    async with open_sqlite_store(path) as store, open_sqlite_projections(path) as states:
        await put(states, accounts(), ADA)
        assert await store.head() == 0
        assert await states.table(accounts()).get("a") == ADA
