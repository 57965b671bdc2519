"""What one transaction in memory does to parked events."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from orchestrix.memory_store.contents import Contents
from orchestrix.memory_store.parked_set import ParkedSet
from orchestrix.projection_state import (
    KeyRequest,
    ParkedEvents,
    ParkedKey,
    check_request,
    checked_parked,
    in_utc,
)

AnswerT = TypeVar("AnswerT")


class ParkedChanges(ParkedEvents):
    """Changes made to a copy, and once more to what is committed when they are, too.

    So a request that comes meanwhile, from another thread or task, is not lost.
    """

    def __init__(self, projection_id: str, contents: Contents) -> None:
        self._projection_id = projection_id
        self._contents = contents
        self._copy: ParkedSet | None = None
        self._changes: list[Callable[[ParkedSet], object]] = []

    async def keys(self) -> Sequence[ParkedKey]:
        seen = self._contents.parked_by(self._projection_id) if self._copy is None else self._copy
        return seen.keys()

    async def save(self, parked: ParkedKey) -> None:
        checked = checked_parked(self._projection_id, parked)
        self._change(lambda parked: parked.save(checked))

    async def add(self, events: Collection[tuple[str, int]]) -> None:
        added = tuple(events)
        self._change(lambda parked: parked.add(added))

    async def release(self, key: str, through: int) -> None:
        self._change(lambda parked: parked.release(key, through))

    async def answer(self, key: str, request: KeyRequest) -> None:
        check_request(request)
        self._change(lambda parked: parked.answer(key, request))

    async def discard(self, key: str, reason: str, at: datetime) -> int:
        discarded_at = in_utc("at", at)
        return self._change(lambda parked: parked.discard(key, reason, discarded_at))

    async def clear(self) -> None:
        self._change(ParkedSet.clear)

    def committed(self) -> Mapping[str, ParkedSet]:
        """Return what is to be committed, by projection; called by who holds the gate."""
        if not self._changes:
            return {}
        parked = self._contents.parked_by(self._projection_id).copy()
        for change in self._changes:
            change(parked)
        return {self._projection_id: parked}

    def _change(self, change: Callable[[ParkedSet], AnswerT]) -> AnswerT:
        if self._copy is None:
            self._copy = self._contents.parked_by(self._projection_id).copy()
        answer = change(self._copy)
        self._changes.append(change)
        return answer
