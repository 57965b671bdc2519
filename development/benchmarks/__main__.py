"""Measure what we promise to be fast.

``uv run --group benchmarks development/benchmarks [WORD ...]`` prints a table of ratios: the
time of the barest way to do the work, divided by ours; and one of what is measured by itself. With
words, only works with one of them in their name. Without the group, other libraries are left out.
``ORCHESTRIX_BENCHMARK_EVENTS=1000000`` makes rebuilds as long as their goal says.
"""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import aggregates
import dispatch
import memory
import messages
import sqlite_events
import sqlite_memory
import sqlite_projection
import sqlite_rebuild
import sqlite_visible
from measure import REPEATS, Figure, Observation, Observed, Work, measure, observed
from rich.console import Console
from rich.table import Table

WorkT = TypeVar("WorkT", Work, Observation)

RATIOS = ("work", "in one run", "ours ns", "reference ns", "ratio", "goal", "spread")
OBSERVATIONS = ("work", "in one run", "figure", "median", "goal", "spread")


def main(words: list[str]) -> int:
    """Measure and print."""
    compared = (
        messages, dispatch, memory, aggregates, sqlite_events, sqlite_projection, sqlite_rebuild,
    )  # fmt: skip
    works = _chosen([work for module in compared for work in module.works()], words)
    alone = _chosen([*sqlite_visible.works(), *sqlite_memory.works()], words)
    console = Console(width=130)
    if works:
        console.print(_table(RATIOS, [_cells(measure(work)) for work in works]))
    if alone:
        rows = [_observed_cells(each) for work in alone for each in observed(work)]
        console.print(_table(OBSERVATIONS, rows))
    if any(work.name.startswith(("SQLite append,", "SQLite read")) for work in works):
        sizes = sqlite_events.bytes_per_event().items()
        console.print("Bytes per event:", ", ".join(f"{name} {size:.0f}" for name, size in sizes))
    return 0


def _chosen(works: Sequence[WorkT], words: list[str]) -> list[WorkT]:
    return [each for each in works if not words or any(word in each.name for word in words)]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=_machine())
    for column in columns:
        table.add_column(column, justify="left" if column in ("work", "figure") else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _cells(figure: Figure) -> list[str]:
    goal = figure.work.goal
    verdict = "" if goal is None else f"{goal:.2f} {'ok' if figure.ratio >= goal else 'MISSED'}"
    return [
        figure.work.name,
        f"{figure.work.units:,}",
        f"{figure.ours_ns:,.0f}",
        f"{figure.reference_ns:,.0f}",
        f"{figure.ratio:.2f}",
        verdict,
        f"{figure.lowest:.2f} to {figure.highest:.2f}",
    ]


def _observed_cells(figure: Observed) -> list[str]:
    goal = figure.work.goals.get(figure.name)
    verdict = "" if goal is None else f"{goal:.2f} {'ok' if figure.median <= goal else 'MISSED'}"
    return [
        figure.work.name,
        f"{figure.work.units:,}",
        figure.name,
        f"{figure.median:.2f}",
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
