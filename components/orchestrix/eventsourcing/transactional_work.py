"""An engine's work when the read model and the state commit together."""

import logging
from collections.abc import Sequence
from typing import Any

from orchestrix.eventsourcing.dispatch import Dispatch
from orchestrix.eventsourcing.feed import Chunk, kind_of
from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.registry import Registry
from orchestrix.eventsourcing.state_keeper import StateKeeper
from orchestrix.eventsourcing.work import Settings, Work
from orchestrix.projection_state import Feed, TransactionalProjectionStateStore

logger = logging.getLogger("orchestrix.projections")


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
    ) -> None:
        super().__init__(keeper, registry, dispatch, settings)
        self._store = store
        self._stored: int | None = None  # the checkpoint that is stored, as far as we know

    async def _load_progress(self) -> None:
        state = await self._store.load_state(self._settings.projection_id)
        self._stored = None if state is None else state.last_processed_position
        if state is None or state.updated_at != self._progress.state.updated_at:
            self._begin(state or self._first_state())
        self._keeper.remember(state)

    async def _take(self, chunk: Chunk, must_reset: bool) -> None:
        feed = kind_of(self._settings.projection_id, chunk)
        self._check(chunk, feed, must_reset)
        try:
            await self._commit(chunk.items, feed, chunk.page, must_reset)
        except BaseException as error:
            failing, self._progress.transaction = self._progress, None
            self._begin(self._first_state())
            if not isinstance(error, Exception):
                raise
            await self._load_progress()
            if not (failing.has_failed or failing.is_refused):
                raise  # the store failed, not a handler
            if len(chunk.items) > 1:
                await self._take_one_by_one(chunk, feed, must_reset)
                return
            if failing.has_failed and not must_reset:
                self._progress.has_failed = True
                self._progress.failed_position = failing.failed_position
                await self._save_failure(error)
            raise
        await self._yield_after(chunk)

    async def _take_one_by_one(self, chunk: Chunk, feed: Feed, must_reset: bool) -> None:
        """Commit the good prefix of a batch that was rolled back."""
        for item in chunk.items:
            await self._take(Chunk((item,), None), must_reset)
            must_reset = False
        if chunk.page is not None:
            await self._commit((), feed, chunk.page, must_reset=False)

    async def _commit(
        self, items: Sequence[Any], feed: Feed | None, page: Page | None, must_reset: bool
    ) -> None:
        async with self._store.transaction(self._settings.projection_id) as transaction:
            self._progress.transaction = transaction
            if must_reset:
                await self._reset_models(transaction)
            progress = self._progress
            if feed is not None:
                progress.begin_feed(feed)
                await self._apply(items, feed)
            if page is not None:
                progress.reach(page.last_position)
            changes = self._changes_after(page)
            if changes is not None or must_reset:
                state = progress.make_state(**self._with_status(changes or {}))
                await transaction.save_state(state, replacing=self._stored)
        self._committed()

    async def _reset_models(self, transaction: Any) -> None:
        """Empty the read models in the transaction of the first batch."""
        first = self._first_replaying_state("replaying")
        self._begin(first)
        self._progress.transaction = transaction
        self._progress.has_failed = True  # until the hooks have returned
        await self._registry.reset(self._progress.context(0, None, replaying=True))
        self._progress.has_failed = False

    async def _reset(self) -> None:
        await self._commit((), None, None, must_reset=True)

    async def _save(self, **changes: Any) -> None:
        async with self._store.transaction(self._settings.projection_id) as transaction:
            state = self._progress.make_state(**self._with_status(changes))
            await transaction.save_state(state, replacing=self._stored)
        self._committed()

    def _committed(self) -> None:
        self._progress.transaction = None
        self._stored = self._progress.state.last_processed_position
        self._keeper.remember(self._progress.state)
