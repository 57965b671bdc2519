"""What is under test: a store of tables, watched, and a driver that plays the engine."""

from typing import Any

import pytest

from orchestrix.read_models import Table, TableStore
from orchestrix.testing.conformance.read_model_table.driver import Driver, SpiedStore
from orchestrix.testing.conformance.read_model_table.samples import Balance, accounts
from orchestrix.testing.conformance.suite import Suite


class ReadModelTableSuite(Suite):
    """The fixtures of the suite."""

    @pytest.fixture
    def store(self) -> TableStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    def make_store(self) -> TableStore:
        """Another empty store, for tests that need many."""
        raise NotImplementedError("give make_store()")

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
