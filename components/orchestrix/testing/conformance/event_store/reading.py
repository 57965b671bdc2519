"""All of a stream or a log, read page by page."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from orchestrix.eventsourcing import Page
from orchestrix.messaging import Event, RecordedEvent, StreamEvent
from orchestrix.testing.conformance.event_store.samples import Store, counted
from orchestrix.testing.conformance.waiting import LONG


async def stream_of(store: Store, stream_id: str, limit: int = 1000) -> list[StreamEvent]:
    found: list[StreamEvent] = []
    at_end, version = False, 0
    while not at_end:
        page = await store.read(stream_id, from_version=version, limit=limit)
        assert page.at_end or page.next_version > version, f"no progress: {page}"
        found += page.events
        at_end, version = page.at_end, page.next_version
    return found


async def pages_of(store: Store, limit: int = 1000, **filters: Any) -> list[Page]:
    pages = [await store.read_all(limit=limit, **filters)]
    while not pages[-1].at_end:
        after = pages[-1].last_position
        pages.append(await store.read_all(after_position=after, limit=limit, **filters))
        assert pages[-1].at_end or pages[-1].last_position > after, f"no progress: {pages[-1]}"
    return pages


async def log_of(store: Store, limit: int = 1000, **filters: Any) -> list[RecordedEvent]:
    return [each for page in await pages_of(store, limit, **filters) for each in page.events]


async def tail(store: Store, count: int) -> list[Page]:
    """Follow the log until `count` events have been seen."""
    pages: list[Page] = []
    after = 0
    while sum(len(page.events) for page in pages) < count:
        assert await store.wait_for_events(after, LONG), f"{count} events expected, saw {pages}"
        pages.append(await store.read_all(after_position=after))
        assert pages[-1].last_position > after, f"no progress: {pages[-1]}"
        after = pages[-1].last_position
    return pages


async def pages_seen(store: Store, count: int, *writers: Coroutine[Any, Any, None]) -> list[Page]:
    """Follow the log while others write."""
    async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
        reading = group.create_task(tail(store, count))
        for writer in writers:
            group.create_task(writer)
    return reading.result()


async def write_threes(store: Store, stream_id: str, rounds: int) -> None:
    for number in range(rounds):
        await store.append(stream_id, counted(*range(3 * number, 3 * number + 3)))
        await asyncio.sleep(0)  # let the others have their turn


async def read_first(store: Store) -> Event:
    return (await store.read("a")).events[0].event


async def read_all_first(store: Store) -> Event:
    return (await store.read_all()).events[0].event


async def load_first(store: Store) -> Event:
    return (await store.load("a"))[0]
