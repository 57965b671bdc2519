"""A file of an older schema is brought to today's, whole or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrix.eventsourcing import StorageError, StoreUnusable
from orchestrix.sqlite_store import database, open_sqlite_store, sql
from orchestrix.testing.conformance.event_store import counted

TODAY = len(sql.MIGRATIONS)
TABLES = set(sql.OWN_NAMES)


@pytest.fixture
async def old(tmp_path: Path) -> Path:
    """A file of the schema before the steps that a test adds."""
    async with open_sqlite_store(tmp_path / "events.db") as store:
        await store.append("a", counted(1, 2))
    return tmp_path / "events.db"


def found_in(file: Path) -> tuple[int, set[str]]:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, {name for (name,) in connection.execute(sql.TABLES)}


def later_schemas(monkeypatch: pytest.MonkeyPatch, *steps: tuple[str, ...]) -> None:
    monkeypatch.setattr(sql, "MIGRATIONS", (*sql.MIGRATIONS, *steps))


async def test_the_steps_that_are_missing_are_made_in_order(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_schemas(
        monkeypatch, ("CREATE TABLE one (x)",), ("ALTER TABLE one RENAME TO two", "DROP TABLE two")
    )
    async with open_sqlite_store(old) as store:
        assert len(await store.load("a")) == 2

    assert found_in(old) == (TODAY + 2, TABLES)
    async with open_sqlite_store(old):  # and not made again
        pass


async def test_a_step_that_fails_leaves_the_old_schema(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        later_schemas(patch, ("CREATE TABLE one (x)",), ("CREATE TABLE events (x)",))
        with pytest.raises(StoreUnusable, match=r"\(table events already exists\); rename that"):
            async with open_sqlite_store(old):
                pass

    assert found_in(old) == (TODAY, TABLES)
    async with open_sqlite_store(old) as store:
        assert len(await store.load("a")) == 2


async def test_a_step_that_fails_otherwise_is_told(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_schemas(monkeypatch, ("CREATE NONSENSE",))
    with pytest.raises(StorageError, match="syntax error"):
        async with open_sqlite_store(old):
            pass

    assert found_in(old) == (TODAY, TABLES)


async def test_a_new_file_goes_through_all_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_schemas(monkeypatch, ("CREATE TABLE later (x)",))
    async with open_sqlite_store(tmp_path / "new.db"):
        pass

    assert found_in(tmp_path / "new.db") == (TODAY + 1, {*TABLES, "later"})


async def test_a_file_is_migrated_once_although_another_process_was_faster(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_schemas(monkeypatch, ("CREATE TABLE later (x)",))
    async with open_sqlite_store(old):
        pass
    asked: list[Any] = []

    def of_before(connection: sqlite3.Connection) -> int:
        asked.append(connection)
        return TODAY if len(asked) < 3 else real(connection)

    real = database._schema_version
    monkeypatch.setattr(database, "_schema_version", of_before)
    async with open_sqlite_store(old):
        pass

    assert found_in(old) == (TODAY + 1, {*TABLES, "later"})
