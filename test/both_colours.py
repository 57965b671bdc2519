"""A repository over a store of any colour, called in one way."""

import inspect
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orchestrix.eventsourcing import NO_STREAM, AppendResult
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import Event, StreamEvent
from orchestrix.sqlite_store import open_sqlite_store

STORES = ["sync memory", "async memory", "sqlite"]


class Colourless:
    """Calls what a repository has for the colour of its store."""

    def __init__(self, repository: Any) -> None:
        self.repository = repository
        self.store = repository.event_store

    async def load(self, *arguments: Any) -> Any:
        return await self._called("load", *arguments)

    async def save(self, *arguments: Any, **named: Any) -> Any:
        return await self._called("save", *arguments, **named)

    async def execute(self, *arguments: Any, **named: Any) -> Any:
        return await self._called("execute", *arguments, **named)

    async def append(
        self, stream_id: str, events: Sequence[Event], expected_version: int = NO_STREAM
    ) -> AppendResult:
        return await _result(
            self.store.append(stream_id, events, expected_version=expected_version)
        )

    async def stream(self, stream_id: str) -> Sequence[StreamEvent]:
        return (await _result(self.store.read(stream_id))).events

    async def snapshot(self, stream_id: str) -> Any:
        return await _result(self.store.load_snapshot(stream_id))

    def begun(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call the method of the right colour; return its result, or what is to be awaited."""
        colour = "_async" if inspect.iscoroutinefunction(self.store.append) else ""
        return getattr(self.repository, name + colour)(*arguments, **named)

    async def _called(self, name: str, *arguments: Any, **named: Any) -> Any:
        return await _result(self.begun(name, *arguments, **named))


async def _result(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


@asynccontextmanager
async def opened(kind: str, folder: Path) -> AsyncGenerator[Any, None]:
    """Open an empty store of one of the STORES."""
    if kind == "sqlite":
        async with open_sqlite_store(folder / "events.db", synchronous="NORMAL") as store:
            yield store
    else:
        yield InMemoryEventStore() if kind == "sync memory" else InMemoryAsyncEventStore()
