"""What is nobody's fault and passes: tried again, after longer and longer pauses."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from orchestrix.eventsourcing import StorageError
from orchestrix.projection_runtime.errors import sentence
from orchestrix.projection_runtime.failures import is_final
from orchestrix.projection_state import StateConflict

T = TypeVar("T")

logger = logging.getLogger("orchestrix.runtime")

PAUSES: Final = (0.1, 5.0)
"""Seconds between attempts: at first, and at most; they double."""


REMINDER: Final = 60.0
"""Seconds after which the log is told again that something is still away."""


class Outages:
    """Waits while something that a projection needs is away: its store, or the log.

    Attributes:
        stopping: Ends every wait.
    """

    def __init__(self, projection_id: str, told: Callable[[Exception], None]) -> None:
        self.stopping = asyncio.Event()
        self._projection_id = projection_id
        self._told = told
        self._count = 0
        self._said = ("", 0.0)  # what is in the log, and since when

    async def until_done(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return what `work` returns, tried again while a store is away; None when stopping."""
        while not self.stopping.is_set():
            try:
                return await work()
            except (StorageError, StateConflict, OSError) as error:
                if is_final(error):
                    raise
                await self.try_later(error)
        return None

    async def try_later(self, error: Exception) -> None:
        """Count one more failure in a row, and wait."""
        self._count += 1
        first, longest = PAUSES
        delay = min(first * 2 ** min(self._count - 1, 30), longest)
        if self._is_news(sentence(error)):
            logger.warning(
                "projection %r cannot go on at present and tries again in %.1f seconds: %s",
                self._projection_id, delay, sentence(error),
            )  # fmt: skip
        self._told(error)
        await self.pause(delay)

    async def pause(self, seconds: float) -> None:
        """Wait, until the projection is to stop at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    def end(self) -> None:
        """Begin anew: it works."""
        self._count, self._said = 0, ("", 0.0)

    def _is_news(self, text: str) -> bool:
        """Say whether a sentence has not been in the log for a while."""
        said, at = self._said
        now = time.monotonic()
        if text == said and now - at < REMINDER:
            return False
        self._said = text, now
        return True
