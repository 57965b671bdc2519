"""What tables of read models promise, over any store, stated once.

A store's test subclasses :class:`ReadModelTableConformance` and gives a fixture `store` and
`make_store`. The engine is played by :class:`spied_tables.Driver`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orchestrix.testing.conformance.deposits import Deposited, LargeDeposited, Renamed, deposits
from orchestrix.testing.conformance.read_model_table.driver import Broken, Driver, SpiedStore

from orchestrix.read_models import (
    CrossSegmentWrite,
    NoBatch,
    QueryError,
    RowError,
    SchemaChanged,
    Table,
    TableStore,
    TableTaken,
    UnreadableRow,
)


@dataclass
class Balance:
    account_id: str
    owner: str | None = None
    balance: int = 0


@dataclass(frozen=True)
class Booking:
    day: date
    number: int
    amount: Decimal = Decimal(0)


class Color(Enum):
    RED = "r"
    BLUE = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Shape(Enum):
    ROUND = (1, 2)
    FLAT = "flat"


@dataclass
class Part:
    name: str
    sizes: list[int] = field(default_factory=list)


@dataclass
class Everything:
    number: int
    text: str
    ratio: float
    is_on: bool
    blob: bytes
    amount: Decimal
    at: datetime
    day: date
    uid: UUID
    color: Color
    level: Level
    shape: Shape
    parts: list[Part]
    free: Any
    note: str | None = None
    total: Decimal | None = None
    seen: datetime | None = None
    mood: Color | None = None
    extra: dict[str, int] | None = None


FULL = Everything(
    number=-(2**63),
    text="é \U0001f382\n",
    ratio=float("inf"),
    is_on=True,
    blob=b"\0\xff",
    amount=Decimal("-12.340"),
    at=datetime(2026, 11, 23, 22, 14, 7, tzinfo=timezone(timedelta(hours=2))),
    day=date(26, 1, 2),
    uid=UUID(int=255),
    color=Color.BLUE,
    level=Level.HIGH,
    shape=Shape.ROUND,
    parts=[Part("wheel", [1, 2])],
    free={"a": [1, None, "x"]},
    note="",
    total=Decimal("1E+3"),
    seen=datetime(1, 1, 1, tzinfo=UTC),
    mood=Color.RED,
    extra={"b": 1, "a": 2},
)


def everything(**changes: Any) -> Everything:
    """FULL with changes."""
    return Everything(**(vars(FULL) | changes))


STORED = (
    -(2**63),
    "é \U0001f382\n",
    float("inf"),
    1,
    b"\0\xff",
    "-12.340",
    "2026-11-23 20:14:07.000000+00:00",
    "0026-01-02",
    "00000000-0000-0000-0000-0000000000ff",
    "b",
    2,
    "ROUND",
    '[{"name":"wheel","sizes":[1,2]}]',
    '{"a":[1,null,"x"]}',
    "",
    "1E+3",
    "0001-01-01 00:00:00.000000+00:00",
    "r",
    '{"b":1,"a":2}',
    None,
)
"""What a store is given of it, the segment key last."""


def accounts(**options: Any) -> Table[Balance]:
    return Table(Balance, key="account_id", name="balances", indexes=["owner"], **options)


class ReadModelTableConformance:
    """What every store of tables promises."""

    cannot: ClassVar[dict[str, str]] = {}
    """Test name -> reason, for promises that this store does not make."""

    @pytest.fixture
    def store(self) -> TableStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    def make_store(self) -> TableStore:
        """Another empty store, for tests that need many."""
        raise NotImplementedError("give make_store()")

    @pytest.fixture(autouse=True)
    def _skip_what_it_cannot_do(self, request: pytest.FixtureRequest) -> None:
        assert all(hasattr(self, test) for test in self.cannot), "unknown name in `cannot`"
        if request.node.originalname in self.cannot:
            pytest.skip(self.cannot[request.node.originalname])

    @pytest.fixture
    def spied(self, store: TableStore) -> SpiedStore:
        return SpiedStore(store)

    @pytest.fixture
    def table(self) -> Table[Balance]:
        return accounts()

    @pytest.fixture
    def driver(self, spied: SpiedStore, table: Table[Balance]) -> Driver:
        return Driver(spied, table)

    async def put(self, driver: Driver, table: Table[Any], *rows: Any) -> None:
        async with driver.batch():
            for row in rows:
                table.put(row)

    # what a batch does with rows

    async def test_a_row_that_was_put_is_read_when_the_batch_has_ended(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            table.put(Balance("a", "Ada", 3))
            assert await table.get("a") == Balance("a", "Ada", 3)
            assert await store.table(table).get("a") is None

        assert await store.table(table).get("a") == Balance("a", "Ada", 3)
        assert await store.table(table).get("b") is None
        assert await store.table(table).count() == 1

    async def test_a_row_changed_in_place_is_written_once(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"), Balance("b"))
        spied.written()

        for _ in range(2):
            async with driver.batch():
                for amount in (1, 2, 3):
                    row = await table.get("a")
                    assert row is not None
                    row.balance += amount

        assert spied.written() == [([("a", None, each, None)], []) for each in (6, 12)]
        assert await spied.table(table).get("a") == Balance("a", None, 12)

    async def test_a_row_that_was_only_read_is_not_written(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"))
        spied.written()

        for each in (driver, Driver(spied, table)):
            async with each.batch():
                row = await table.get("a")
                assert row is not None
                table.put(Balance("a"))
                assert await table.get("b") is None
                table.delete("b")

        assert spied.written() == []

    async def test_everybody_gets_one_object(self, driver: Driver, table: Table[Balance]) -> None:
        await self.put(driver, table, Balance("a", "Ada"))

        for each in (driver, Driver(driver.store, table)):
            async with each.batch():
                first = await table.get("a")
                assert first is not None
                assert await table.get("a") is first
                assert (await table.query({"owner": "Ada"}))[0] is first
                other = Balance("a", "Ada")
                table.put(other)
                assert await table.get("a") is other

    async def test_two_tasks_that_load_one_row_share_it(
        self, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"))

        async with Driver(driver.store, table).batch():
            first, second, found = await asyncio.gather(
                table.get("a"), table.get("a"), table.query()
            )
            assert first is second
            assert found == [first]
            assert found[0] is first

    async def test_what_was_put_or_deleted_while_a_row_is_loaded_counts(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"), Balance("b"), Balance("c"))
        slow = Driver(spied, table)

        async with slow.batch():
            loading = [asyncio.create_task(table.get(each)) for each in "ab"]
            asking = asyncio.create_task(table.query())
            await asyncio.sleep(0)
            table.put(Balance("a", "Ada"))
            table.delete("b")
            assert await asyncio.gather(*loading) == [Balance("a", "Ada"), None]
            await asking

        assert await spied.table(table).query() == [Balance("a", "Ada"), Balance("c")]

    async def test_a_deleted_row_is_gone(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"), Balance("b"), Balance("c"))

        async with driver.batch():
            table.delete("a")
            table.delete("nobody")
            assert await table.get("a") is None
        async with Driver(spied, table).batch():
            table.delete("b")
            assert await table.get("b") is None
            table.delete("nobody")

        assert await spied.table(table).query() == [Balance("c")]

    async def test_a_deleted_row_may_be_put_again(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a", "Ada", 5))

        for new in (Balance("a", "Bob"), Balance("a", "Cyd")):
            async with driver.batch():
                table.delete("a")
                table.put(new)
                assert await table.get("a") is new
            assert await store.table(table).get("a") == new

    async def test_a_row_put_and_deleted_in_one_batch_never_was(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            table.put(Balance("a"))
            table.delete("a")

        assert await store.table(table).count() == 0

    @pytest.mark.parametrize("is_new", [True, False])
    async def test_a_key_changed_in_place_is_refused(
        self, driver: Driver, table: Table[Balance], is_new: bool
    ) -> None:
        if not is_new:
            await self.put(driver, table, Balance("a"))

        with pytest.raises(RowError, match=r"row 'a': .*to 'b'; delete"):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch():
                if is_new:
                    table.put(Balance("a"))
                row = await table.get("a")
                assert row is not None
                row.account_id = "b"

    async def test_a_row_of_another_class_is_refused(
        self, driver: Driver, table: Table[Any]
    ) -> None:
        @dataclass
        class Richer(Balance):
            bonus: int = 0

        async with driver.batch():
            for wrong in (Richer("a"), {"account_id": "a"}, None):
                with pytest.raises(RowError, match="expected a Balance, found"):
                    table.put(wrong)

    async def test_a_key_may_have_several_columns(self, store: TableStore) -> None:
        table = Table(Booking, key=["day", "number"], prefetch={Deposited: lambda e: None})
        first, second = date(2026, 1, 1), date(2026, 1, 2)
        rows = [Booking(first, 2), Booking(first, 10), Booking(second, 1)]
        driver = Driver(store, table)
        await self.put(driver, table, *reversed(rows))

        reader = store.table(table)
        assert await reader.get(first, 10) == rows[1]
        assert await reader.get(first, 1) is None
        assert await reader.query() == rows
        assert await reader.query({"day": first}) == rows[:2]
        assert await reader.query(after=(first, 2)) == rows[1:]
        async with driver.batch():
            table.delete(first, 10)
            assert await table.query({"number": 1, "day": second}) == rows[2:]
            for wrong in ((first,), (first, 10, 1), ()):
                with pytest.raises(QueryError, match=r"its key is \(day, number\), found"):
                    await table.get(*wrong)
            with pytest.raises(RowError, match="column 'number': expected int, found '2' "):
                table.delete(first, "2")
        assert await reader.query() == [rows[0], rows[2]]

    # failure and the end of a batch

    async def test_a_batch_that_fails_leaves_nothing(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"), Balance("b"))

        for error in (OSError("no"), asyncio.CancelledError()):
            with pytest.raises(type(error)):  # noqa: PT012 - the batch's end is part of it
                async with driver.batch():
                    row = await table.get("a")
                    assert row is not None
                    row.balance = 99
                    table.delete("b")
                    table.put(Balance("c"))
                    await table.query()
                    raise error
            async with driver.batch():
                assert await table.get("a") == Balance("a")
                assert await table.get("b") == Balance("b")
                assert await table.get("c") is None

        assert await store.table(table).query() == [Balance("a"), Balance("b")]

    async def test_wherever_the_connection_breaks_all_or_nothing_is_written(self) -> None:
        fails_at, broke = 0, True
        while broke:
            fails_at += 1
            store = SpiedStore(self.make_store())
            table = accounts(prefetch={Deposited: lambda e: [str(e.amount), "a"]}, cached_rows=2)
            driver = Driver(store, table)
            await self.put(driver, table, Balance("a"), Balance("b"))
            store.steps, store.fails_at = 0, fails_at
            for _ in range(2):
                try:
                    async with driver.batch():
                        await self._many_things(driver, table)
                    break
                except Broken:
                    found = await store.table(table).query()
                    assert found == [Balance("a"), Balance("b")], f"broke at step {fails_at}"
            broke = store.steps >= fails_at

            found = await store.table(table).query()
            assert found == [Balance("1"), Balance("2"), Balance("a", "Ada", 1), Balance("c")]
        assert fails_at > 10

    async def test_wherever_a_batch_is_cancelled_all_or_nothing_is_written(self) -> None:
        turns, cancelled = 0, True
        while cancelled:
            store = SpiedStore(self.make_store())
            table = accounts(prefetch={Deposited: lambda e: [str(e.amount), "a"]}, cached_rows=2)
            driver = Driver(store, table)
            await self.put(driver, table, Balance("a"), Balance("b"))
            before = await store.table(table).query()

            async def run(driver: Driver = driver, table: Table[Balance] = table) -> None:
                async with driver.batch():
                    await self._many_things(driver, table)

            task = asyncio.create_task(run())
            for _ in range(turns):
                await asyncio.sleep(0)
            cancelled = task.cancel()
            await asyncio.wait([task])
            found = await store.table(table).query()
            if found == before:
                assert task.cancelled()
                await run()

            found = await store.table(table).query()
            assert found == [Balance("1"), Balance("2"), Balance("a", "Ada", 1), Balance("c")]
            turns += 1
        assert turns > 10

    async def _many_things(self, driver: Driver, table: Table[Balance]) -> None:
        await driver.settle(deposits(1, 2))
        for each in "12":
            assert await table.get(each) is None
            table.put(Balance(each))
        await driver.settle()
        table.delete("b")
        row = await table.get("a")
        assert row is not None
        row.owner, row.balance = "Ada", row.balance + 1
        assert await table.query({"owner": "Ada"}) == [row]
        table.put(Balance("c"))

    async def test_outside_a_batch_a_table_says_what_to_do(
        self, driver: Driver, table: Table[Balance]
    ) -> None:
        async def refused() -> None:
            words = r"'balances' is used outside a batch; use it in a handler .* store\.table"
            with pytest.raises(NoBatch, match=words):
                await table.get("a")
            with pytest.raises(NoBatch):
                table.put(Balance("a"))
            with pytest.raises(NoBatch):
                table.delete("a")
            with pytest.raises(NoBatch):
                await table.query()

        await refused()
        async with driver.batch():
            table.put(Balance("a"))
        await refused()

    async def test_a_task_may_use_a_table_until_the_batch_ends(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        gate = asyncio.Event()

        async def use() -> None:
            table.put(Balance("a"))
            await gate.wait()
            with pytest.raises(NoBatch):
                table.put(Balance("b"))
            with pytest.raises(NoBatch):
                await table.get("a")

        tasks: list[asyncio.Task[None]] = []
        for error in (OSError("no"), None):
            with suppress(OSError):
                async with driver.batch():
                    tasks.append(asyncio.create_task(use()))
                    await asyncio.sleep(0)
                    if error is not None:
                        raise error
        gate.set()
        await asyncio.gather(*tasks)

        assert await store.table(table).query() == [Balance("a")]

    @pytest.mark.parametrize("what", ["get", "query"])
    async def test_a_task_that_waits_when_the_batch_ends_is_refused(
        self, driver: Driver, table: Table[Balance], what: str
    ) -> None:
        await self.put(driver, table, Balance("a"))
        late = Driver(driver.store, table)

        async with late.batch():
            waiting = asyncio.create_task(table.get("a") if what == "get" else table.query())
            await asyncio.sleep(0)

        with pytest.raises(NoBatch):
            await waiting

    async def test_what_a_task_does_while_the_batch_ends_is_written_or_refused(self) -> None:
        for turns in range(20):
            store, table, done = SpiedStore(self.make_store()), accounts(), 0
            await self.put(Driver(store, table), table, Balance("a"))

            async def work(table: Table[Balance] = table) -> int:
                done = 0
                try:
                    while True:
                        (row,) = await table.query(limit=1)
                        row.balance += 1
                        done += 1
                        table.put(Balance(f"b{done}"))
                        await asyncio.sleep(0)
                except NoBatch:
                    return done

            driver = Driver(store, table)
            async with driver.batch():
                task = asyncio.create_task(work())
                for _ in range(turns):
                    await asyncio.sleep(0)
                table.put(Balance("z"))
            done = await task

            a, *others = await store.table(table).query()
            assert a.balance == done
            assert sum(each.account_id.startswith("b") for each in others) == done

    async def test_a_row_that_a_task_is_given_while_the_batch_ends_is_written(self) -> None:
        keys = [f"{number:02}" for number in range(20)]
        for turns in range(20):
            store, table = SpiedStore(self.make_store()), accounts()
            await self.put(Driver(store, table), table, *map(Balance, keys))

            async def work(table: Table[Balance] = table) -> int:
                done = 0
                try:
                    for key in keys:
                        row = await table.get(key)
                        assert row is not None
                        row.balance += 1
                        done += 1
                except NoBatch:
                    pass
                return done

            async with Driver(store, table).batch():
                task = asyncio.create_task(work())
                for _ in range(turns):
                    await asyncio.sleep(0)
                table.put(Balance("z"))
            done = await task

            assert sum(each.balance for each in await store.table(table).query()) == done

    async def test_a_table_stands_for_the_store_of_the_batch_that_is_under_way(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        elsewhere = self.make_store()
        other = Driver(elsewhere, table)

        async with driver.batch():
            table.put(Balance("a"))
            async with other.batch():
                assert await table.get("a") is None
                table.put(Balance("b"))
            assert await table.get("a") is not None
            assert await table.get("b") is None

        assert await store.table(table).query() == [Balance("a")]
        assert await elsewhere.table(table).query() == [Balance("b")]

    # queries

    @pytest.mark.parametrize("is_new", [True, False], ids=["unflushed", "stored"])
    async def test_a_query_finds_by_key_and_index_in_the_order_of_keys(
        self, store: TableStore, driver: Driver, table: Table[Balance], is_new: bool
    ) -> None:
        owners = ["Ada", None, "Bob", "Ada", None, "Ada"]
        rows = [Balance(key, owner) for key, owner in zip("fedcba", owners, strict=True)]
        adas, keys = [rows[5], rows[3], rows[0]], ["a", "b", "c", "d", "e", "f"]
        if not is_new:
            await self.put(driver, table, *rows)
            driver = Driver(driver.store, table)

        async with driver.batch():
            for row in rows if is_new else ():
                table.put(row)
            for ask in (table.query, None if is_new else store.table(table).query):
                if ask is None:
                    continue
                assert await ask({"owner": "Ada"}) == adas
                assert await ask({"owner": None}) == [rows[4], rows[1]]
                assert await ask({"account_id": "d"}) == [rows[2]]
                assert await ask({"owner": "Ada"}, limit=2) == adas[:2]
                assert await ask({"owner": "Ada"}, limit=2, after="c") == adas[2:]
                assert [each.account_id for each in await ask()] == keys
                assert [each.account_id for each in await ask({}, after="bb")] == keys[2:]
                assert await ask(limit=0) == []
                assert await ask({"owner": "nobody"}) == []

    async def test_a_query_sees_what_the_batch_has_changed(
        self, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, *(Balance(each, "Ada") for each in "abc"))

        async with driver.batch():
            a = await table.get("a")
            assert a is not None
            a.owner = "Bob"
            table.delete("b")
            table.put(Balance("d", "Ada"))
            assert await table.query({"owner": "Ada"}) == [Balance("c", "Ada"), Balance("d", "Ada")]
            assert await table.query({"owner": "Bob"}) == [a]
            a.owner = "Ada"
            assert len(await table.query({"owner": "Ada"})) == 3

    async def test_a_row_that_was_deleted_and_put_again_is_found_once(
        self, store: TableStore
    ) -> None:
        table = accounts()
        driver = Driver(store, table)
        async with driver.batch():
            table.put(Balance("a"))
        async with driver.batch():
            assert await table.query() == [Balance("a")]
        async with driver.batch():
            table.delete("a")
        async with driver.batch():
            table.put(Balance("a"))
            assert await table.query() == [Balance("a")]

    async def test_rows_of_a_query_are_written_when_they_are_changed(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, *(Balance(each, "Ada") for each in "abc"))

        for each in (driver, Driver(store, table)):
            async with each.batch():
                held = await table.get("a")
                assert held is not None
                for row in await table.query({"owner": "Ada"}):
                    row.balance += 1
                assert await table.query({"owner": "Bob"}) == []
                held.balance += 10

        assert [each.balance for each in await store.table(table).query()] == [22, 2, 2]

    async def test_a_query_by_other_columns_names_those_that_are_declared(
        self, store: TableStore
    ) -> None:
        table = Table(Everything, key="number", indexes=[("text", "day"), "note"])
        words = r"by \(day\); it is by the beginnings of \(number\), \(text, day\), \(note\)"
        async with Driver(store, table).batch():
            for ask in (table.query, store.table(table).query):
                for good in ({"text": "x"}, {"day": date(2026, 1, 1), "text": "x"}, {"note": None}):
                    assert await ask(good) == []
                with pytest.raises(QueryError, match=words):
                    await ask({"day": date(2026, 1, 1)})
                for wrong in ({"text": "x", "note": ""}, {"ratio": 1.0}, {"nobody": 1}):
                    with pytest.raises(QueryError, match="it cannot be searched by"):
                        await ask(wrong)
                with pytest.raises(RowError, match="column 'text': expected str, found 1"):
                    await ask({"text": 1})
                wrong_limits: list[Any] = [-1, 1.5, True, "1"]
                for limit in wrong_limits:
                    with pytest.raises(QueryError, match="limit is a whole number from 0 on"):
                        await ask(limit=limit)
                with pytest.raises(RowError, match="column 'number': expected int"):
                    await ask(after="1")

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (str, ["", "A", "Z", "a", "aa", "é", "\uffff", "\U0001f382"]),
            (int, [-(2**63), -1, 0, 2, 10, 2**63 - 1]),
            (bool, [False, True]),
            (date, [date(1, 1, 1), date(999, 12, 31), date(2026, 1, 1)]),
            (datetime, [datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in (0, 1, 10)]),
            (UUID, [UUID(int=each) for each in (0, 9, 10, 2**127)]),
            (Level, [Level.LOW, Level.HIGH]),
            (Shape, [Shape.FLAT, Shape.ROUND]),
        ],
        ids=["str", "int", "bool", "date", "datetime", "UUID", "IntEnum", "Enum"],
    )
    async def test_keys_of_each_type_are_found_and_ordered(
        self, store: TableStore, kind: type, values: Sequence[Any]
    ) -> None:
        row = make_dataclass("Row", [("id", kind), ("same", kind)])
        table = Table(row, key="id", indexes=["same"])
        rows = [row(each, each) for each in values]
        await self.put(Driver(store, table), table, *reversed(rows))

        reader = store.table(table)
        assert await reader.query() == rows
        for place, each in enumerate(values):
            assert await reader.get(each) == rows[place]
            assert await reader.query({"same": each}) == [rows[place]]
            assert await reader.query(after=each) == rows[place + 1 :]

    # values

    async def test_values_of_each_type_come_back(self, spied: SpiedStore) -> None:
        table = Table(Everything, key="number")
        bare = everything(number=1, free=None)
        bare.note = bare.total = bare.seen = bare.mood = bare.extra = None
        await self.put(Driver(spied, table), table, FULL, bare)

        (written,) = spied.written()
        assert written == ([STORED, (1, *STORED[1:13], *[None] * 7)], [])
        found = await spied.table(table).get(FULL.number)
        assert found == FULL
        assert found is not FULL
        assert found.at.utcoffset() == timedelta(0)
        assert [type(each) for each in vars(found).values()] == [
            type(each) for each in vars(FULL).values()
        ]
        assert await spied.table(table).get(1) == bare

    @pytest.mark.parametrize(
        ("column", "wrong", "words"),
        [
            ("text", 1, "expected str, found 1 "),
            ("text", "\ud800", "expected text without lone surrogates"),
            ("text", None, "expected str, found None "),
            ("ratio", "1", "expected float, found '1' "),
            ("ratio", float("nan"), "expected a number, which NaN is not"),
            ("ratio", 2**53 + 1, "a number float can hold"),
            ("is_on", 1, "expected bool, found 1 "),
            ("blob", "x", "expected bytes, found 'x' "),
            ("amount", 1.5, "expected Decimal, found 1.5 "),
            ("amount", Decimal("NaN"), "expected a finite Decimal"),
            ("at", datetime(2026, 1, 1), "an offset, as datetime.now"),  # noqa: DTZ001 - that is the point
            ("at", date(2026, 1, 1), "expected datetime, found"),
            ("day", datetime(2026, 1, 1, tzinfo=UTC), "expected date, found"),
            ("uid", "x", "expected UUID, found 'x' "),
            ("color", "b", "expected Color, found 'b' "),
            ("level", 2, "expected Level, found 2 "),
            ("parts", [1], "expected list"),
            ("parts", None, "expected list"),
            ("free", object(), "expected Any that JSON carries"),
            ("free", (1, 2), "that JSON gives back as it is, not as \\[1, 2\\]"),
            ("extra", {"a": "x"}, "expected dict"),
            ("total", 1, "expected Decimal, found 1 "),
        ],
    )
    async def test_a_value_that_does_not_fit_is_refused_at_the_end(
        self, store: TableStore, column: str, wrong: Any, words: str
    ) -> None:
        table = Table(Everything, key="number")
        driver = Driver(store, table)

        with pytest.raises(RowError, match=f"'everything', row 7, column '{column}': .*{words}"):
            await self.put(driver, table, everything(**{"number": 7, column: wrong}))

        assert await store.table(table).count() == 0

    @pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1, True, "1", None])
    async def test_a_key_that_does_not_fit_is_refused_at_once(
        self, store: TableStore, wrong: Any
    ) -> None:
        table = Table(Everything, key="number")

        async with Driver(store, table).batch():
            for call in (table.get, store.table(table).get):
                with pytest.raises(RowError, match=r"column 'number': expected (an )?int"):
                    await call(wrong)
            with pytest.raises(RowError):
                table.put(everything(number=wrong))
            with pytest.raises(RowError):
                table.delete(wrong)

    async def test_a_stored_value_that_cannot_be_read_back_is_named(
        self, store: TableStore
    ) -> None:
        written = Table(Balance, key="account_id", name="things")
        await self.put(Driver(store, written), written, Balance("a", "green"))
        colored = make_dataclass(
            "Colored", [("account_id", str), ("owner", Color | None), ("balance", int)]
        )
        table = Table(colored, key="account_id", name="things")

        words = r"'things', row 'a', column 'owner' .*: expected a member of Color, found 'green'"
        with pytest.raises(UnreadableRow, match=words):
            await store.table(table).get("a")
        with pytest.raises(UnreadableRow, match=words):
            async with Driver(store, table).batch():
                await table.get("a")

    async def test_a_row_that_its_class_refuses_cannot_be_read_back(
        self, store: TableStore
    ) -> None:
        @dataclass
        class Thing:
            id: int
            is_strict: ClassVar[bool] = False

            def __post_init__(self) -> None:
                if self.is_strict:
                    raise KeyError("strict")

        table = Table(Thing, key="id")
        await self.put(Driver(store, table), table, Thing(1))
        Thing.is_strict = True

        with pytest.raises(UnreadableRow, match=r"'thing', row 1 cannot .*KeyError\('strict'\)"):
            await store.table(table).get(1)

    async def test_readers_return_objects_of_their_own(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a", "Ada"))
        reader = store.table(table)
        first = await reader.get("a")
        assert first is not None
        first.balance = 99

        assert await reader.get("a") == Balance("a", "Ada")
        assert await reader.query({"owner": "Ada"}) == [Balance("a", "Ada")]
        async with driver.batch():
            assert await table.get("a") == Balance("a", "Ada")

    async def test_a_table_that_was_never_written_is_empty(
        self, store: TableStore, table: Table[Balance]
    ) -> None:
        reader = store.table(table)

        assert await reader.get("a") is None
        assert await reader.query({"owner": "Ada"}) == []
        assert await reader.count() == 0

    async def test_many_rows_are_loaded_and_written_at_once(
        self, spied: SpiedStore, table: Table[Balance]
    ) -> None:
        keys = [f"{number:05}" for number in range(40_000)]
        table = accounts(prefetch={Renamed: lambda e: keys})
        await self.put(Driver(spied, table), table, *map(Balance, keys))

        driver = Driver(spied, table)
        async with driver.batch():
            await driver.settle([Renamed()])
            for key in keys[::2]:
                table.delete(key)
        assert [len(each) for each in spied.loaded()] == [40_000]

        assert await spied.table(table).count() == 20_000

    # schema and ownership

    async def test_a_table_grows_by_columns_with_defaults_and_by_indexes(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a", "Ada", 1), Balance("b"))
        columns = [
            ("since", date, field(default=date(2026, 1, 1))),
            ("account_id", str, field(default="")),
            ("color", Color | None, field(default=None)),
            ("balance", int, field(default=0)),
            ("owner", str | None, field(default=None)),
            ("tags", list[str], field(default_factory=list)),
            ("blob", bytes, field(default=b"\0")),
        ]
        wider = make_dataclass("Wider", columns)
        grown = Table(wider, key="account_id", name="balances", indexes=["since", "owner"])
        fewer = Table(wider, key="account_id", name="balances", indexes=["balance"])
        a = wider(account_id="a", owner="Ada", balance=1)

        assert await store.table(grown).query() == [a, wider(account_id="b")]
        async with Driver(store, grown).batch():
            assert await grown.get("a") == a
            assert await grown.query({"since": date(2026, 1, 1)}, limit=1) == [a]
            grown.put(wider(account_id="c", tags=["x"]))
        async with Driver(store, fewer).batch():
            fewer.put(wider(account_id="d", balance=7))
            assert len(await fewer.query({"balance": 7})) == 1
        found = await store.table(grown).query({"owner": "Ada"})
        assert found == [a]
        assert await store.table(grown).get("c") == wider(account_id="c", tags=["x"])

    async def test_rows_keep_their_owner_when_their_table_grows(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        wider = make_dataclass("Wider", [("more", int, field(default=0))], bases=(Balance,))
        grown = Table(wider, key="account_id", name="balances")
        spied.written()
        async with Driver(spied, grown).batch():
            row: Any = await grown.get("a")
            row.more = 1

        assert spied.written() == [([("a", None, 0, 1, "one")], [])]

    @pytest.mark.parametrize(
        ("columns", "key", "words"),
        [
            ([("account_id", str), ("owner", str | None)], "account_id", "'balance' is stored and"),
            (
                [("account_id", str), ("owner", str), ("balance", int)],
                "account_id",
                "'owner' holds str or None, declared is str",
            ),
            (
                [("account_id", str), ("owner", str | None), ("balance", Decimal)],
                "account_id",
                "'balance' holds int, declared is decimal",
            ),
            (
                [("account_id", str), ("owner", str | None), ("balance", int)],
                "balance",
                r"its key is \(account_id\), declared is \(balance\)",
            ),
            (
                [("account_id", str), ("owner", str | None), ("balance", int), ("new", int)],
                "account_id",
                "'new' is new and has no default",
            ),
        ],
        ids=["dropped", "required", "kind", "key", "new"],
    )
    async def test_another_shape_is_refused_until_a_replay(
        self,
        store: TableStore,
        driver: Driver,
        table: Table[Balance],
        columns: list[Any],
        key: str,
        words: str,
    ) -> None:
        await self.put(driver, table, Balance("a", "Ada", 1))
        other = make_dataclass("Other", columns)
        changed = Table(other, key=key, name="balances")
        row = other(*["x", "Ada", Decimal(1) if "decimal" in words else 1, 2][: len(columns)])
        place = [each[0] for each in columns].index(key)
        value = ["x", "Ada", 1, 2][place]
        later = Driver(store, changed)

        for use in (changed.get, store.table(changed).get):
            with pytest.raises(SchemaChanged, match=f"{words}.*Raise the engine's version and"):
                async with later.batch():
                    await use(value)
        for _ in range(2):
            with pytest.raises(SchemaChanged):
                async with later.batch():
                    pass
        assert await store.table(table).get("a") == Balance("a", "Ada", 1)
        async with later.batch(is_replay=True):
            changed.put(row)
        assert await store.table(changed).query() == [row]

    async def test_a_replay_begins_with_an_empty_table(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a", "Ada", 1), Balance("b"))

        with pytest.raises(OSError, match="no"):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch(is_replay=True):
                assert await table.get("a") is None
                assert await table.query() == []
                table.put(Balance("c"))
                raise OSError("no")
        assert await store.table(table).count() == 2
        async with driver.batch(is_replay=True):
            table.put(Balance("a"))
        async with driver.batch():
            assert await table.get("b") is None

        assert await store.table(table).query() == [Balance("a")]

    async def test_a_table_belongs_to_the_projection_that_made_it(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"))
        for name in ("balances", "BALANCES"):
            same = Table(Balance, key="account_id", name=name, indexes=["owner"])
            other = Driver(store, same, projection_id="other")
            words = f"'{name}' belongs to projection 'balances', and 'other' declares"
            with pytest.raises(TableTaken, match=words):
                async with other.batch():
                    await same.get("a")
            with pytest.raises(TableTaken):
                async with other.batch(is_replay=True):
                    pass
            with pytest.raises(TableTaken):
                async with other.batch():
                    pass

        assert await store.table(table).query() == [Balance("a")]

    async def test_the_table_is_made_by_the_first_batch(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            pass

        with pytest.raises(TableTaken):
            async with Driver(store, table, projection_id="other").batch():
                pass

    async def test_a_projection_may_have_several_tables(self, store: TableStore) -> None:
        first, second = accounts(), Table(Booking, key=["day", "number"])
        async with Driver(store, first, second).batch():
            first.put(Balance("a"))
            second.put(Booking(date(2026, 1, 1), 1))

        assert await store.table(first).count() == await store.table(second).count() == 1

    # segment keys

    async def test_a_row_of_another_segment_key_is_not_written(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async def write(how: str, driver: Driver) -> None:
            async with driver.batch():
                driver.segment("other")
                if how != "blind":
                    assert await table.get("a") == Balance("a")
                await self._write(table, how)

        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        for how in ("change", "put", "delete", "blind", "blind delete", "change a queried one"):
            for each in (driver, Driver(store, table)):
                async with driver.batch():  # which knows the row from here on
                    assert await table.get("a") == Balance("a")
                with pytest.raises(CrossSegmentWrite) as caught:
                    await write(how, each)
                error = caught.value
                named = (error.table, error.key, error.owner, error.writer)
                assert named == ("balances", "'a'", "one", "other"), how

        assert await store.table(table).query() == [Balance("a")]

    async def _write(self, table: Table[Balance], how: str) -> None:
        match how:
            case "put" | "blind":
                table.put(Balance("a", "Bob"))
            case "delete" | "blind delete":
                table.delete("a")
            case _:
                (row,) = await table.query() if "query" in how else [await table.get("a")]
                assert row is not None
                row.balance += 1

    @pytest.mark.parametrize("how", ["change", "put", "delete", "change a queried one"])
    @pytest.mark.parametrize("then", ["get", "query", "put", "flush", "settle"])
    async def test_a_write_of_another_segment_key_is_noticed_in_the_batch_of_the_first(
        self, driver: Driver, table: Table[Balance], how: str, then: str
    ) -> None:
        with pytest.raises(CrossSegmentWrite, match="'one', and an event of 'two'"):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch():
                driver.segment("one")
                table.put(Balance("a"))
                driver.segment("two")
                await self._write(table, how)
                driver.segment("one")
                match then:
                    case "get":
                        await table.get("a")
                    case "query":
                        await table.query()
                    case "put":
                        table.put(Balance("a", "Cyd"))
                    case _:
                        pass

    async def test_reading_another_segment_keys_row_is_no_write(
        self, store: TableStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        for each in (driver, Driver(store, table)):
            async with each.batch():
                for segment in ("one", "two", "one", "three"):
                    each.segment(segment)
                    (row,) = await table.query()
                    assert await table.get("a") is row
                    if segment == "one":
                        row.balance += 1

        assert await store.table(table).query() == [Balance("a", None, 4)]

    @pytest.mark.parametrize("how", ["change", "put", "delete"])
    async def test_the_owner_may_change_what_a_stranger_was_given_before(
        self, store: TableStore, driver: Driver, table: Table[Balance], how: str
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        async with driver.batch():
            driver.segment("two")
            assert await table.get("a") == Balance("a")
            driver.segment("one")
            await self._write(table, how)

        left = {"change": [Balance("a", None, 1)], "put": [Balance("a", "Bob")], "delete": []}
        assert await store.table(table).query() == left[how]

    async def test_a_row_keeps_the_segment_key_of_its_first_writer(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        for each in (driver, driver, Driver(spied, table)):
            async with each.batch():
                each.segment("one")
                table.put(Balance("a", None, each.opened[0] is driver.opened[0]))
                row = await table.get("a")
                assert row is not None
                row.balance += 1
            async with each.batch():
                row = await table.get("a")
                assert row is not None
                row.balance += 1

        assert {row[-1] for rows, _ in spied.written() for row in rows} == {"one"}

    async def test_a_segment_key_is_that_of_one_batch(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        await self.put(driver, table, Balance("b"))

        assert [rows[0][-1] for rows, _ in spied.written()] == ["one", None]

    async def test_what_is_put_as_it_is_stored_is_not_written(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        spied.written()
        again = Driver(spied, table)
        async with again.batch():
            again.segment("one")
            table.put(Balance("a"))
            table.delete("nobody")

        assert spied.written() == []

    @pytest.mark.parametrize("size", [1, 2, 3])
    async def test_a_row_without_a_segment_key_stays_so_and_is_anybodys(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance], size: int
    ) -> None:
        await self.put(driver, table, Balance("a"))
        writers = ["one", "two", None]
        for start in range(0, 3, size):
            each = Driver(spied, table)
            async with each.batch():
                for number, segment in enumerate(writers[start : start + size], start):
                    each.segment(segment)
                    table.put(Balance("a", str(number)))
                    assert await table.get("a") == Balance("a", str(number))

        assert {row[-1] for rows, _ in spied.written() for row in rows} == {None}

    @pytest.mark.parametrize("is_one_batch", [True, False])
    async def test_a_deleted_row_has_no_owner(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance], is_one_batch: bool
    ) -> None:
        async with driver.batch():
            driver.segment("one")
            table.put(Balance("a"))
        again = Driver(spied, table)
        async with again.batch():
            again.segment("one")
            table.delete("a")
            if is_one_batch:
                again.segment("two")
                table.put(Balance("a", "Bob"))
        if not is_one_batch:
            async with again.batch():
                again.segment("two")
                table.put(Balance("a", "Bob"))

        assert spied.written()[-1][0] == [("a", "Bob", 0, "two")]

    # the cache

    async def test_rows_are_kept_from_batch_to_batch(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"))
        for _ in range(2):
            async with driver.batch():
                await table.get("a")
                await table.get("b")

        assert spied.loaded() == [["b"]]

    async def test_another_revision_forgets_what_was_kept(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        await self.put(driver, table, Balance("a"))
        await self.put(Driver(spied, table), table, Balance("a", "Bob"))

        async with driver.batch():
            assert await table.get("a") == Balance("a", "Bob")

    async def test_no_more_rows_are_kept_than_declared(self, spied: SpiedStore) -> None:
        table = accounts(cached_rows=3)
        driver = Driver(spied, table)
        await self.put(driver, table, *map(Balance, "abcde"))
        async with driver.batch():
            for each in "cde":
                await table.get(each)
            assert spied.loaded() == []
            await table.get("a")
        async with driver.batch():
            for each in "ade":
                await table.get(each)
            assert spied.loaded() == [["a"]]
            await table.get("c")
            assert spied.loaded() == [["c"]]

    async def test_within_a_batch_what_is_too_much_is_written_between_slices(
        self, spied: SpiedStore
    ) -> None:
        table = accounts(cached_rows=2)
        driver = Driver(spied, table)

        with pytest.raises(OSError, match="no"):  # noqa: PT012 - the batch's end is part of it
            async with driver.batch():
                await self._count_in_slices(driver, table, spied)
                raise OSError("no")
        assert await spied.table(table).count() == 0
        async with driver.batch():
            await self._count_in_slices(driver, table, spied)

        found = await spied.table(table).query()
        assert found == [Balance(each, None, 3) for each in "abc"]

    async def _count_in_slices(
        self, driver: Driver, table: Table[Balance], spied: SpiedStore
    ) -> None:
        for _ in range(3):
            for each in "abc":
                row = await table.get(each)
                if row is None:
                    table.put(row := Balance(each))
                row.balance += 1
            assert spied.written() == []
            await driver.settle()
            ((rows, _),) = spied.written()
            assert len(rows) == 3
            assert len(driver.opened[0]._rows) == 2

    @pytest.mark.parametrize("what", ["get", "query", "prefetch"])
    async def test_a_row_that_was_read_before_it_was_dropped_is_read_again(
        self, spied: SpiedStore, what: str
    ) -> None:
        table = accounts(cached_rows=1, prefetch={Renamed: lambda e: ["a", "d"]})
        await self.put(Driver(spied, table), table, *map(Balance, "abc"))
        driver = Driver(spied, table)
        asks = {"get": lambda: table.get("a"), "query": lambda: table.query(limit=1)}
        prefetch = driver.opened[0].prefetch
        async with driver.batch():
            await table.get("b")
            spied.held = gate = asyncio.Event()
            ask = asks.get(what, lambda: prefetch([Renamed()]))
            task = asyncio.ensure_future(ask())
            for _ in range(9):
                await asyncio.sleep(0)
            row = await table.get("a")
            assert row is not None
            row.balance = 5
            await driver.settle()
            await table.get("c")
            await table.get("b")
            await driver.settle()
            gate.set()
            await task
            row = await table.get("a")
            assert row is not None
            assert row == Balance("a", None, 5)
            row.balance += 1

        assert await spied.table(table).get("a") == Balance("a", None, 6)

    async def test_a_row_that_was_put_while_it_is_prefetched_stays(self, spied: SpiedStore) -> None:
        table = accounts(prefetch={Renamed: lambda e: "a"})
        await self.put(Driver(spied, table), table, Balance("a"))
        driver = Driver(spied, table)
        async with driver.batch():
            spied.held = gate = asyncio.Event()
            task = asyncio.create_task(driver.opened[0].prefetch([Renamed()]))
            for _ in range(9):
                await asyncio.sleep(0)
            table.put(Balance("a", "Ada"))
            gate.set()
            await task
            assert await table.get("a") == Balance("a", "Ada")
            assert len(driver.opened[0]._rows) == 1

        assert await spied.table(table).get("a") == Balance("a", "Ada")

    async def test_what_is_not_too_much_waits_for_the_end(
        self, spied: SpiedStore, driver: Driver, table: Table[Balance]
    ) -> None:
        async with driver.batch():
            table.put(row := Balance("a"))
            await driver.settle()
            row.balance += 1
            assert spied.written() == []

        assert spied.written() == [([("a", None, 1, None)], [])]

    # prefetch

    async def test_a_slices_rows_are_loaded_at_once(self, spied: SpiedStore) -> None:
        functions = {Deposited: lambda e: str(e.amount), LargeDeposited: lambda e: ["x", "1"]}
        table = accounts(prefetch=functions)
        driver = Driver(spied, table)
        await self.put(driver, table, Balance("1"))
        fresh = Driver(spied, table)
        async with fresh.batch():
            events = [*deposits(1, 2, 1), LargeDeposited(amount=3), Renamed()]
            await fresh.settle(events)
            assert spied.loaded() == [["1", "2", "3", "x"]]
            for key, row in {"1": Balance("1"), "2": None, "3": None, "x": None}.items():
                assert await table.get(key) == row
            table.put(Balance("2"))
            await fresh.settle([*events, *deposits(4)])
            assert spied.loaded() == [["4"]]
            assert await table.get("2") == Balance("2")

        assert [each.account_id for each in await spied.table(table).query()] == ["1", "2"]

    async def test_keys_of_several_columns_are_prefetched_as_tuples(
        self, spied: SpiedStore
    ) -> None:
        one, two = date(2026, 1, 1), date(2026, 1, 2)
        found: list[Any] = [(one, 1), [(one, 2), (two, 1)], ((two, 2), (one, 1)), (), None]
        table = Table(
            Booking, key=["day", "number"], prefetch={Deposited: lambda e: found[e.amount]}
        )
        driver = Driver(spied, table)
        async with driver.batch():
            await driver.opened[0].prefetch(deposits(0, 1, 2, 3, 4))

        ((_, keys),) = [each for each in spied.asked if each[0] == "load"]
        assert keys == [
            (f"2026-01-0{day}", number) for day, number in [(1, 1), (1, 2), (2, 1), (2, 2)]
        ]

    # everything together

    @settings(
        max_examples=120, suppress_health_check=[HealthCheck.differing_executors], deadline=None
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(
                    ["put", "change", "delete", "get", "find", "all", "settle", "prefetch"]
                ),
                st.integers(0, 4),
                st.sampled_from(["Ada", "Bob", None]),
            ),
            max_size=60,
        ),
        sizes=st.lists(st.integers(1, 12) | st.just(1000), min_size=1, max_size=8),
        fails=st.sets(st.integers(0, 7)),
        cached_rows=st.integers(1, 6),
        restarts=st.sets(st.integers(0, 7)),
    )
    async def test_whatever_batches_do_a_table_is_a_dict(
        self,
        steps: list[tuple[str, int, str | None]],
        sizes: list[int],
        fails: set[int],
        cached_rows: int,
        restarts: set[int],
    ) -> None:
        store = SpiedStore(self.make_store())
        table = accounts(cached_rows=cached_rows, prefetch={Deposited: lambda e: str(e.amount)})
        driver, kept = Driver(store, table), dict[str, tuple[str | None, int]]()
        number = 0
        while steps:
            size = sizes[number % len(sizes)]
            now, steps = steps[:size], steps[size:]
            if number in restarts:
                driver = Driver(store, table)
            model = dict(kept)
            try:
                async with driver.batch():
                    for step in now:
                        await self._step(driver, table, model, *step)
                    if number in fails:
                        raise OSError("no")
                kept = model
            except OSError:
                assert number in fails
            found = await store.table(table).query()
            assert [(each.account_id, (each.owner, each.balance)) for each in found] == sorted(
                kept.items()
            )
            number += 1

    @settings(
        max_examples=120, suppress_health_check=[HealthCheck.differing_executors], deadline=None
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["put", "change", "delete", "get", "all", "settle"]),
                st.sampled_from("ab"),
                st.sampled_from(["one", "two", None]),
            ),
            max_size=12,
        ),
        sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
        cached_rows=st.integers(1, 3),
    )
    async def test_however_events_are_batched_the_same_writes_are_refused(
        self, steps: list[tuple[str, str, str | None]], sizes: list[int], cached_rows: int
    ) -> None:
        store, table = self.make_store(), accounts(cached_rows=cached_rows)
        driver, owners = Driver(store, table), dict[str, str | None]()
        number, is_refused = 0, False
        while steps and not is_refused:
            now, steps = steps[: sizes[0]], steps[sizes[0] :]
            sizes = [*sizes[1:], sizes[0]]
            is_refused = any([self._is_refused(owners, *each) for each in now])  # noqa: C419 - every one counts
            try:
                async with driver.batch():
                    for what, key, segment in now:
                        number += 1
                        driver.segment(segment)
                        await self._write_as(driver, table, what, key, number)
            except CrossSegmentWrite:
                assert is_refused
            else:
                assert not is_refused

    @staticmethod
    def _is_refused(
        owners: dict[str, str | None], what: str, key: str, segment: str | None
    ) -> bool:
        is_write = what in ("put", "delete") or (what == "change" and key in owners)
        is_foreign = None not in (owners.get(key), segment) and owners[key] != segment
        if what == "put":
            owners.setdefault(key, segment)
        elif what == "delete":
            owners.pop(key, None)
        return is_write and is_foreign

    @staticmethod
    async def _write_as(
        driver: Driver, table: Table[Balance], what: str, key: str, number: int
    ) -> None:
        match what:
            case "put":
                table.put(Balance(key, None, number))
            case "change":
                if (row := await table.get(key)) is not None:
                    row.balance = -number
            case "delete":
                table.delete(key)
            case "get":
                await table.get(key)
            case "all":
                await table.query()
            case _:
                await driver.settle()

    async def _step(
        self,
        driver: Driver,
        table: Table[Balance],
        model: dict[str, tuple[str | None, int]],
        what: str,
        number: int,
        owner: str | None,
    ) -> None:
        key = str(number)
        match what:
            case "put":
                table.put(Balance(key, owner, number))
                model[key] = owner, number
            case "change":
                if (row := await table.get(key)) is not None:
                    row.owner, row.balance = owner, row.balance + 1
                    model[key] = owner, model[key][1] + 1
            case "delete":
                table.delete(key)
                model.pop(key, None)
            case "get":
                row = await table.get(key)
                assert (None if row is None else (row.owner, row.balance)) == model.get(key)
            case "find":
                found = await table.query({"owner": owner}, limit=number)
                keys = sorted(each for each in model if model[each][0] == owner)[:number]
                assert [each.account_id for each in found] == keys
                for row in found:
                    row.balance += 1
                    model[row.account_id] = owner, row.balance
            case "all":
                found = await table.query(after=key)
                assert [(each.account_id, (each.owner, each.balance)) for each in found] == [
                    each for each in sorted(model.items()) if each[0] > key
                ]
            case "settle":
                await driver.settle()
            case _:
                await driver.settle(deposits(number))
