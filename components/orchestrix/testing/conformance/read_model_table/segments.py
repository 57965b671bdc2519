"""Rows belong to the key of their first writer."""

import pytest

from orchestrix.read_models import CrossSegmentWrite, Table, TableStore
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Segments(ReadModelTableSuite):
    """Segment keys."""

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
