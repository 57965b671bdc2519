"""Several processes on one file."""

import asyncio
from pathlib import Path

import pytest
from children import append_many, append_to_each, barrier, started

from orchestrix.messaging import Event, RecordedEvent
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_store
from orchestrix.testing.conformance.event_store import log_of, tail
from orchestrix.testing.conformance.waiting import LONG

APPENDS = 40
SIZE = 3
PROCESSES = 6
ALL = 4 * APPENDS * SIZE


async def followed(store: SQLiteEventStore) -> list[RecordedEvent]:
    return [each for page in await tail(store, ALL) for each in page.events]


@pytest.mark.parametrize("names", ["abcd", "aabb"])
async def test_who_follows_while_four_processes_write_never_sees_a_smaller_position(
    tmp_path: Path, names: str
) -> None:
    path = tmp_path / "events.db"
    async with open_sqlite_store(path) as store, open_sqlite_store(path) as other:
        children = [started(append_many, path, name, APPENDS, SIZE) for name in names]
        async with asyncio.timeout(6 * LONG):
            of_followers = await asyncio.gather(*map(followed, (store, store, other)))
        for child in children:
            child.join()
        log = await log_of(store)

    assert [each.position for each in log] == list(range(1, ALL + 1))
    assert of_followers == [log] * 3
    for name in set(names):
        versions = [each.version for each in log if each.stream_id == name]
        assert versions == list(range(len(versions)))


async def test_processes_that_open_a_new_file_at_once_make_one_store(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.db" for number in range(15)]
    start = barrier(PROCESSES)
    children = [started(append_to_each, paths, start) for _ in range(PROCESSES)]
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0] * PROCESSES
    for path in paths:
        async with open_sqlite_store(path) as store:
            assert len(await store.streams()) == await store.head() == PROCESSES


async def test_opening_a_file_again_keeps_what_other_processes_may_not_do(tmp_path: Path) -> None:
    """SQLite's locks belong to the process: whoever closes the file drops those of all."""
    path = tmp_path / "events.db"
    async with open_sqlite_store(path) as store:
        async with open_sqlite_store(path):
            pass
        for number in range(2):
            child = started(append_many, path, f"s{number}", 1, 1)
            child.join()
            assert await store.head() == number + 1
        assert (await store.append("a", [Event()])).last_position == 3
