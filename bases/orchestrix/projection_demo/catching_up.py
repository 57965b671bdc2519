"""Projections read the log, page by page."""

import asyncio
from collections.abc import Callable, Sequence

from orchestrix.eventsourcing import EventStore, ProjectionEngine

PAGE = 1000
"""Events in a page."""


async def catch_up(
    store: EventStore, engines: Sequence[ProjectionEngine], advance: Callable[[int], None]
) -> None:
    """Give every engine every page of the log, up to its end.

    One reader feeds them all. Calls `advance` with the number of events after each page.
    """
    position, at_end = 0, False
    while not at_end:
        page = store.read_all(after_position=position, limit=PAGE)
        for engine in engines:
            await engine.process_events(page)
        position, at_end = page.last_position, page.at_end
        advance(len(page.events))
        await asyncio.sleep(0)  # nothing above waits, and Ctrl-C is heard only while waiting
