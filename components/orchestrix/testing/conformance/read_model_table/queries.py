"""Queries by key and index."""

from collections.abc import Sequence
from dataclasses import make_dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from orchestrix.read_models import QueryError, RowError, Table, TableStore
from orchestrix.testing.conformance.read_model_table.driver import Driver
from orchestrix.testing.conformance.read_model_table.samples import (
    Balance,
    Everything,
    Level,
    Shape,
    accounts,
)
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Queries(ReadModelTableSuite):
    """Rows that are asked for."""

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
