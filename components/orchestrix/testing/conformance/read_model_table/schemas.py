"""Tables of another shape, or of another projection."""

from dataclasses import field, make_dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orchestrix.read_models import SchemaChanged, Table, TableStore, TableTaken
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import (
    Balance,
    Booking,
    Color,
    accounts,
)
from orchestrix.testing.conformance.read_model_table.suite import ReadModelTableSuite


class Schemas(ReadModelTableSuite):
    """Schema and ownership."""

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
