"""Any calls in any order, through several handles on one file."""

import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.sqlite_store import open_sqlite_store
from orchestrix.testing.conformance.event_store_model import EventStoreMachine


class SQLiteMachine(EventStoreMachine):
    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        super().__init__()

    def opened(self) -> AbstractAsyncContextManager[AsyncEventStore]:
        return open_sqlite_store(Path(self.folder.name) / "events.db", synchronous="NORMAL")

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


def test_the_store_does_what_the_in_memory_store_does() -> None:
    run_state_machine_as_test(
        SQLiteMachine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
