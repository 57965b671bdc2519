"""What a batch does with rows."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from orchestrix.read_models import QueryError, RowError, Table, TableStore
from orchestrix.testing.conformance.deposits import Deposited
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance, Booking
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Batches(ReadModelTableSuite):
    """Rows are loaded once and written once."""

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
