"""What is nobody's fault and passes: tried again, after longer and longer pauses."""

from typing import Final

PAUSES: Final = (0.1, 5.0)
"""Seconds between attempts: at first, and at most; they double."""


class Outages:
    """Counts failures in a row of what a projection needs: its store, or the log."""

    def __init__(self) -> None:
        self._count = 0

    def next_pause(self) -> float:
        """Count one more; return the seconds to wait."""
        self._count += 1
        first, longest = PAUSES
        return min(first * 2 ** min(self._count - 1, 30), longest)

    def end(self) -> None:
        """Begin anew: it works."""
        self._count = 0
