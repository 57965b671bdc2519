"""The SQLite store keeps the promises of every event store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conformance.event_store import EventStoreConformance, HandClock

from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_store


class TestSQLiteEventStore(EventStoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path, clock: HandClock) -> AsyncIterator[SQLiteEventStore]:
        async with open_sqlite_store(tmp_path / "events.db", clock=clock) as store:
            yield store


class TestTwoHandlesOnOneFile(TestSQLiteEventStore):
    @pytest.fixture
    async def rival(
        self, store: SQLiteEventStore, tmp_path: Path
    ) -> AsyncIterator[SQLiteEventStore]:
        async with open_sqlite_store(tmp_path / "events.db") as rival:
            yield rival
