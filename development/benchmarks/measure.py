"""Measuring two ways of doing the same work, interleaved, or one by itself; what came out."""

import gc
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REPEATS = 7


@dataclass(frozen=True, slots=True)
class Work:
    """Something we do, and the same done as barely as possible.

    Attributes:
        name: What is done.
        units: How many times, in one run.
        ours: Does it and returns the seconds it took.
        reference: Does it barely and returns the seconds it took.
        goal: The least ratio of reference to ours that we want; None: just to know.
    """

    name: str
    units: int
    ours: Callable[[], float]
    reference: Callable[[], float]
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """Something we do that is measured by itself, beside no other way to do it.

    Attributes:
        name: What is done.
        units: How many times, in one run.
        observe: Does it and returns figures, each under its name.
        goals: The most that we want of some of them.
    """

    name: str
    units: int
    observe: Callable[[], Mapping[str, float]]
    goals: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Observed:
    """One figure that came out of an :class:`Observation`: its median, and its spread."""

    work: Observation
    name: str
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What came out of one :class:`Work`: medians, and the spread of the ratio."""

    work: Work
    ours_ns: float
    reference_ns: float
    ratio: float
    lowest: float
    highest: float


def measure(work: Work) -> Figure:
    """Run both sides by turns, so that what else the machine does hits both alike."""
    work.ours()  # what is made on first use is made now
    pairs = [_pair(work) for _ in range(REPEATS)]
    ratios = [reference / ours for ours, reference in pairs]
    return Figure(
        work,
        statistics.median(ours for ours, _ in pairs) / work.units * 1e9,
        statistics.median(reference for _, reference in pairs) / work.units * 1e9,
        statistics.median(ratios),
        min(ratios),
        max(ratios),
    )


def observed(work: Observation) -> list[Observed]:
    """Observe it again and again."""
    runs = [work.observe() for _ in range(REPEATS)]
    values = {name: [run[name] for run in runs] for name in runs[0]}
    return [
        Observed(work, name, statistics.median(each), min(each), max(each))
        for name, each in values.items()
    ]


def _pair(work: Work) -> tuple[float, float]:
    gc.collect()
    ours = work.ours()
    gc.collect()
    return ours, work.reference()
