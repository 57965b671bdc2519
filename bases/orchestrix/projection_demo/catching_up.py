"""Projections read the log, page by page."""

from collections.abc import Callable, Sequence

from orchestrix.eventsourcing import EventStore, ProjectionEngine

PAGE = 1000
"""Events in a page: a full batch of an engine, after which it lets others run, Ctrl-C too."""


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
