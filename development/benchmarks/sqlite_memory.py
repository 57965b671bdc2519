"""How much memory a catch-up into a table takes when fewer rows are kept than there are.

``python sqlite_memory.py FILE NAME`` catches a new projection up and prints by how many MB its
process grew at the most. Linux tells; elsewhere nothing is measured.
"""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

from measure import Observation
from sqlite_logs import EVENTS, KEYS, log_of
from sqlite_models import with_table

from orchestrix.projection_runtime import ProjectionRunner
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store

CACHED_ROWS = 1000
STATUS = Path("/proc/self/status")

_numbers = count(1)


def works() -> list[Observation]:
    """What is measured here: a log, and one of a tenth of its events."""
    if not STATUS.exists():
        return []
    name = f"SQLite catch-up, memory, {KEYS:,} keys, {CACHED_ROWS:,} rows kept"
    return [Observation(name, EVENTS, _observe)]


def _observe() -> dict[str, float]:
    few, many = _growth(EVENTS // 10), _growth(EVENTS)
    return {f"MB, {EVENTS // 10:,} events": few, f"MB, {EVENTS:,} events": many,
            "MB for MB": many / few}  # fmt: skip


def _growth(events: int) -> float:
    file, name = log_of(events, KEYS), f"in_memory_{next(_numbers)}"
    command = [sys.executable, __file__, str(file), name]
    return float(subprocess.check_output(command, text=True, timeout=600))


async def main(arguments: Sequence[str]) -> None:
    """Catch up."""
    file, name = arguments
    make = partial(with_table, prefetch=True, cached_rows=CACHED_ROWS)
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        runner = ProjectionRunner(store, [make(states, name)])
        before = _megabytes("VmRSS")
        await runner.catch_up()
        print(_megabytes("VmHWM") - before)


def _megabytes(field: str) -> float:
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[field].split()[0]) / 1024


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
