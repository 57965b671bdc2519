"""Which events a projection applied, as a count and a sum that do not depend on order.

A recorded event weighs the cube of its position, a bare event the CRC-32 of its id. Cubes add
up over a run of positions in closed form, so a million events in a row cost one multiplication;
two shares of a log add up to the whole, and a lost or doubled event changes the sum.
"""

from collections.abc import Iterable
from zlib import crc32

_MASK = 2**64 - 1


def weight_of_run(start: int, stop: int) -> int:
    """Return the weight of the positions from `start` (inclusive) to `stop` (exclusive)."""
    return (_cubes_below(stop) - _cubes_below(start)) & _MASK


def weight_of_ids(event_ids: Iterable[str]) -> int:
    """Return the weight of bare events."""
    return sum(map(crc32, map(str.encode, event_ids)))


def weights_added(*weights: int) -> int:
    """Return the sum of `weights`, modulo 2**64."""
    return sum(weights) & _MASK


def _cubes_below(stop: int) -> int:
    return (stop * (stop - 1) // 2) ** 2
