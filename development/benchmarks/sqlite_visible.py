"""From an append to its row in the read model: the time until ``wait_for`` returns, in ms."""

import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from measure import Observation
from messages import Deposited
from sqlite_models import with_table

from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.sqlite_store import SQLiteEventStore, open_sqlite_projections, open_sqlite_store

HERE, THERE, RESTED = 300, 60, 8
LONGEST_REST = 0.2
AFTER_REST = f"{RESTED} after a rest"
FOLLOWER = Path(__file__).with_name("follower.py")

Observe = Callable[[Path], Coroutine[Any, Any, dict[str, float]]]


def works() -> list[Observation]:
    """What is measured here, each time with a new file.

    Appends follow one upon the other, so that nobody has begun to look less often for them; some
    come after a rest, when a process that only looks has.
    """
    name = "SQLite append to visible"
    goals = {"p50 ms": 5.0, "p99 ms": 25.0}
    far_goals = {"p99 ms": 100.0, f"p99 ms, {AFTER_REST}": 100.0}
    return [
        Observation(f"{name}, one process", HERE, lambda: _observed(_here), goals),
        Observation(f"{name}, two processes", THERE, lambda: _observed(_there), far_goals),
    ]


def _observed(observe: Observe) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(observe(Path(folder) / "events.db"))


async def _here(file: Path) -> dict[str, float]:
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        runner = ProjectionRunner(store, [with_table(states, "balances")])
        async with runner.running():
            return _figures(await _times(store, runner, HERE))


async def _there(file: Path) -> dict[str, float]:
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        runner = ProjectionRunner(store, [with_table(states, "balances")])  # not run here
        with _follower(file):
            busy = _figures(await _times(store, runner, THERE))
            rested = _figures(await _times(store, runner, RESTED, LONGEST_REST))
    return busy | {f"{name}, {AFTER_REST}": figure for name, figure in rested.items()}


def _figures(times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {"p50 ms": cuts[49] * 1e3, "p99 ms": cuts[98] * 1e3}


async def _times(
    store: SQLiteEventStore, runner: ProjectionRunner, count: int, longest_rest: float = 0.0
) -> list[float]:
    """Append again and again, each time after a rest; return the seconds until it was visible."""
    await _visible(store, runner, 0)  # it may have to start first
    chance = random.Random(count)  # noqa: S311 - repeatable
    times: list[float] = []
    for at in range(count):
        await asyncio.sleep(longest_rest * chance.random())
        times.append(await _visible(store, runner, at))
    return times


async def _visible(store: SQLiteEventStore, runner: ProjectionRunner, at: int) -> float:
    account = f"account-{at % 100}"
    event = Deposited(account_id=account, amount=at)
    began = perf_counter()
    await runner.wait_for(await store.append(account, [event]), timeout=30)
    return perf_counter() - began


@contextmanager
def _follower(file: Path) -> Generator[None, None, None]:
    """Let another process keep the read model up to date meanwhile."""
    child = subprocess.Popen([sys.executable, str(FOLLOWER), str(file)])
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
