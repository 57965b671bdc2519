"""An engine's work when some keys can be set aside, while the others go on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrix.eventsourcing.errors import StorageError
from orchestrix.eventsourcing.projections.cancellation import is_failure, note
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.errors import TransactionEnded
from orchestrix.eventsourcing.projections.handlers import call
from orchestrix.eventsourcing.projections.held_keys import Aside, HeldKeys
from orchestrix.eventsourcing.projections.keys import Keys
from orchestrix.eventsourcing.projections.open_models import OpenModels
from orchestrix.eventsourcing.projections.parts import from_start
from orchestrix.eventsourcing.projections.progress import sentence
from orchestrix.eventsourcing.projections.recorded_feed import check_place
from orchestrix.eventsourcing.projections.registry import Registry
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.eventsourcing.projections.state_keeper import StateKeeper
from orchestrix.eventsourcing.projections.transactional_work import TransactionalWork
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import (
    Feed,
    ManagedStateStore,
    ManagedTransaction,
    NotParked,
    ParkedEvents,
    ParkedKey,
    StateConflict,
)

logger = logging.getLogger("orchestrix.projections")

DelayAfter = Callable[[int], float | None]
"""From the number of attempts to the seconds before the next one; None: there is none."""


class ManagedWork(TransactionalWork):
    """Work that leaves out the events of keys that are set aside, and comes back to them.

    Which keys these are changes with the state and in its transaction, so whoever else is at
    work on the projection conflicts rather than overtakes.
    """

    def __init__(
        self,
        store: ManagedStateStore,
        keeper: StateKeeper,
        registry: Registry,
        dispatch: Dispatch,
        settings: Settings,
        models: OpenModels,
        keys: Keys,
    ) -> None:
        super().__init__(store, keeper, registry, dispatch, settings, models)
        self._managed = store
        self._keys = keys
        self._held = HeldKeys(keys)

    async def set_aside(
        self, failed: RecordedEvent, cause: BaseException, delay: float | None
    ) -> None:
        """See Parking."""
        await self._be_ready()
        key, now = self._keys.of(failed), datetime.now(UTC)

        async def work(transaction: ManagedTransaction) -> None:
            self._progress.pass_over(failed)
            if await _find(transaction.parked, key) is None:
                parked = ParkedKey(
                    projection_id=self._settings.projection_id, key=key, position=failed.position,
                    since=now, attempts=1, error=sentence(cause), failed_at=now, delay=delay,
                )  # fmt: skip
                await transaction.parked.save(parked)
            await transaction.parked.add([(key, failed.position)])

        await self._change(work)

    async def retry(
        self, key: str, events: Sequence[RecordedEvent], delay_after: DelayAfter
    ) -> None:
        """See Parking."""
        await self._be_ready()
        await self._answer(key, events[0].position)

        async def work(transaction: ManagedTransaction) -> None:
            parked = await _find(transaction.parked, key)
            if parked is not None and parked.position == events[0].position:
                waiting = [each for each in events if each.position <= self._progress.position]
                await self._handle_again(waiting)
                await transaction.parked.release(key, waiting[-1].position)

        try:
            await self._change(work)
        except (StorageError, StateConflict, TransactionEnded):
            raise
        except (Exception, asyncio.CancelledError) as error:
            if not is_failure(error, self.requests_before):
                raise
            if len(events) == 1:
                await self._put_off(key, events[0], error, delay_after)
                raise
            logger.warning(
                "projection %r: a batch of %d events of the key %r was rolled back and is handled "
                "again event by event: %r",
                self._settings.projection_id, len(events), key, error,
            )  # fmt: skip
            for each in events:
                await self.retry(key, [each], delay_after)

    async def _answer(self, key: str, first: int) -> None:
        """Take note that a key is tried anew, before that: a later request is another one."""

        def is_asked(parked: ParkedKey) -> bool:
            return parked.request == "retry" and parked.position == first

        known = await self._managed.parked_keys(self._settings.projection_id)
        if not any(each.key == key and is_asked(each) for each in known):
            return

        async def work(transaction: ManagedTransaction) -> None:
            parked = await _find(transaction.parked, key)
            if parked is not None and is_asked(parked):
                await transaction.parked.save(replace(parked, attempts=0, delay=0.0))
                await transaction.parked.answer(key, "retry")

        await self._change(work)

    async def discard(self, key: str, reason: str) -> int:
        """See Parking."""
        await self._be_ready()
        count = 0

        async def work(transaction: ManagedTransaction) -> None:
            nonlocal count
            count = await transaction.parked.discard(key, reason, datetime.now(UTC))

        await self._change(work)
        return count

    async def _handle(
        self, items: Sequence[Any], feed: Feed, transaction: ManagedTransaction
    ) -> None:
        if feed == "bare":
            await super()._handle(items, feed, transaction)
            return
        items = from_start(items, feed, self._settings.start, self._progress)
        await self._held.know(transaction.parked, self._stored)
        kept, aside = self._held.sort_out(items, self._progress, self._registry.hears)
        if aside:
            await self._add(aside, transaction)
        await super()._handle(kept, feed, transaction)
        if aside:
            _, last = aside[max(aside)]
            self._pass(last)

    async def _add(self, aside: Aside, transaction: ManagedTransaction) -> None:
        if self._progress.failed_position in aside:
            self._progress.failed_position = None  # it comes next no more
        try:
            await transaction.parked.add([(key, at) for at, (key, _) in aside.items()])
        except NotParked as error:  # somebody else has freed a key since the state was loaded
            state = await self._store.load_state(self._settings.projection_id)
            found = None if state is None else state.revision
            raise StateConflict(self._settings.projection_id, self._stored, found) from error

    def _pass(self, last: RecordedEvent) -> None:
        """Move the checkpoint over events that were set aside.

        Raises:
            GapInFeed: The event that failed last is not among what was fed.
        """
        if last.position > self._progress.position:
            check_place(last.position, self._progress, self._progress.position + 1)
            self._progress.reach(last.position)
            self._progress.event_id = last.id

    async def _empty(self, transaction: ManagedTransaction) -> None:
        await transaction.parked.clear()
        self._held.forget()
        await super()._empty(transaction)

    def _committed(self) -> None:
        before = self._stored
        super()._committed()
        self._held.follow(before, self._stored)

    async def _change(self, work: Callable[[ManagedTransaction], Any]) -> None:
        """Do `work` in a batch of its own, that changes what is set aside."""
        before = self._stored
        try:
            await self._in_batch(work)
        except BaseException:
            if self._progress.revision() != before:  # it was about to be committed, or was
                self._keeper.remember(None)  # until it is loaded
            raise
        self._held.forget()

    async def _in_batch(self, work: Callable[[Any], Awaitable[None]]) -> None:
        try:
            await super()._in_batch(work)
        except BaseException:
            self._held.forget()  # what it has seen may have been its own changes
            raise

    async def _handle_again(self, events: Sequence[RecordedEvent]) -> None:
        progress, registry = self._progress, self._registry
        progress.fingerprint = registry.fingerprint()
        await self._prefetch(events)
        applied: list[int] = []
        for each in events:
            routes = registry.replay if self._is_history(each) else registry.live
            if registry.batch is None:
                handled = await self._dispatch(each.event, each.position, each, routes, progress)
            else:
                handled = await self._hand_to_batch_handler(each)
            if handled:
                applied.append(each.position)
        for position in applied:
            progress.applied_run(position, position + 1)

    async def _hand_to_batch_handler(self, recorded: RecordedEvent) -> bool:
        event, handler = recorded.event, self._registry.batch
        self._dispatch.check_for_batch(event)
        if handler is None or self._dispatch.is_ignored(event):
            return False
        context = self._progress.context(
            recorded.position, recorded, replaying=self._is_history(recorded)
        )
        await call(handler.function, ([event],), handler.context, context)
        return True

    def _is_history(self, recorded: RecordedEvent) -> bool:
        return recorded.position <= self._progress.replay_until

    async def _put_off(
        self, key: str, failed: RecordedEvent, error: BaseException, delay_after: DelayAfter
    ) -> None:
        """Keep that the first event of a key failed again; what fails here is told by `error`."""

        async def work(transaction: ManagedTransaction) -> None:
            parked = await _find(transaction.parked, key)
            if parked is not None and parked.position == failed.position:
                self._progress.error_count += 1
                attempts = parked.attempts + 1
                again = replace(
                    parked, attempts=attempts, error=sentence(error), failed_at=datetime.now(UTC),
                    delay=delay_after(attempts),
                )  # fmt: skip
                await transaction.parked.save(again)

        try:
            await self._be_ready()
            await self._change(work)
        except Exception as failure:  # noqa: BLE001 - it must not hide the first error
            note(error, f"and that it failed could not be kept: {failure!r}")


async def _find(parked: ParkedEvents, key: str) -> ParkedKey | None:
    return next((each for each in await parked.keys() if each.key == key), None)
