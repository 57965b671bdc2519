"""The SQLite store keeps the promises of every event store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from children import started
from remote_store import RemoteStore, serve, wait_until_served

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_store
from orchestrix.testing.conformance.event_store import EventStoreConformance, HandClock
from orchestrix.testing.conformance.waiting import LONG


class TestSQLiteEventStore(EventStoreConformance):
    @pytest.fixture
    async def store(self, tmp_path: Path, clock: HandClock) -> AsyncIterator[SQLiteEventStore]:
        async with open_sqlite_store(tmp_path / "events.db", clock=clock) as store:
            yield store

    @pytest.fixture(params=["one handle", "two handles", "two processes"])
    async def rival(
        self, request: pytest.FixtureRequest, store: SQLiteEventStore, tmp_path: Path
    ) -> AsyncIterator[AsyncEventStore]:
        match request.param:
            case "one handle":
                yield store
            case "two handles":
                async with open_sqlite_store(tmp_path / "events.db") as rival:
                    yield rival
            case _:
                child = started(serve, tmp_path / "rival", tmp_path / "events.db")
                await wait_until_served(tmp_path / "rival", LONG)
                yield RemoteStore(tmp_path / "rival", store.store_id)
                child.kill()
                child.join()
