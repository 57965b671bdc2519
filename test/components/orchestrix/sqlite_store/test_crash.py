"""SIGKILL at any moment: what was answered is there, what was not is there whole or not at all."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from chaos import KILLS, SEED, TIMEOUT, kill_each, longest_life
from children import Entry, Journal, append_until_killed, started

from orchestrix.messaging import RecordedEvent
from orchestrix.sqlite_store import open_sqlite_store
from orchestrix.testing.conformance.event_store import log_of

ROUNDS_OF_A_FILE = 8


def check(log: list[RecordedEvent], entries: list[Entry]) -> None:
    """Compare the log with what the processes noted."""
    of_id = {each.id: each for each in log}
    assert len(of_id) == len(log), "an event is there twice"
    assert [each.position for each in log] == list(range(1, len(log) + 1))
    versions: dict[str, int] = {}
    for each in log:
        assert each.version == versions.get(each.stream_id, 0)
        versions[each.stream_id] = each.version + 1
    for entry in entries:
        found = [
            (of_id[each].stream_id, of_id[each].version) for each in entry.ids if each in of_id
        ]
        if entry.answered or found:
            first = of_id[entry.ids[0]].version
            assert found == [(entry.stream_id, first + at) for at in range(len(entry.ids))], entry
        if entry.answered:
            last = of_id[entry.ids[-1]]
            assert (last.version, last.position) == (entry.last_version, entry.last_position)
    assert of_id.keys() <= {each for entry in entries for each in entry.ids}, "nobody wrote that"


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("seed", [SEED])  # so that a failure names it
async def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    kills = rounds = 0
    alone = tmp_path / "journal-alone"
    child = started(append_until_killed, tmp_path / "alone.db", alone, chance.random())
    longest = longest_life(child, lambda: any(each.answered for each in Journal(alone).entries()))
    answered: dict[Path, int] = {}
    while kills < KILLS:
        folder = tmp_path / str(rounds // ROUNDS_OF_A_FILE)
        folder.mkdir(exist_ok=True)
        count = chance.choice([1, 4])
        journals = [folder / f"journal-{which}" for which in range(count)]
        path = folder / "events.db"
        children = [started(append_until_killed, path, each, chance.random()) for each in journals]
        kill_each(children, chance, longest)
        kills, rounds = kills + count, rounds + 1
        entries = [each for path in folder.glob("journal-*") for each in Journal(path).entries()]
        async with open_sqlite_store(path) as store:
            check(await log_of(store), entries)
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        answered[folder] = sum(entry.answered for entry in entries)

    assert sum(answered.values()) > 0, "they were killed before they could append"
