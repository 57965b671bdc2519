"""Killing processes at random moments, as often and with the choices that the environment says."""

import os
import random
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess

SEED = int(os.environ.get("ORCHESTRIX_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
KILLS = int(os.environ.get("ORCHESTRIX_CHAOS_KILLS") or 200)

TIMEOUT = 120 + KILLS
"""Seconds for all kills of a test: each takes less than one."""

LONGEST_LIFE = 0.3
"""Seconds, from before a file is open to long after a process is at work."""


def kill_each(children: Sequence[ForkServerProcess], chance: random.Random) -> None:
    """Kill each process when its time has come, and see that none ended by itself."""
    began = time.monotonic()
    ends = sorted(chance.uniform(0, LONGEST_LIFE) for _ in children)
    for child, end in zip(children, ends, strict=True):
        time.sleep(max(0, began + end - time.monotonic()))  # the moment is what is tried
        child.kill()
    for child in children:
        child.join()
        assert child.exitcode == -9, "a process ended by itself; its error is above"
