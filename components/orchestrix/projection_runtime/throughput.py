"""How fast a projection is at present."""

from collections import deque
from collections.abc import Callable
from typing import Final

SECONDS: Final = 10.0
"""How far back is looked."""


class Throughput:
    """Counts events over the last :data:`SECONDS`.

    Args:
        clock: Seconds that never go backwards.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, float, int]] = deque()

    def add(self, events: int, since: float) -> None:
        """Count events that were handled from `since`, by the clock, until now."""
        self._counts.append((since, self._clock(), events))
        self._forget()

    def per_second(self) -> float:
        """Return events per second since the oldest that counts was begun; 0 for none."""
        self._forget()
        if not self._counts:
            return 0.0
        seconds = self._clock() - self._counts[0][0]
        return sum(events for _, _, events in self._counts) / seconds if seconds > 0 else 0.0

    def _forget(self) -> None:
        oldest = self._clock() - SECONDS
        while self._counts and self._counts[0][1] < oldest:
            self._counts.popleft()
