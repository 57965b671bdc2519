"""Killing processes at random moments, as often and with the choices that the environment says."""

import os
import random
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess

SEED = int(os.environ.get("ORCHESTRIX_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
KILLS = int(os.environ.get("ORCHESTRIX_CHAOS_KILLS") or 200)

TIMEOUT = 120 + KILLS
"""Seconds for all kills of a test: each takes less than one."""

SHORTEST_LONGEST_LIFE = 0.3
"""Seconds, on a machine that is quick to be at work."""


def longest_life(child: ForkServerProcess, at_work: Callable[[], bool]) -> float:
    """Kill a process that is at work; return seconds from before that to long after it."""
    began = time.monotonic()
    while not at_work():
        assert child.is_alive(), "the process ended by itself; its error is above"
        time.sleep(0.005)  # between two looks
    took = time.monotonic() - began
    child.kill()
    child.join()
    return max(SHORTEST_LONGEST_LIFE, 2 * took)


def kill_each(children: Sequence[ForkServerProcess], chance: random.Random, longest: float) -> None:
    """Kill each process when its time has come, and see that none ended by itself."""
    began = time.monotonic()
    ends = sorted(chance.uniform(0, longest) for _ in children)
    for child, end in zip(children, ends, strict=True):
        time.sleep(max(0, began + end - time.monotonic()))  # the moment is what is tried
        child.kill()
    for child in children:
        child.join()
        assert child.exitcode == -9, "a process ended by itself; its error is above"
