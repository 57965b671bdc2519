"""An engine's work when the read model and the state commit together."""

from collections.abc import Sequence
from typing import Any

from orchestrix.eventsourcing.dispatch import Dispatch
from orchestrix.eventsourcing.feed import kind_of
from orchestrix.eventsourcing.page import Page
from orchestrix.eventsourcing.registry import Registry
from orchestrix.eventsourcing.state_keeper import StateKeeper
from orchestrix.eventsourcing.work import Settings, Work
from orchestrix.projection_state import (
    Feed,
    StateTransaction,
    TransactionalProjectionStateStore,
)


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

    async def _load(self) -> None:
        state = await self._store.load_state(self._settings.projection_id)
        self._stored = None if state is None else state.last_processed_position
        if state is None or state.updated_at != self._progress.make_state().updated_at:
            self._begin(state or self._first_state())
        self._keeper.remember(state)

    async def _take(self, items: Sequence[Any], page: Page | None, must_reset: bool) -> None:
        feed = kind_of(self._settings.projection_id, items)
        self._check(feed, page, must_reset)
        try:
            await self._commit(items, feed, page, must_reset)
        except BaseException as error:
            failing = self._progress
            self._begin(self._first_state())
            if not isinstance(error, Exception):
                raise
            await self._load()
            if not (failing.has_failed or failing.is_refused):
                raise  # the store failed, not a handler
            if len(items) > 1:
                await self._take_one_by_one(items, feed, page, must_reset)
                return
            if failing.has_failed and not must_reset:
                self._progress.has_failed = True
                self._progress.failed_position = failing.failed_position
                await self._save_failure(error)
            raise

    async def _take_one_by_one(
        self, items: Sequence[Any], feed: Feed, page: Page | None, must_reset: bool
    ) -> None:
        """Commit the good prefix of a batch that was rolled back."""
        for item in items:
            await self._take((item,), None, must_reset)
            must_reset = False
        if page is not None:
            await self._commit((), feed, page, must_reset=False)

    async def _commit(
        self, items: Sequence[Any], feed: Feed | None, page: Page | None, must_reset: bool
    ) -> None:
        async with self._store.transaction(self._settings.projection_id) as transaction:
            if must_reset:
                self._begin_again("replaying")
            progress = self._progress
            progress.transaction = transaction
            if must_reset:
                progress.has_failed = True  # until the hooks have returned
                await self._registry.reset(progress.context(0, None, replaying=True))
                progress.has_failed = False
            if feed is not None:
                progress.begin_feed(feed)
                await self._apply(items, feed)
            self._finish(page)
            if progress.is_dirty or must_reset:
                await self._write(transaction)
        self._committed()

    async def _reset(self) -> None:
        await self._commit((), None, None, must_reset=True)

    async def _save(self) -> None:
        async with self._store.transaction(self._settings.projection_id) as transaction:
            await self._write(transaction)
        self._committed()

    async def _write(self, transaction: StateTransaction) -> None:
        self._progress.touch()
        await transaction.save_state(self._progress.make_state(), replacing=self._stored)

    def _committed(self) -> None:
        progress = self._progress
        progress.transaction, progress.is_dirty = None, False
        self._stored = progress.position
        self._keeper.remember(progress.make_state())
