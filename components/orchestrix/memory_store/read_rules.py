"""What a reader may ask of the log."""

import math
from collections.abc import Collection

from orchestrix.eventsourcing import InvalidRange, check_range


def check_wait(after_position: int, timeout: float) -> None:
    """Raise InvalidRange unless one can wait so long, in seconds, for what lies after there."""
    check_range("after_position", after_position, 0)
    known = isinstance(timeout, int | float) and not isinstance(timeout, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
    if not known or math.isnan(timeout) or timeout < 0:
        raise InvalidRange(f"timeout is a number of seconds from 0 on, found {timeout!r}")


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
