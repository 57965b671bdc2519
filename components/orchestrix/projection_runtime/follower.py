"""One projection on its way through the log."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from orchestrix.eventsourcing import (
    AsyncEventStore,
    NoTransaction,
    Page,
    ProjectionEngine,
    ProjectionError,
    StorageError,
    UnhandledUnknownEvent,
)
from orchestrix.projection_runtime.errors import CheckpointAboveHead
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.log_reader import LogReader
from orchestrix.projection_runtime.status import Condition
from orchestrix.projection_runtime.throughput import Throughput
from orchestrix.projection_state import ProjectionState, StateConflict

T = TypeVar("T")

logger = logging.getLogger("orchestrix.runtime")

PAUSES: Final = (0.1, 5.0)
"""Seconds between attempts at what is nobody's fault: at first, and at most; they double."""

_HANDLERS_OWN: Final = (UnhandledUnknownEvent, NoTransaction)
"""Errors of the engine that an event or its handler is at fault for."""


class Follower:
    """Feeds one engine from the log, and keeps what became of it.

    Attributes:
        engine: The engine.
        condition: What happens to it at present.
        problem: What failed, until it succeeds.
        failed_at: The position of the event that failed, until it succeeds or is passed over.
        throughput: How fast it is.
    """

    def __init__(
        self,
        engine: ProjectionEngine,
        store: AsyncEventStore,
        reader: LogReader,
        policy: FailurePolicy,
        moved: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.condition: Condition = "not started"
        self.problem: Exception | None = None
        self.failed_at: int | None = None
        self.throughput = Throughput(time.monotonic)
        self._store = store
        self._reader = reader
        self._policy = policy
        self._moved = moved
        self._stopping = asyncio.Event()
        self._at = 0
        self._is_known = False  # whether the engine has seen that this is its log
        self._failures = 0
        self._outages = 0

    @property
    def projection_id(self) -> str:
        """The projection."""
        return self.engine.projection_id

    @property
    def is_at_work(self) -> bool:
        """Whether this runner moves it at present, so that every move is announced."""
        return self.condition in ("catching up", "live", "retrying")

    def problem_in_words(self) -> str | None:
        """Return what failed, in a sentence; None when nothing does."""
        return None if self.problem is None else f"{type(self.problem).__name__}: {self.problem}"

    async def load_state(self) -> ProjectionState | None:
        """Return the state as it is stored, whoever stored it last."""
        if self.is_at_work and (state := self.engine.get_state()) is not None:
            return state
        return await self.engine.state_store.load_state(self.projection_id)

    async def follow(self, stopping: asyncio.Event, *, to_head: bool) -> None:
        """Handle the log up to its head, or for ever; until `stopping` in any case.

        A batch that was begun is finished. What ends it otherwise is in `problem`, with the
        condition ``stopped``.
        """
        self._stopping = stopping
        self.problem = None
        self._change("catching up")
        try:
            await self._follow(to_head)
        except Exception as error:
            self.problem = error
            self._change("stopped")
            logger.exception("projection %r is stopped", self.projection_id)
        except BaseException:
            self._change("not started")
            raise
        else:
            self._change("not started")

    async def _follow(self, to_head: bool) -> None:
        await self._until_done(self._begin)
        while not self._stopping.is_set():
            page = await self._until_done(self._next_page)
            if page is None:
                return
            await self._handle(page)
            if page.at_end and self._at >= page.last_position:
                if to_head:
                    return
                self._change("live")
                await self._until_done(self._wait_for_more)
            elif self.condition == "live":
                self._change("catching up")

    async def _begin(self) -> None:
        await self.engine.initialize()
        self._is_known = False
        self._at, head = self._checkpoint(), await self._store.head()
        if self._at > head:
            raise CheckpointAboveHead(self.projection_id, self._at, head)

    async def _next_page(self) -> Page:
        return await self._reader.page(self._at)

    async def _wait_for_more(self) -> None:
        growing = asyncio.create_task(self._reader.wait(self._at))
        told = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({growing, told}, return_when=asyncio.FIRST_COMPLETED)
            if growing.done():
                growing.result()
        finally:
            growing.cancel()
            told.cancel()

    async def _handle(self, page: Page) -> None:
        """Feed `page`, again and again until it is handled, or there is a reason to stop."""
        if not page.events and page.last_position == self._at and self._is_known:
            return
        since = time.monotonic()
        while not self._stopping.is_set():
            try:
                await self.engine.process_events(page)
            except StateConflict as error:  # somebody else runs it, too: look where it is now
                await self._try_later(error)
                await self._until_done(self._begin)
                return
            except StorageError as error:
                await self._try_later(error)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is judged
                await self._judge(error, page)
            else:
                self.throughput.add(len(page.events), since)
                self._at, self._is_known = self._checkpoint(), True
                self._succeed()
                return

    async def _judge(self, error: Exception, page: Page) -> None:
        """Wait before the next attempt, pass the event over, or raise `error` again."""
        if isinstance(error, ProjectionError) and not isinstance(error, _HANDLERS_OWN):
            raise error
        state = self.engine.get_state()
        failed_at = None if state is None else state.failed_position
        if failed_at is None:  # no event is at fault: the state could not be loaded or saved
            await self._try_later(error)
            return
        self._failures = self._failures + 1 if failed_at == self.failed_at else 1
        self.failed_at = failed_at
        if self._policy.retry.should_retry(self._failures):
            await self._try_again(error, failed_at)
        elif self._policy.action == "skip":
            logger.error(
                "projection %r passes position %d over, after %d failures: %r",
                self.projection_id, failed_at, self._failures, error,
            )  # fmt: skip
            await self.engine.skip(next(each for each in page.events if each.position == failed_at))
        else:
            raise error

    async def _try_again(self, error: Exception, failed_at: int) -> None:
        delay = self._policy.retry.get_delay(self._failures)
        logger.warning(
            "projection %r failed at position %d and tries again in %.1f seconds: %r",
            self.projection_id, failed_at, delay, error,
        )  # fmt: skip
        await self._pause(error, delay)

    async def _until_done(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return what `work` returns, tried again while a store is away; None when stopping."""
        while not self._stopping.is_set():
            try:
                return await work()
            except (StorageError, StateConflict, OSError) as error:
                await self._try_later(error)
        return None

    async def _try_later(self, error: Exception) -> None:
        self._outages += 1
        first, longest = PAUSES
        delay = min(first * 2 ** min(self._outages - 1, 30), longest)
        logger.warning(
            "projection %r cannot go on at present and tries again in %.1f seconds: %r",
            self.projection_id, delay, error,
        )  # fmt: skip
        await self._pause(error, delay)

    async def _pause(self, error: Exception, delay: float) -> None:
        self.problem = error
        self._change("retrying")
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()

    def _succeed(self) -> None:
        self.problem, self._failures, self.failed_at, self._outages = None, 0, None, 0
        if self.condition == "retrying":
            self.condition = "catching up"
        self._moved()

    def _change(self, condition: Condition) -> None:
        self.condition = condition
        self._moved()

    def _checkpoint(self) -> int:
        state = self.engine.get_state()
        return 0 if state is None else state.last_processed_position
