"""Rows or keys in groups of few sizes, so that few statements are prepared and kept."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_SIZES = (100, 10, 1)


def groups(items: Sequence[T], width: int, most_values: int) -> Iterator[Sequence[T]]:
    """Yield `items` in groups.

    Args:
        items: What is grouped.
        width: How many values each of them has.
        most_values: How many a statement may have.
    """
    start = 0
    for size in _SIZES:
        if size == 1 or size * width <= most_values:
            while start + size <= len(items):
                yield items[start : start + size]
                start += size
