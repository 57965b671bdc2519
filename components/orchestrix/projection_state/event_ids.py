"""Ids in the order they were applied, as a value that grows without being copied."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload


class EventIds(Sequence[str]):
    """An immutable sequence of event ids.

    :meth:`plus` shares the ids with the sequence it extends, so that remembering a million
    ids one by one costs a million steps, not their square.
    """

    __slots__ = ("_ids", "_length")

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = list(ids)
        self._length = len(self._ids)

    def plus(self, ids: Sequence[str]) -> "EventIds":
        """Return these ids and then `ids`."""
        newest = len(self._ids) == self._length
        log = self._ids if newest else self._ids[: self._length]
        log.extend(ids)
        longer = EventIds()
        longer._ids, longer._length = log, self._length + len(ids)
        return longer

    def extends(self, other: "EventIds") -> bool:
        """Say whether these are `other` and what was added by :meth:`plus`; False when in doubt.

        A store that keeps `other` has then only the rest to write.
        """
        return self._ids is other._ids and self._length >= other._length

    def newest(self, count: int) -> "EventIds":
        """Return the last `count` of these ids, or all of them when there are fewer."""
        return EventIds(self._ids[max(0, self._length - count) : self._length])

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return self._ids[: self._length][index]
        place = range(self._length)[index]
        return self._ids[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids[: self._length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventIds) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._length)

    def __repr__(self) -> str:
        return f"<{self._length} event ids>"

    def __reduce__(self) -> tuple[type["EventIds"], tuple[list[str]]]:
        return EventIds, (list(self),)
