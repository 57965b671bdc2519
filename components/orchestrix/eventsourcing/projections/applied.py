"""Which events a projection applied, as a count and a sum that do not depend on order.

A recorded event weighs the cube of its position, a bare event the CRC-32 of its id. Cubes add
up over a run of positions in closed form, so a million events in a row cost one multiplication;
two shares of a log add up to the whole, and a lost or doubled event changes the sum.
"""

from collections.abc import Collection
from zlib import crc32

_MASK = 2**64 - 1


def weight_of_run(start: int, stop: int) -> int:
    """Return the weight of the positions from `start` (inclusive) to `stop` (exclusive)."""
    return (_cubes_below(stop) - _cubes_below(start)) & _MASK


def weight_of_ids(event_ids: Collection[str]) -> int:
    """Return the weight of bare events."""
    try:
        return sum(map(crc32, map(str.encode, event_ids)))
    except UnicodeEncodeError:  # any text is an id, a lone surrogate too
        return sum(crc32(each.encode("utf-8", "surrogatepass")) for each in event_ids)


def weight_kept(weight: int) -> int:
    """Return `weight` modulo 2**64."""
    return weight & _MASK


def _cubes_below(stop: int) -> int:
    return (stop * (stop - 1) // 2) ** 2
