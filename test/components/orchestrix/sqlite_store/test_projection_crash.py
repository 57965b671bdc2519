"""SIGKILL in the middle of projecting: read model and checkpoint always agree."""

import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from chaos import KILLS, SEED, TIMEOUT, kill_each, longest_life
from children import Model, Moved, append_and_project_until_killed, balances, started

from orchestrix.messaging import RecordedEvent
from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.sqlite_store import (
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)
from orchestrix.testing.conformance.event_store import log_of

ROUNDS_OF_A_FILE = 8
MODELS: tuple[Model, Model] = ("table", "sql")


def computed(log: Sequence[RecordedEvent]) -> set[tuple[str, int, int]]:
    """What the table should hold, folded anew."""
    amounts: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    for each in log:
        if isinstance(each.event, Moved):
            amounts[each.event.account] += each.event.amount
            moves[each.event.account] += 1
    return {(account, amounts[account], moves[account]) for account in moves}


def rows_in(path: Path) -> set[tuple[str, int, int]]:
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'balances'").fetchone():
            return set()
        return set(connection.execute("SELECT account, amount, moves FROM balances"))


def longest_projecting(path: Path, model: Model) -> float:
    """Return seconds from before a file is open to long after something has been projected."""
    child = started(append_and_project_until_killed, path, path, 0.0, model)
    return longest_life(child, lambda: path.exists() and bool(rows_in(path)))


async def check(log_path: Path, path: Path, checkpoint: int) -> int:
    """Compare the read model with the log up to its checkpoint, and return that."""
    async with open_sqlite_store(log_path) as store, open_sqlite_projections(path) as states:
        log, state = await log_of(store), await states.load_state("balances")
        reached = 0 if state is None else state.last_processed_position
        waiting = await set_aside(states)

        assert rows_in(path) == computed(
            [log[at - 1] for at in range(1, reached + 1) if at not in waiting]
        )
        if state is not None:
            assert state.applied_count == reached - len(waiting)
            assert reached >= checkpoint
    return reached


async def set_aside(states: SQLiteProjectionStateStore) -> set[int]:
    """Positions of events that wait with their keys, of which each has all of its own."""
    found: set[int] = set()
    for key in await states.parked_keys("balances"):
        positions = await states.parked_positions("balances", key.key, limit=10**6)
        assert (positions[0], len(positions)) == (key.position, key.events)
        found.update(positions)
    return found


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("seed", [SEED])  # so that a failure names it
async def test_a_killed_projection_skips_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    kills = rounds = furthest = 0
    longest = longest_projecting(tmp_path / "alone.db", "table")
    checkpoints: dict[Path, int] = {}
    while kills < KILLS:
        folder = tmp_path / str(rounds // ROUNDS_OF_A_FILE)
        folder.mkdir(exist_ok=True)
        log_path = folder / "events.db"
        path = folder / ("events.db", "projections.db")[rounds // ROUNDS_OF_A_FILE % 2]
        model = MODELS[rounds // ROUNDS_OF_A_FILE // 2 % 2]
        count = chance.choice([1, 3])
        children = [
            started(append_and_project_until_killed, log_path, path, chance.random(), model)
            for _ in range(count)
        ]
        kill_each(children, chance, longest)
        kills, rounds = kills + count, rounds + 1
        checkpoints[path] = await check(log_path, path, checkpoints.get(path, 0))
        furthest = max(furthest, checkpoints[path])

    assert furthest > 0, "they were killed before they could project"


@pytest.mark.parametrize("model", MODELS)
async def test_what_is_left_after_the_last_kill_is_caught_up(tmp_path: Path, model: Model) -> None:
    path = tmp_path / "events.db"
    chance = random.Random(SEED)  # noqa: S311 - repeatable
    longest = longest_projecting(tmp_path / "alone.db", model)
    for _ in range(3):
        child = started(append_and_project_until_killed, path, path, chance.random(), model)
        kill_each([child], chance, longest)
    async with open_sqlite_store(path) as store, open_sqlite_projections(path) as states:
        await store.append("account-z", [Moved(account="z", amount=1)])
        runner = ProjectionRunner(store, [balances(states, model)])
        for key in await runner.parked("balances"):
            await runner.retry("balances", key.key)
        await runner.catch_up()
        log, state = await log_of(store), await states.load_state("balances")

    assert state is not None
    assert state.applied_count == len(log)

    assert rows_in(path) == computed(log)
