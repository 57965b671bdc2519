"""Values as texts that fit on a line, and how two of them differ."""

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice
from pprint import pformat
from typing import Final

WIDTH: Final = 160
"""Characters of a value that are shown."""

LINES: Final = 40
"""Lines of a difference that are shown."""


def shown(value: object, at: int = 0) -> str:
    """Return the repr of `value`, or of a long one the part around the character `at`."""
    return _part(_repr(value), at)


def expected_and_found(name: str, expected: object, found: object) -> list[str]:
    """Return two lines that say how a value differs, aligned."""
    one, other = _repr(expected), _repr(found)
    if one == other:
        one, other = (f"{one}, a {type(each).__qualname__}" for each in (expected, found))
        if one == other:
            other += " that is not equal to it"
    pairs = enumerate(zip(one, other, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    blank = " " * len(name)
    return [f"    {name}: expected {_part(one, at)}", f"    {blank}     found {_part(other, at)}"]


def differing_lines(expected: object, found: object) -> list[str]:
    """Return the lines in which two values differ; both values, when each fits on one."""
    one, other = (pformat(each, width=80).splitlines() for each in (expected, found))
    if max(len(one), len(other)) == 1 or one == other:
        return expected_and_found("it", expected, found)
    lines = difflib.unified_diff(one, other, "expected", "found", lineterm="", n=2)
    return [f"    {_part(each, 0)}" for each in lines if not each.startswith("@@")]


def joined(title: str, lines: Sequence[str]) -> str:
    """Return a text of several lines, not too many of them."""
    left_out = len(lines) - LINES
    more: Iterable[str] = [f"    ... and {left_out} lines more"] if left_out > 0 else []
    return "\n".join([title, *islice(lines, LINES), *more])


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the difference is to be told, not this
        return f"<{type(value).__qualname__}, whose repr raises {type(error).__qualname__}>"


def _part(text: str, at: int) -> str:
    if len(text) <= WIDTH:
        return text
    start = max(0, min(at - WIDTH // 4, len(text) - WIDTH))
    end = start + WIDTH
    before, after = "..." if start else "", "..." if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"
