"""Rows kept in memory, and rows loaded before they are asked for."""

import asyncio
from datetime import date
from typing import Any

import pytest

from orchestrix.read_models import Table
from orchestrix.testing.conformance.deposits import Deposited, LargeDeposited, Renamed, deposits
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance, Booking, accounts
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Cache(ReadModelTableSuite):
    """The cache and prefetching."""

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
