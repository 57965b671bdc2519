"""An engine's work on one projection: load, handle, save; one call at a time."""

import asyncio
import logging
from collections.abc import AsyncIterable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.projections.admission import check_chunk, end_of
from orchestrix.eventsourcing.projections.bare_feed import apply_bare
from orchestrix.eventsourcing.projections.batch_feed import apply_batch
from orchestrix.eventsourcing.projections.cancellation import check_cancelled, is_failure, note
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.errors import OutdatedProjection
from orchestrix.eventsourcing.projections.feed import (
    Events,
    Origin,
    async_chunks,
    chunks,
    kind_of,
    origin_of,
)
from orchestrix.eventsourcing.projections.parts import (
    done_in_silence,
    from_start,
    history_and_news,
    is_comparable,
)
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.recorded_feed import apply_recorded, check_order
from orchestrix.eventsourcing.projections.registry import Registry
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.eventsourcing.projections.state_keeper import StateKeeper
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import UNBOUNDED, Feed, ProjectionState, Status

logger = logging.getLogger("orchestrix.projections")


class Work:
    """What an engine does in its turn. Whatever ends it, the state tells what was handled."""

    def __init__(
        self, keeper: StateKeeper, registry: Registry, dispatch: Dispatch, settings: Settings
    ) -> None:
        self._keeper = keeper
        self._registry = registry
        self._dispatch = dispatch
        self._settings = settings
        self._place = 0  # of the present chunk in what was fed
        self.requests_before = 0  # to end the task, when this call began
        self._in_replay = False
        self._history_until = 0  # how far reaches what was handed to the present replay
        self._unbroken = 0  # events since others could run
        self._warned_of: str | None = None
        self._begin(self._settings.first_state())

    async def initialize(self) -> None:
        """See the engine."""
        await self._load()
        if (stored := await self._keeper.moved_on(self._progress)) is not None:
            self._begin(stored)
        if self._keeper.known() is None or self._progress.is_dirty:
            await self._save()

    async def process(self, events: Events) -> None:
        """See the engine."""
        await self._be_ready()
        self._progress.highest = 0
        await self._take_all(events)
        if self._progress.replay_until == UNBOUNDED:
            await self._end_unbounded_replay()

    async def skip(self, failed: RecordedEvent) -> None:
        """See the engine."""
        await self._be_ready()
        self._progress.pass_over(failed)
        await self._save()

    async def replay(self, events: Events) -> None:
        """See the engine."""
        await self._load()
        self._in_replay, self._history_until = True, 0
        try:
            await self._take_all(events)
        finally:
            self._in_replay, self._history_until = False, 0
        await self._end_replay(isinstance(events, Page) and not events.at_end)

    async def _be_ready(self) -> None:
        if not self._keeper.is_current(self._progress) or not self._is_ready():
            await self._prepare()
        if self._progress.is_dirty:  # saving it failed
            await self._save()

    def _is_ready(self) -> bool:
        progress = self._progress
        return (
            progress.status == "live"
            and progress.began_with.version == self._settings.version
            and progress.fingerprint == self._registry.fingerprint()
        )

    async def _prepare(self) -> None:
        """Load the state, see that it fits, and finish what was interrupted."""
        await self._load()
        self._check_version()
        self._check_fingerprint()
        if self._progress.status == "resetting":
            await self._reset(Origin(self._progress.feed, self._progress.store_id))
        if self._progress.is_replayed():
            self._progress.end_replay()
            await self._save()

    def _begin(self, state: ProjectionState) -> None:
        self._progress = Progress(state, self._settings.window)

    def _begin_again(self, status: Status, origin: Origin) -> None:
        """Begin from scratch, as a replay; up to where we were, when that can be compared."""
        old, is_known = self._progress, is_comparable(self._progress, origin)
        first = self._settings.first_state().changed(
            revision=old.revision(),
            status=status,
            feed=origin.feed,
            store_id=origin.store_id or (old.store_id if is_known else None),
            replay_until=max(old.position, self._until()) if is_known else UNBOUNDED,
            partly_applied=done_in_silence(old.partly, self._registry.silent_names()),
        )
        self._begin(first)

    async def _load(self) -> None:
        if self._keeper.is_current(self._progress):
            return
        if (state := await self._keeper.load()) is not None:
            self._begin(state)

    def _check_version(self) -> None:
        built_by = self._progress.began_with.version
        if built_by != self._settings.version:
            projection_id = self._settings.projection_id
            raise OutdatedProjection(projection_id, built_by, self._settings.version)

    def _check_fingerprint(self) -> None:
        """Warn when it was other code that processed last."""
        before = self._progress.fingerprint
        if before not in (None, self._registry.fingerprint(), self._warned_of):
            self._warned_of = before
            logger.warning(
                "projection %r: the code of its handlers has changed since it last ran; "
                "if their meaning has, raise its version and replay it",
                self._settings.projection_id,
            )

    async def _take_all(self, events: Events) -> None:
        must_reset, self._place = self._in_replay, 0
        if isinstance(events, (list, tuple)) and 0 < len(events) <= self._settings.batch_size:
            await self._take(tuple(events), None, must_reset)  # a copy: handlers may change theirs
            return
        if isinstance(events, AsyncIterable):
            async with aclosing(async_chunks(events)) as pieces:
                async for items, page in pieces:
                    await self._take(items, page, must_reset)
                    must_reset, self._place = False, self._place + len(items)
        else:
            for items, page in chunks(events, self._settings.batch_size, is_replay=must_reset):
                await self._take(items, page, must_reset)
                must_reset, self._place = False, self._place + len(items)
        if must_reset:  # there was nothing to replay
            await self._reset(Origin())

    async def _take(self, items: Sequence[Any], page: Page | None, must_reset: bool) -> None:
        """Handle one chunk and save the state, also when it ends in an exception."""
        feed = kind_of(self._settings.projection_id, items, self._place)
        self._admit(feed, items, page, must_reset)
        if must_reset:
            await self._reset(origin_of(feed, items, page))
        progress = self._progress
        self._begin_chunk(feed, items, page)
        try:
            await self._apply(items, feed)
        except GeneratorExit:  # the loop is gone, and nothing can be waited for
            self._keeper.keep(progress)
            raise
        except BaseException as error:
            await self._save_failure(error)
            raise
        self._finish(page)
        if progress.is_dirty and not self._keeper.keep(progress):
            await self._save()
        self._unbroken += len(items)
        if self._unbroken >= self._settings.batch_size:
            self._unbroken = 0
            await asyncio.sleep(0)  # let others run, however fast the handlers are

    def _begin_chunk(self, feed: Feed, items: Sequence[Any], page: Page | None) -> None:
        until = self._until() if self._in_replay else self._progress.replay_until
        origin, code = origin_of(feed, items, page), self._registry.fingerprint()
        self._progress.begin_chunk(origin, code, until)

    def _until(self) -> int:
        """Return how far history reaches, what was handed to the present replay included."""
        return max(self._progress.replay_until, self._history_until)

    def _admit(self, feed: Feed, items: Sequence[Any], page: Page | None, must_reset: bool) -> None:
        """Refuse an unsound feed, and note how far it goes if it is for a replay."""
        progress = Progress(self._settings.first_state(), None) if must_reset else self._progress
        check_chunk(feed, items, page, progress, self._settings)
        if must_reset and feed == "recorded":
            check_order(self._settings.projection_id, items)
        if self._in_replay:  # all of it is history, also for who goes on after a failure
            self._history_until = max(self._history_until, end_of(feed, items, progress))

    def _finish(self, page: Page | None) -> None:
        """Take note that a chunk, and the page that it was, is done."""
        progress = self._progress
        progress.succeed()  # events were; the end of a page that held none proves nothing
        if page is not None:
            progress.reach(page.last_position)
        if progress.is_replayed() and not self._in_replay:
            progress.end_replay()

    async def _end_replay(self, is_partial: bool) -> None:
        """Let what comes be new, unless the old checkpoint is still ahead of a first page."""
        is_bounded = self._progress.replay_until != UNBOUNDED
        if self._progress.is_replayed() or not (is_partial and is_bounded):
            self._progress.end_replay()
        await self._save()

    async def _end_unbounded_replay(self) -> None:
        """After a call that ended well, what comes is new, since nothing else bounds the replay."""
        if self._progress.is_healthy:
            self._progress.end_replay()
            await self._save()

    def _apply(self, items: Sequence[Any], feed: Feed) -> Coroutine[Any, Any, None]:
        """Return what handles `items`, as news, as history, or as some of both."""
        items = from_start(items, feed, self._settings.start, self._progress)
        if self._in_replay or self._progress.status == "live":
            return self._apply_part(items, feed, replaying=self._in_replay)
        return self._apply_parts(items, feed)

    async def _apply_parts(self, items: Sequence[Any], feed: Feed) -> None:
        self._progress.make_state()  # who asks between the parts shall see how it was before
        for part, is_history in history_and_news(items, self._progress):
            await self._apply_part(part, feed, replaying=is_history)

    def _apply_part(
        self, items: Sequence[Any], feed: Feed, *, replaying: bool
    ) -> Coroutine[Any, Any, None]:
        registry, dispatch, progress = self._registry, self._dispatch, self._progress
        if registry.batch is not None:
            return apply_batch(registry.batch, items, dispatch, progress, replaying)
        routes = registry.replay if replaying else registry.live
        apply = apply_recorded if feed == "recorded" else apply_bare
        return apply(items, routes, dispatch, progress)

    async def _reset(self, origin: Origin) -> None:
        """Empty the read models. Interrupted, it is done again before anything is handled."""
        before = self._progress
        self._begin_again("resetting", origin)
        try:
            await self._save()
        except BaseException:
            self._progress, before.is_dirty = before, True  # nothing was emptied
            self._keeper.hold(before.make_state())
            raise
        try:
            await self._keeper.clear_parked()
            await self._registry.reset(self._progress.context(0, None, replaying=True))
        except (Exception, asyncio.CancelledError) as error:
            self._progress.fault = "handler"
            await self._save_failure(error)
            raise
        self._progress.status = "replaying"
        self._progress.has_moved = True
        self._progress.succeed()
        await self._save()

    async def _save_failure(self, error: BaseException) -> None:
        """Save what was handled before `error`; a failure of that does not hide `error`."""
        if self._progress.fault == "handler" and is_failure(error, self.requests_before):
            self._progress.fail(error)
        else:
            self._progress.succeed()
        try:
            await self._save()
        except Exception as failure:
            check_cancelled(failure, self.requests_before)
            logger.exception(
                "projection %r: its state could not be saved", self._settings.projection_id
            )
            note(error, f"and the projection's state could not be saved: {failure!r}")

    async def _save(self) -> None:
        await self._keeper.save(self._progress)
