"""One projection on its way through the log."""

import asyncio
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from orchestrix.eventsourcing import (
    AsyncEventStore,
    FeedError,
    GapInFeed,
    Page,
    ProjectionEngine,
    StorageError,
)
from orchestrix.projection_runtime.attempts import Attempts, GivenUp
from orchestrix.projection_runtime.errors import CheckpointAboveHead, sentence, trace_of
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.failures import is_final, not_cancelled
from orchestrix.projection_runtime.log_reader import LogReader
from orchestrix.projection_runtime.management import Management
from orchestrix.projection_runtime.outages import Outages
from orchestrix.projection_runtime.stalls import Stall
from orchestrix.projection_runtime.status import Condition
from orchestrix.projection_runtime.throughput import Throughput
from orchestrix.projection_state import ProjectionState, StateConflict

logger = logging.getLogger("orchestrix.runtime")

LOOK: Final = 0.5
"""Seconds between two looks at what others want of a projection, or do with it."""


class Follower:
    """Feeds one engine from the log, and keeps what became of it.

    Attributes:
        engine: The engine.
        management: What the state store says of the projection beside its state; None where it
            keeps nothing else.
        condition: What happens to it at present.
        problem: What failed, until it succeeds.
        throughput: How fast it is.
        task: The task that runs it.
        busy_since: When the engine was called, while it is; by ``time.monotonic``.
        stall: What it has been waiting for too long.
    """

    def __init__(
        self,
        engine: ProjectionEngine,
        store: AsyncEventStore,
        reader: LogReader,
        policy: FailurePolicy,
        management: Management | None,
        moved: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.projection_id = engine.projection_id
        self.management = management
        self.condition: Condition = "not running"
        self.problem: Exception | None = None
        self.throughput = Throughput(time.monotonic)
        self.task: asyncio.Task[Any] | None = None
        self.busy_since: float | None = None
        self.stall: Stall | None = None
        self._store = store
        self._reader = reader
        self._attempts = Attempts(engine, management, policy)
        self._moved = moved
        self._at = 0
        self._is_known = False  # whether the engine has seen that this is its log
        self._outages = Outages(self.projection_id, self._is_retrying)

    @property
    def is_at_work(self) -> bool:
        """Whether this runner moves it at present, so that every move is announced."""
        return self.condition in ("catching up", "live", "retrying")

    @property
    def failed_at(self) -> int | None:
        """The position of the event that failed, until it succeeds or is passed over."""
        return self._attempts.failed_at

    @property
    def store_id(self) -> str:
        """The identity of the log."""
        return self._store.store_id

    def problem_in_words(self) -> str | None:
        """Return what is wrong, in a sentence; None when nothing is."""
        if self.stall is not None:
            return str(self.stall)
        if self.condition == "waiting" and self.management is not None:
            return f"{self.management.holder} runs it"
        return None if self.problem is None else sentence(self.problem)

    async def load_state(self) -> ProjectionState | None:
        """Return the state as it is stored, whoever stored it last."""
        known = self.engine.get_state()
        if self.management is None and self.is_at_work and known is not None:
            return known
        return await self.engine.state_store.load_state(self.projection_id)

    def forget_the_end(self) -> None:
        """Tell no more that it is stopped: it is about to begin again."""
        if self.condition == "stopped":
            self.condition, self.problem = "not running", None

    async def follow(self, stopping: asyncio.Event, *, to_head: bool) -> None:
        """Handle the log up to its head, or for ever; until `stopping` in any case.

        A batch that was begun is finished. What ends it otherwise is in `problem`, with the
        condition ``stopped``.
        """
        self._outages.stopping = stopping
        self.problem, self.task = None, asyncio.current_task()
        self._attempts.end()
        self._change("catching up")
        renewing = None if self.management is None else self.management.keep()
        try:
            await self._follow(to_head)
        except Exception as error:
            self.problem = error
            self._change("stopped")
            logger.error(
                "projection %r is stopped: %s",
                self.projection_id, sentence(error), exc_info=trace_of(error),
            )  # fmt: skip
        finally:
            self.task = None
            if self.condition != "stopped":
                self._change("not running")
            if renewing is not None and self.management is not None:
                await self.management.give_back(renewing)

    async def _follow(self, to_head: bool) -> None:
        target = None if to_head else 0
        if self.management is None:
            await self._outages.until_done(self._begin)
        while not self._outages.stopping.is_set():
            if target is None:
                target = await self._outages.until_done(self._store.head)
            if not await self._is_ours():
                if to_head and target is not None and await self._is_past(target):
                    return
                await self._outages.pause(LOOK)
                continue
            page = await self._outages.until_done(self._next_page)
            if page is None:
                return
            await self._handle(page)
            next_attempt = await self._outages.until_done(self._attend)
            if page.at_end and self._at >= page.last_position:
                if to_head and next_attempt is None:
                    return
                self._change("live")
                await self._outages.until_done(lambda: self._wait_for_more(next_attempt))  # noqa: B023 - it is called at once
            elif self.condition == "live":
                self._change("catching up")

    async def _is_ours(self) -> bool:
        """Say whether this runner is to go on: nobody else runs the projection, or paused it."""
        if self.management is None:
            return True
        has_looked = await self._outages.until_done(self.management.take)
        if not self.management.is_held:
            self._change("waiting")
            return False
        if has_looked:  # somebody may have replayed it
            await self._outages.until_done(self._begin)
        if self.management.is_paused:
            self._change("paused")
            return False
        if self.condition in ("waiting", "paused"):
            self._change("catching up")
        return True

    async def _is_past(self, position: int) -> bool:
        """Say whether somebody else has handled the log up to there; nobody will, if paused."""
        if self.management is not None:
            self.management.check_not_paused()
        state = await self._outages.until_done(self.load_state)
        return state is not None and state.last_processed_position >= position

    async def _attend(self) -> float | None:
        """Do what is asked for; return the seconds until some key is tried again."""
        if self.management is None:
            return None
        with self._busy():
            return await self.management.attend(self._goes_on)

    async def _goes_on(self) -> bool:
        return not self._outages.stopping.is_set() and await self._is_ours()

    async def _begin(self) -> None:
        await self.engine.initialize()
        before, self._at = self._at, self._checkpoint()
        self._is_known = self._is_known and before == self._at
        if self._at > (head := await self._store.head()):
            raise CheckpointAboveHead(self.projection_id, self._at, head)

    async def _next_page(self) -> Page:
        return await self._reader.page(self._at)

    async def _wait_for_more(self, at_most: float | None) -> None:
        """Wait until there is more to do: in the log, or after some seconds elsewhere."""
        if self.management is not None:
            at_most = LOOK if at_most is None else min(LOOK, at_most)
        await self._reader.wait(self._at, self._outages.stopping, at_most)

    async def _handle(self, page: Page) -> None:
        """Feed `page`, again and again until it is handled, or there is a reason to stop."""
        if not page.events and page.last_position == self._at and self._is_known:
            self._succeed()
            return
        since = time.monotonic()
        while not self._outages.stopping.is_set() and await self._is_ours():
            try:
                with self._busy():
                    await not_cancelled(self.engine.process_events(page), self.projection_id)
            except (StateConflict, GapInFeed) as error:  # somebody else is at work on it, too
                await self._outages.try_later(error)
                await self._outages.until_done(self._begin)
                return
            except StorageError as error:
                if is_final(error):
                    raise
                await self._outages.try_later(error)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is judged
                if not await self._judge(error, page):
                    await self._outages.until_done(self._begin)
                    return
            else:
                self.throughput.add(len(page.events), since)
                self._at, self._is_known = self._checkpoint(), True
                self._succeed()
                return

    @contextmanager
    def _busy(self) -> Generator[None, None, None]:
        self.busy_since = time.monotonic()
        try:
            yield
        finally:
            self.busy_since = self.stall = None

    async def _judge(self, error: Exception, page: Page) -> bool:
        """Wait before the next attempt, set the event aside or pass it over, or raise `error`.

        Return False when somebody else was at work, so that one has to look where it is now.
        """
        if is_final(error):
            raise error
        state = self.engine.get_state()
        failed_at = None if state is None else state.failed_position
        if failed_at is None:  # no event is at fault: the state could not be loaded or saved
            await self._outages.try_later(error)
            return True
        failed = next((each for each in page.events if each.position == failed_at), None)
        if failed is None:
            return False
        self._attempts.count(failed)
        try:
            with self._busy():
                delay = await self._outages.until_done(lambda: self._attempts.answer(failed, error))
        except GivenUp:
            raise error from error.__cause__
        except FeedError as conflict:  # it is not what failed last any more
            await self._outages.try_later(conflict)
            return False
        self._moved()
        if delay is not None:
            self._is_retrying(error)
            await self._outages.pause(delay)
        return True

    def _is_retrying(self, error: Exception) -> None:
        self.problem = error
        self._change("retrying")

    def _succeed(self) -> None:
        self.problem = None
        self._attempts.end()
        self._outages.end()
        if self.condition == "retrying":
            self.condition = "catching up"
        self._moved()

    def _change(self, condition: Condition) -> None:
        if condition != self.condition:
            self.condition = condition
            self._moved()

    def _checkpoint(self) -> int:
        state = self.engine.get_state()
        return 0 if state is None else state.last_processed_position
