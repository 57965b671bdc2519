"""Measure what we promise to be fast.

``uv run --group benchmarks development/benchmarks [WORD ...]`` prints a table of ratios: the
time of the barest way to do the work, divided by ours. With words, only works with one of them
in their name. Without the group, other libraries are left out.
"""

import os
import platform
import sys
from datetime import UTC, datetime

import dispatch
import memory
import messages
import sqlite_events
import sqlite_projection
from measure import REPEATS, Figure, measure
from rich.console import Console
from rich.table import Table


def main(words: list[str]) -> int:
    """Measure and print."""
    modules = (messages, dispatch, memory, sqlite_events, sqlite_projection)
    works = [work for module in modules for work in module.works()]
    chosen = [each for each in works if not words or any(word in each.name for word in words)]
    table = Table(title=_machine())
    for column in ("work", "ours ns", "reference ns", "ratio", "goal", "spread"):
        table.add_column(column, justify="left" if column == "work" else "right")
    for work in chosen:
        table.add_row(*_cells(measure(work)))
    console = Console(width=120)
    console.print(table)
    if any(work.name.startswith("SQLite") for work in chosen):
        sizes = sqlite_events.bytes_per_event().items()
        console.print("Bytes per event:", ", ".join(f"{name} {size:.0f}" for name, size in sizes))
    return 0


def _cells(figure: Figure) -> list[str]:
    goal = figure.work.goal
    verdict = "" if goal is None else f"{goal:.2f} {'ok' if figure.ratio >= goal else 'MISSED'}"
    return [
        figure.work.name,
        f"{figure.ours_ns:,.0f}",
        f"{figure.reference_ns:,.0f}",
        f"{figure.ratio:.2f}",
        verdict,
        f"{figure.lowest:.2f} to {figure.highest:.2f}",
    ]


def _machine() -> str:
    python = platform.python_version()
    cores = os.cpu_count()
    today = datetime.now(UTC).date()
    return f"{today}, Python {python}, {platform.machine()}, {cores} cores, median of {REPEATS}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
