"""What a reader may ask of a store, free of I/O."""

import math
import sys
from collections.abc import Collection

from orchestrix.eventsourcing.append_rules import check_range, is_unicode
from orchestrix.eventsourcing.errors import InvalidRange


def seconds_to_wait(after_position: int, timeout: float) -> float:
    """Return `timeout` as :func:`checked_seconds` does.

    Raises:
        InvalidRange: One cannot wait so long, or for what lies after there.
    """
    check_range("after_position", after_position, 0)
    return checked_seconds("timeout", timeout)


def checked_seconds(name: str, seconds: float) -> float:
    """Return `seconds`, which are for ever when there are more than a float can say.

    Raises:
        InvalidRange: It is not a number from 0 on; `name` says what it was given for.
    """
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
    if not known or not seconds >= 0:  # not a number is not
        raise InvalidRange(f"{name} is a number of seconds from 0 on, found {seconds!r}")
    return math.inf if seconds > sys.float_info.max else seconds


def chosen(name: str, texts: Collection[str] | None) -> frozenset[str] | None:
    """Return what the filter `name` lets through, None for everything.

    Raises:
        InvalidRange: The filter is one text, which holds its letters, holds other things, or is
            an iterator, of which nothing is left when it has been looked at.
    """
    if texts is None:
        return None
    several = isinstance(texts, Collection) and not isinstance(texts, str)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
    if not (several and all(isinstance(each, str) for each in texts)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidRange(f"{name} is a collection of texts like {{'opened'}}, found {texts!r}")
    return frozenset(texts)


def check_texts(**texts: str) -> None:
    """Raise InvalidRange unless each is a text that a stream id may begin with, or empty."""
    for name, text in texts.items():
        if not isinstance(text, str) or not is_unicode(text) or "\0" in text:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidRange(f"{name} is a text without NUL and lone surrogates, found {text!r}")
