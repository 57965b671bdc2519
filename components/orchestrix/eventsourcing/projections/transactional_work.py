"""An engine's work when the read model and the state commit together."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import dropwhile
from typing import Any, Final

from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.projections.bare_feed import is_seen
from orchestrix.eventsourcing.projections.cancellation import is_failure, note
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.errors import TransactionEnded
from orchestrix.eventsourcing.projections.feed import Origin, kind_of, origin_of
from orchestrix.eventsourcing.projections.open_models import OpenModels
from orchestrix.eventsourcing.projections.parts import from_start
from orchestrix.eventsourcing.projections.recorded_feed import check_place
from orchestrix.eventsourcing.projections.registry import Instances, Registry
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.eventsourcing.projections.state_keeper import StateKeeper
from orchestrix.eventsourcing.projections.work import Work
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import (
    Feed,
    StateConflict,
    StateTransaction,
    TransactionalProjectionStateStore,
)

logger = logging.getLogger("orchestrix.projections")

SLICE: Final = 1000
"""Events after which read models may forget rows that they have kept."""


class TransactionalWork(Work):
    """One transaction for each batch; after a failure, one for each event of that batch.

    What went wrong with a transaction is never guessed: its progress is dropped, and the state
    is loaded before anything else is done. So a commit whose answer was lost is found again,
    and nothing is applied twice.
    """

    def __init__(
        self,
        store: TransactionalProjectionStateStore,
        keeper: StateKeeper,
        registry: Registry,
        dispatch: Dispatch,
        settings: Settings,
        models: OpenModels,
    ) -> None:
        super().__init__(keeper, registry, dispatch, settings)
        self._store = store
        self._models = models
        self._stored: int | None = None  # the revision that is stored, as far as we know
        self._is_lost = False  # whether our progress was rolled back, or may have been
        # Instances that stand if a state of this revision was stored, and its answer lost.
        self._replaced: tuple[Instances, int] = [], 0

    async def _load(self) -> None:
        try:
            state = await self._store.load_state(self._settings.projection_id)
        except BaseException:
            self._keeper.remember(None)
            raise
        self._stored = None if state is None else state.revision
        if state is None or self._is_lost or state.revision != self._progress.revision():
            self._begin(state or self._settings.first_state())
        self._is_lost = False
        self._keeper.remember(state)
        (instances, revision), self._replaced = self._replaced, ([], 0)
        if instances and revision == self._stored:  # the commit was done after all
            self._registry.put_instances(instances)

    async def _take(self, items: Sequence[Any], page: Page | None, must_reset: bool) -> None:
        feed = kind_of(self._settings.projection_id, items, self._place)
        self._admit(feed, items, page, must_reset)
        if not must_reset:
            items = self._without_handled(feed, items)
            if not items and (page is None or self._is_known(page)):
                return
        before, instances = self._stored, self._registry.instances()
        origin = origin_of(feed, items, page) if must_reset else None
        try:
            await self._commit(items, feed, page, origin)
        except BaseException as error:
            await self._roll_back(error, before, instances)
            if len(items) > 1 and not isinstance(error, TransactionEnded):
                logger.warning(
                    "projection %r: a batch of %d events was rolled back and is handled again "
                    "event by event: %r", self._settings.projection_id, len(items), error
                )  # fmt: skip
                await self._take_one_by_one(items, page, must_reset)
                return
            if not items and not must_reset:  # no event was tried, so none failed
                raise
            if not must_reset:  # else the replay never happened
                self._begin_chunk(feed, items, page)
                start = self._settings.start
                fresh = from_start(items, feed, start, self._progress)
                if feed == "recorded" and fresh:
                    self._progress.failed_position = fresh[0].position
            await self._count_failure(error)
            raise

    def _is_known(self, page: Page) -> bool:
        """Say whether a page without news has nothing else to tell."""
        progress = self._progress
        return page.last_position <= progress.position and progress.store_id is not None

    async def _roll_back(
        self, error: BaseException, before: int | None, instances: Instances
    ) -> None:
        """Load what is stored after `error`; raise it unless the same can be tried again."""
        failing = self._progress
        if failing.revision() != before:  # it was about to be committed, or was
            self._keeper.remember(None)  # until it is loaded
            if not isinstance(error, StateConflict):
                self._replaced = self._registry.instances(), failing.revision()
        self._registry.put_instances(instances)
        if not is_failure(error, self.requests_before):
            raise error
        try:
            await self._load()
        except Exception as failure:  # noqa: BLE001 - it must not hide the first error
            note(error, f"and the projection's state could not be loaded: {failure!r}")
            raise error from error.__cause__
        if self._stored != before:
            raise error  # somebody else was at work, or the commit was done and its answer lost

    async def _count_failure(self, error: BaseException) -> None:
        self._progress.fault = "handler"
        await self._save_failure(error)

    def _without_handled(self, feed: Feed, items: Sequence[Any]) -> Sequence[Any]:
        """Return `items` from the first new one on: no transaction is opened for the others."""
        progress = self._progress
        if feed == "bare":
            return list(dropwhile(lambda each: is_seen(each, progress), items))
        following = progress.position + 1
        return list(
            dropwhile(lambda each: not check_place(each.position, progress, following), items)
        )

    async def _take_one_by_one(
        self, items: Sequence[Any], page: Page | None, must_reset: bool
    ) -> None:
        """Commit the good prefix of a batch that was rolled back."""
        after = 0 if page is None else page.after_position
        for item in items:
            if page is None:
                await self._take((item,), None, must_reset)
            else:
                part = Page((item,), after, item.position, at_end=False, store_id=page.store_id)
                await self._take(part.events, part, must_reset)
                after = item.position
            must_reset = False
        if page is not None:
            await self._take((), replace(page, events=(), after_position=after), must_reset=False)

    async def _commit(
        self, items: Sequence[Any], feed: Feed | None, page: Page | None, replayed: Origin | None
    ) -> None:
        async def work(transaction: Any) -> None:
            if replayed is not None:
                self._begin_again("replaying", replayed)
                self._progress.transaction = transaction
                await self._empty(transaction)
            if feed is not None:
                self._begin_chunk(feed, items, page)
                await self._handle(items, feed, transaction)
            self._finish(page)

        await self._in_batch(work)

    async def _in_batch(self, work: Callable[[Any], Awaitable[None]]) -> None:
        """Do `work` with a transaction; commit it with what the read models and the state are."""
        self._is_lost = True  # until it is known to be stored
        try:
            async with self._store.transaction(self._settings.projection_id) as transaction:
                one_by_one = self._registry.batch is None
                await self._models.begin(transaction, self._stored, one_by_one=one_by_one)
                self._progress.transaction = transaction
                await work(transaction)
                await self._models.flush()
                await self._write(transaction)
        except BaseException:
            self._models.end(None)
            raise
        self._committed()
        self._models.end(self._stored)

    async def _empty(self, transaction: Any) -> None:  # noqa: ARG002 - some have more to empty in it
        await self._models.empty()
        await self._registry.reset(self._progress.context(0, None, replaying=True))

    async def _handle(self, items: Sequence[Any], feed: Feed, transaction: Any) -> None:  # noqa: ARG002 - some ask it what not to handle
        if not self._models:
            await self._apply(items, feed)
            return
        items = from_start(items, feed, self._settings.start, self._progress)
        size = SLICE if self._registry.batch is None else max(len(items), 1)
        for start in range(0, len(items), size):
            part = items[start : start + size]
            await self._prefetch(self._new(part))
            await self._apply(part, feed)
            await self._models.settle()

    def _new(self, items: Sequence[Any]) -> Sequence[Any]:
        checkpoint = self._progress.position
        return [
            each
            for each in items
            if not isinstance(each, RecordedEvent) or each.position > checkpoint
        ]

    async def _prefetch(self, items: Sequence[Event] | Sequence[RecordedEvent]) -> None:
        events = [each.event if isinstance(each, RecordedEvent) else each for each in items]
        await self._models.prefetch([each for each in events if self._registry.hears(each)])

    async def _reset(self, origin: Origin) -> None:
        before, instances = self._stored, self._registry.instances()
        try:
            await self._commit((), None, None, origin)
        except BaseException as error:
            await self._roll_back(error, before, instances)
            await self._count_failure(error)
            raise

    async def _save(self) -> None:
        self._is_lost = True  # until it is known to be stored
        try:
            async with self._store.transaction(self._settings.projection_id) as transaction:
                await self._write(transaction)
        except BaseException:
            self._keeper.remember(None)
            raise
        self._committed()

    async def _write(self, transaction: StateTransaction) -> None:
        self._progress.touch()
        await transaction.save_state(self._progress.make_state(), replacing=self._stored)

    def _committed(self) -> None:
        progress = self._progress
        progress.transaction, progress.is_dirty, self._is_lost = None, False, False
        self._stored = progress.revision()
        self._keeper.remember(progress.make_state())
