"""Values of columns, there and back."""

from dataclasses import dataclass, make_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from orchestrix.read_models import RowError, Table, TableStore, UnreadableRow
from orchestrix.testing.conformance.deposits import Renamed
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import (
    FULL,
    STORED,
    Balance,
    Color,
    Everything,
    accounts,
    everything,
)
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Values(ReadModelTableSuite):
    """What can be kept."""

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
