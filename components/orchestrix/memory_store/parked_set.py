"""What one projection in memory has set aside: a value, but for the transaction that makes it."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from heapq import merge
from typing import NamedTuple

from orchestrix.projection_state import DiscardedEvent, KeyRequest, NotParked, ParkedKey


class _Kept(NamedTuple):
    """A key, and the positions of its events, ascending."""

    parked: ParkedKey
    positions: tuple[int, ...] = ()


class ParkedSet:
    """Keys with their events, and the events that were given up."""

    def __init__(self, projection_id: str) -> None:
        self._projection_id = projection_id
        self._keys: dict[str, _Kept] = {}
        self._discarded: dict[int, DiscardedEvent] = {}

    def copy(self) -> "ParkedSet":
        """Return one that changes without this one."""
        made = ParkedSet(self._projection_id)
        made._keys, made._discarded = self._keys.copy(), self._discarded.copy()
        return made

    def keys(self) -> list[ParkedKey]:
        """Return all keys, by the positions of their first events."""
        return sorted(map(_counted, self._keys.values()), key=lambda each: each.position)

    def positions(self, key: str, after_position: int, limit: int) -> tuple[int, ...]:
        """Return positions of a key's events, ascending, after a position."""
        if key not in self._keys:
            return ()
        found = self._keys[key].positions
        start = bisect_right(found, after_position)
        return found[start : start + limit]

    def between(self, first: int, last: int) -> ParkedKey | None:
        """Return the key of the first event from `first` to `last`, both inclusive."""
        found: list[tuple[int, str]] = []
        for key, (_, positions) in self._keys.items():
            place = bisect_left(positions, first)
            if place < len(positions) and positions[place] <= last:
                found.append((positions[place], key))
        return _counted(self._keys[min(found)[1]]) if found else None

    def discarded(self, after_position: int, limit: int) -> list[DiscardedEvent]:
        """Return events that were given up, by position, after a position."""
        positions = sorted(each for each in self._discarded if each > after_position)
        return [self._discarded[each] for each in positions[:limit]]

    def save(self, parked: ParkedKey) -> None:
        """Keep a key in place of what is known of it, but for its events and its request."""
        kept = self._keys.get(parked.key)
        request, reason = (kept.parked.request, kept.parked.reason) if kept else (None, None)
        positions = kept.positions if kept else ()
        saved = replace(parked, request=request, reason=reason)
        self._keys[parked.key] = _Kept(saved, positions)

    def add(self, events: Collection[tuple[str, int]]) -> None:
        """Set events aside with keys that were saved."""
        added: dict[str, set[int]] = {}
        for key, position in events:
            if key not in self._keys:
                raise NotParked(self._projection_id, key)
            added.setdefault(key, set()).add(position)
        for key, positions in added.items():
            parked, known = self._keys[key]
            new = sorted(positions.difference(known))
            self._keys[key] = _Kept(parked, tuple(merge(known, new)))

    def release(self, key: str, through: int) -> None:
        """Forget events of a key up to a position, inclusive; and the key with the last."""
        if key not in self._keys:
            return
        parked, positions = self._keys.pop(key)
        if left := positions[bisect_right(positions, through) :]:
            self._keys[key] = _Kept(replace(parked, position=left[0], attempts=0, delay=0), left)

    def request(self, key: str, request: KeyRequest, reason: str | None) -> None:
        """Note what somebody asks for."""
        if key not in self._keys:
            raise NotParked(self._projection_id, key)
        self._ask(key, request, reason)

    def answer(self, key: str, request: KeyRequest) -> None:
        """Forget a request, if it is this one."""
        if key in self._keys and self._keys[key].parked.request == request:
            self._ask(key, None, None)

    def discard(self, key: str, reason: str, at: datetime) -> int:
        """Give the events of a key up, and forget it; return how many."""
        if key not in self._keys:
            return 0
        _, positions = self._keys.pop(key)
        for each in positions:
            self._discarded[each] = DiscardedEvent(
                projection_id=self._projection_id,
                key=key,
                position=each,
                reason=reason,
                discarded_at=at,
            )
        return len(positions)

    def clear(self) -> None:
        """Forget everything."""
        self._keys.clear()
        self._discarded.clear()

    def _ask(self, key: str, request: KeyRequest | None, reason: str | None) -> None:
        parked, positions = self._keys[key]
        self._keys[key] = _Kept(replace(parked, request=request, reason=reason), positions)


def _counted(kept: _Kept) -> ParkedKey:
    return replace(kept.parked, events=len(kept.positions))
