"""Tables of read models on SQLite: the suite of tables."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from orchestrix.sqlite_store import SQLiteProjectionStateStore
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.database import open_database
from orchestrix.testing.conformance.read_model_table import ReadModelTableConformance


class TestTablesOnSQLite(ReadModelTableConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.paths = (tmp_path / f"{number}.db" for number in count())
        self.opened: list[SQLiteProjectionStateStore] = []
        yield
        for each in self.opened:
            each.close()

    @pytest.fixture
    def store(self) -> SQLiteProjectionStateStore:
        return self.make_store()

    def make_store(self) -> SQLiteProjectionStateStore:
        database = open_database(next(self.paths), "NORMAL", 5)
        self.opened.append(SQLiteProjectionStateStore(Connections(database)))
        return self.opened[-1]
