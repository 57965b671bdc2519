"""Reading a log for several projections at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from orchestrix.eventsourcing import AsyncEventStore, Page

T = TypeVar("T")

KEPT_PAGES: Final = 4
"""Pages that are kept for projections which are a little behind, the one read ahead included."""

LONGEST_WAIT: Final = 60.0
"""Seconds after which a store is asked anew."""


class LogReader:
    """Pages of one log, each read once for all projections that come to the same place.

    While a page is handled the next one is read. Memory is bounded by `KEPT_PAGES`.

    Args:
        store: Whose log it is.
        page_size: The most events in a page, at least 1.
    """

    def __init__(self, store: AsyncEventStore, page_size: int) -> None:
        self._store = store
        self._page_size = page_size
        self._pages: OrderedDict[int, asyncio.Task[Page]] = OrderedDict()
        self._waiting: dict[int, asyncio.Task[bool]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def page(self, after_position: int) -> Page:
        """Return the page after a position, exclusive. Raises what the store raises."""
        reading = self._kept(after_position) or self._read(after_position)
        try:
            page = await asyncio.shield(reading)  # others may want it
        finally:
            if reading.done() and _is_passing(reading) and self._kept(after_position) is reading:
                del self._pages[after_position]
        if not page.at_end and self._kept(page.last_position) is None:
            self._read(page.last_position)
        return page

    async def wait(
        self, after_position: int, stopping: asyncio.Event, at_most: float | None
    ) -> None:
        """Wait until an event lies after a position, or something else is to be done.

        Args:
            after_position: Exclusive.
            stopping: Ends the wait.
            at_most: Seconds; None: about a minute.
        """
        told = asyncio.create_task(stopping.wait())
        growing = self._growing(after_position)
        try:
            await asyncio.wait(
                {growing, told}, timeout=at_most, return_when=asyncio.FIRST_COMPLETED
            )
            if growing.done():
                growing.result()
        finally:
            told.cancel()

    def _growing(self, after_position: int) -> "asyncio.Task[bool]":
        waiting = self._waiting.get(after_position)
        if waiting is None:
            waiting = self._started(self._store.wait_for_events(after_position, LONGEST_WAIT))
            self._waiting[after_position] = waiting
            waiting.add_done_callback(lambda _: self._waiting.pop(after_position, None))
        return waiting

    async def close(self) -> None:
        """End what is being read."""
        self._pages.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kept(self, after_position: int) -> "asyncio.Task[Page] | None":
        return self._pages.get(after_position)

    def _read(self, after_position: int) -> "asyncio.Task[Page]":
        reading = self._started(self._read_page(after_position))
        self._pages[after_position] = reading
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return reading

    def _started(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # raised to whoever waits for it, and to nobody if nobody does

    async def _read_page(self, after_position: int) -> Page:
        return await self._store.read_all(after_position=after_position, limit=self._page_size)


def _is_passing(reading: asyncio.Task[Page]) -> bool:
    """Say whether another reading may tell more: the log grows, and a failure may pass."""
    return reading.cancelled() or reading.exception() is not None or reading.result().at_end
