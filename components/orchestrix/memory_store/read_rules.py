"""What a reader may ask of the log."""

import math
import sys
from collections.abc import Collection

from orchestrix.eventsourcing import InvalidRange, check_range


def seconds_to_wait(after_position: int, timeout: float) -> float:
    """Return `timeout`, which is for ever when it is longer than a float can say.

    Raises:
        InvalidRange: One cannot wait so long, or for what lies after there.
    """
    check_range("after_position", after_position, 0)
    known = isinstance(timeout, int | float) and not isinstance(timeout, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
    if not known or not timeout >= 0:  # not a number is not
        raise InvalidRange(f"timeout is a number of seconds from 0 on, found {timeout!r}")
    return math.inf if timeout > sys.float_info.max else timeout


def chosen(name: str, texts: Collection[str] | None) -> frozenset[str] | None:
    """Return what the filter `name` lets through, None for everything.

    Raises:
        InvalidRange: The filter is one text, which holds its letters, or holds other things.
    """
    if texts is None:
        return None
    several = not isinstance(texts, str)
    if not (several and all(isinstance(each, str) for each in texts)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidRange(f"{name} is a collection of texts like {{'opened'}}, found {texts!r}")
    return frozenset(texts)
