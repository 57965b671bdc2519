"""The in-memory event store behind the async port."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from orchestrix.eventsourcing import (
    AppendResult,
    AsyncEventStore,
    Page,
    Snapshot,
    StreamPage,
    seconds_to_wait,
)
from orchestrix.memory_store.store import InMemoryEventStore
from orchestrix.messaging import Event


class InMemoryAsyncEventStore(AsyncEventStore):
    """The async port over an in-memory log; safe for tasks, loops and threads.

    Args:
        store: The sync store whose log this is. What either writes, both read, and an append
            to one from any thread wakes the waiters of both. None: a log of its own.
    """

    def __init__(self, store: InMemoryEventStore | None = None) -> None:
        self._store = InMemoryEventStore() if store is None else store

    @property
    def store_id(self) -> str:
        return self._store.store_id

    async def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        return self._store.append(
            stream_id, events, expected_version=expected_version, metadata=metadata
        )

    async def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        return self._store.read(stream_id, from_version=from_version, limit=limit)

    async def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        return self._store.read_all(
            after_position=after_position, limit=limit, types=types, categories=categories
        )

    async def head(self) -> int:
        return self._store.head()

    async def count_after(self, position: int) -> int:
        return self._store.count_after(position)

    async def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        return self._store.streams(prefix, after=after, limit=limit)

    async def now(self) -> datetime:
        return self._store.now()

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        self._store.save_snapshot(snapshot)

    async def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        return self._store.load_snapshot(aggregate_id)

    async def wait_for_events(self, after_position: int, timeout: float) -> bool:  # noqa: ASYNC109 - the port promises an answer, not a TimeoutError
        seconds = seconds_to_wait(after_position, timeout)
        return await self._store.log.watchers.wait(
            lambda: self._store.head() > after_position, seconds
        )
