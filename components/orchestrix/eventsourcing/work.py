"""An engine's work on one projection: load, handle, save; one call at a time."""

import asyncio
import logging
from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestrix.eventsourcing.bare_feed import apply_bare
from orchestrix.eventsourcing.batch_feed import apply_batch
from orchestrix.eventsourcing.dispatch import Dispatch
from orchestrix.eventsourcing.feed import Chunk, Events, async_chunks, chunks, kind_of
from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.parts import after_start, history_and_news
from orchestrix.eventsourcing.progress import Progress
from orchestrix.eventsourcing.projection_errors import GapInFeed, NotTheLog, OutdatedProjection
from orchestrix.eventsourcing.recorded_feed import apply_recorded
from orchestrix.eventsourcing.registry import Registry
from orchestrix.eventsourcing.state_keeper import StateKeeper
from orchestrix.projection_state import Feed, ProjectionState, Status

logger = logging.getLogger("orchestrix.projections")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an engine was told at construction; see there."""

    projection_id: str
    version: int
    window: int | None
    start: Literal["beginning"] | int | datetime
    batch_size: int


class Work:
    """What an engine does in its turn. Whatever ends it, the state tells what was handled."""

    def __init__(
        self, keeper: StateKeeper, registry: Registry, dispatch: Dispatch, settings: Settings
    ) -> None:
        self._keeper = keeper
        self._registry = registry
        self._dispatch = dispatch
        self._settings = settings
        self._in_replay = False
        self._begin(self._first_state())

    async def initialize(self) -> None:
        """See the engine."""
        await self._load_progress()
        if self._keeper.known() is None:
            await self._save()

    async def process(self, events: Events) -> None:
        """See the engine."""
        await self._load_progress()
        self._progress.highest = 0
        self._check_version()
        self._warn_of_changed_code()
        if self._progress.state.status == "resetting":
            await self._reset()
        if self._is_replay_over():
            await self._save()
        await self._take_all(events)

    async def replay(self, events: Events) -> None:
        """See the engine."""
        await self._load_progress()
        self._in_replay = True
        try:
            await self._take_all(events)
            await self._save(status="live", replay_until=0)
        finally:
            self._in_replay = False

    def _begin(self, state: ProjectionState) -> None:
        self._progress = Progress(state, self._settings.window)

    def _first_state(self) -> ProjectionState:
        start = self._settings.start
        return ProjectionState(
            projection_id=self._settings.projection_id,
            version=self._settings.version,
            last_processed_position=start if isinstance(start, int) else 0,
        )

    def _first_replaying_state(self, status: Status) -> ProjectionState:
        old = self._progress.state
        until = max(old.last_processed_position, old.replay_until)
        return self._first_state().changed(status=status, replay_until=until)

    async def _load_progress(self) -> None:
        state = await self._keeper.load()
        if state is not None and state is not self._progress.state:
            self._begin(state)

    def _check_version(self) -> None:
        state = self._progress.state
        if state.version != self._settings.version:
            raise OutdatedProjection(state.projection_id, state.version, self._settings.version)

    def _warn_of_changed_code(self) -> None:
        if self._progress.state.fingerprint not in (None, self._registry.fingerprint()):
            logger.warning(
                "projection %r: the code of its handlers has changed since it last ran; "
                "if their meaning has, raise its version and replay it",
                self._settings.projection_id,
            )

    async def _take_all(self, events: Events) -> None:
        must_reset = self._in_replay
        if isinstance(events, AsyncIterable):
            async with aclosing(async_chunks(events)) as pieces:
                async for chunk in pieces:
                    await self._take(chunk, must_reset)
                    must_reset = False
        else:
            for chunk in chunks(events, self._settings.batch_size):
                await self._take(chunk, must_reset)
                must_reset = False
        if must_reset:  # there was nothing to replay
            await self._reset()

    async def _take(self, chunk: Chunk, must_reset: bool) -> None:
        """Handle one chunk and save the state, also when it ends in an exception."""
        feed = kind_of(self._settings.projection_id, chunk)
        self._check(chunk, feed, must_reset)
        if must_reset:
            await self._reset()
        self._progress.begin_feed(feed)
        try:
            await self._apply(chunk.items, feed)
        except BaseException as error:
            await self._save_failure(error)
            raise
        if chunk.page is not None:
            self._progress.reach(chunk.page.last_position)
        changes = self._changes_after(chunk.page)
        if changes is not None or not self._keeper.is_saved:
            await self._save(**(changes or {}))
        await self._yield_after(chunk)

    async def _yield_after(self, chunk: Chunk) -> None:
        if len(chunk.items) >= self._settings.batch_size:
            await asyncio.sleep(0)  # let others run, however fast the handlers are

    async def _apply(self, items: Sequence[Any], feed: Feed) -> None:
        progress, start = self._progress, self._settings.start
        if feed == "recorded" and isinstance(start, datetime):
            items = after_start(items, start, progress)
        if self._in_replay:
            await self._apply_part(items, feed, replaying=True)
        elif progress.state.status == "live":
            await self._apply_part(items, feed, replaying=False)
        else:
            for part, is_history in history_and_news(items, progress):
                await self._apply_part(part, feed, replaying=is_history)

    async def _apply_part(self, items: Sequence[Any], feed: Feed, *, replaying: bool) -> None:
        progress, dispatch = self._progress, self._dispatch
        routes = self._registry.replay if replaying else self._registry.live
        if (batch := self._registry.batch) is not None:
            await apply_batch(batch, items, dispatch, progress, replaying)
        elif feed == "recorded":
            await apply_recorded(items, routes, dispatch, progress)
        else:
            await apply_bare(items, routes, dispatch, progress)

    def _check(self, chunk: Chunk, feed: Feed, must_reset: bool) -> None:
        """Refuse the other feed, a page of another log, or one that begins above the checkpoint."""
        state = self._first_state() if must_reset else self._progress.state
        if not must_reset:
            self._progress.check_feed(feed)
        if (page := chunk.page) is None:
            return
        if state.store_id not in (None, page.store_id):
            raise NotTheLog(
                f"projection {state.projection_id!r} counts positions of store "
                f"{state.store_id!r} and was fed a page of store {page.store_id!r}; "
                "feed it from its own store, or replay"
            )
        if page.after_position > state.last_processed_position:
            raise GapInFeed(state.projection_id, state.last_processed_position, page.after_position)

    async def _reset(self) -> None:
        """Empty the read models. Interrupted, it is done again before anything is handled."""
        self._begin(self._first_replaying_state("resetting"))
        await self._save()
        try:
            await self._registry.reset(self._progress.context(0, None, replaying=True))
        except Exception as error:
            self._progress.has_failed = True
            await self._save_failure(error)
            raise
        await self._save(status="replaying", is_healthy=True, last_error=None)

    def _changes_after(self, page: Page | None) -> dict[str, Any] | None:
        """Return what a success changes in the state, None when there is nothing to save."""
        changes: dict[str, Any] = {"is_healthy": True, "last_error": None}
        if page is not None and self._progress.state.store_id is None:
            return {**changes, "store_id": page.store_id}
        return changes if self._progress.is_moved() else None

    async def _save_failure(self, error: BaseException) -> None:
        """Save what was handled before `error`; a failure of that does not hide `error`."""
        changes: dict[str, Any] = {}
        if self._progress.has_failed and isinstance(error, Exception):
            count = self._progress.state.error_count + 1
            text = f"{type(error).__name__}: {error}"
            changes = {"error_count": count, "is_healthy": False, "last_error": text}
        try:
            await self._save(**changes)
        except Exception as failure:
            logger.exception(
                "projection %r: its state could not be saved", self._settings.projection_id
            )
            error.add_note(f"and the projection's state could not be saved: {failure!r}")

    async def _save(self, **changes: Any) -> None:
        await self._keeper.save(self._progress.make_state(**self._with_status(changes)))

    def _with_status(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return `changes` with the fingerprint, and with the end of a replay that was resumed."""
        changes = {"fingerprint": self._registry.fingerprint(), **changes}
        return (
            {"status": "live", "replay_until": 0, **changes} if self._is_replay_over() else changes
        )

    def _is_replay_over(self) -> bool:
        """Say whether a replay that was interrupted has reached the old checkpoint."""
        state = self._progress.state
        is_resumed = state.status == "replaying" and not self._in_replay
        return is_resumed and self._progress.position >= state.replay_until
