"""Batches that fail, and the end of a batch."""

import asyncio
from contextlib import suppress

import pytest

from orchestrix.read_models import NoBatch, Table, TableStore
from orchestrix.testing.conformance.deposits import Deposited, deposits
from orchestrix.testing.conformance.read_model_table.driver import Broken, Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance, accounts
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Failures(ReadModelTableSuite):
    """All or nothing."""

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
