"""A store that another process has open: calls go there, outcomes come back."""

import asyncio
import pickle
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrix.eventsourcing import AppendResult, AsyncEventStore, Page, Snapshot, StreamPage
from orchestrix.messaging import Event
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store


async def _send(writer: asyncio.StreamWriter, message: Any) -> None:
    data = pickle.dumps(message)
    writer.write(len(data).to_bytes(8, "big") + data)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> Any:
    size = int.from_bytes(await reader.readexactly(8), "big")
    return pickle.loads(await reader.readexactly(size))  # noqa: S301 - from our own process


def serve(socket: Path, file: Path) -> None:
    """Open the store in `file` and do what is asked of it, until killed."""
    asyncio.run(_serve(socket, open_sqlite_store(file)))


def serve_projections(socket: Path, file: Path) -> None:
    """The same for projections."""
    asyncio.run(_serve(socket, open_sqlite_projections(file, synchronous="NORMAL")))


async def _serve(socket: Path, opening: AbstractAsyncContextManager[Any]) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opening)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _answer(store, reader, writer)

        server = await asyncio.start_unix_server(answer, socket)
        await server.serve_forever()


async def _answer(store: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    method, arguments, named = await _receive(reader)
    try:
        outcome = True, await getattr(store, method)(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - it is raised where the call was made
        outcome = False, error
    await _send(writer, outcome)
    writer.close()


class RemoteStore(AsyncEventStore):
    """The port, whose calls are made in the process that serves at `socket`."""

    def __init__(self, socket: Path, store_id: str) -> None:
        self._socket = socket
        self._store_id = store_id

    @property
    def store_id(self) -> str:
        return self._store_id

    async def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        return await self._call(
            "append", stream_id, events, expected_version=expected_version, metadata=metadata
        )

    async def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        return await self._call("read", stream_id, from_version=from_version, limit=limit)

    async def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        return await self._call(
            "read_all",
            after_position=after_position,
            limit=limit,
            types=types,
            categories=categories,
        )

    async def head(self) -> int:
        return await self._call("head")

    async def count_after(self, position: int) -> int:
        return await self._call("count_after", position)

    async def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        return await self._call("streams", prefix, after=after, limit=limit)

    async def now(self) -> datetime:
        return await self._call("now")

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self._call("save_snapshot", snapshot)

    async def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        return await self._call("load_snapshot", aggregate_id)

    async def wait_for_events(self, after_position: int, timeout: float) -> bool:  # noqa: ASYNC109 - the port's signature
        return await self._call("wait_for_events", after_position, timeout)

    async def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        return await _called(self._socket, method, arguments, named)


class RemoteStates:
    """A managed state store, but for its batches, in the process that serves at `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def __getattr__(self, method: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            return await _called(self._socket, method, arguments, named)

        return call


async def _called(
    socket: Path, method: str, arguments: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        await _send(writer, (method, arguments, named))
        succeeded, outcome = await _receive(reader)
    finally:
        writer.close()
    if succeeded:
        return outcome
    raise outcome


async def wait_until_served(socket: Path, seconds: float) -> None:
    """Wait until somebody listens there."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(socket)
            except (FileNotFoundError, ConnectionRefusedError):
                await asyncio.sleep(0.005)
            else:
                writer.close()
                return
