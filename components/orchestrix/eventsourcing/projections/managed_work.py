"""An engine's work when some keys can be set aside, while the others go on."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrix.eventsourcing.errors import StorageError
from orchestrix.eventsourcing.projections.cancellation import is_failure, note
from orchestrix.eventsourcing.projections.dispatch import Dispatch
from orchestrix.eventsourcing.projections.handlers import call
from orchestrix.eventsourcing.projections.held_keys import HeldKeys
from orchestrix.eventsourcing.projections.keys import Keys
from orchestrix.eventsourcing.projections.open_models import OpenModels
from orchestrix.eventsourcing.projections.progress import sentence
from orchestrix.eventsourcing.projections.registry import Registry
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.eventsourcing.projections.state_keeper import StateKeeper
from orchestrix.eventsourcing.projections.transactional_work import TransactionalWork
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import (
    Feed,
    ManagedStateStore,
    ManagedTransaction,
    ParkedEvents,
    ParkedKey,
    StateConflict,
)

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
        self._keys = keys
        self._held = HeldKeys(keys)

    async def set_aside(self, failed: RecordedEvent, delay: float | None) -> None:
        """See Parking."""
        await self._be_ready()
        key, now = self._keys.of(failed), datetime.now(UTC)

        async def work(transaction: ManagedTransaction) -> None:
            error = self._progress.last_error or ""
            self._progress.pass_over(failed)
            parked = ParkedKey(
                projection_id=self._settings.projection_id, key=key, position=failed.position,
                since=now, attempts=1, error=error, failed_at=now, delay=delay,
            )  # fmt: skip
            await transaction.parked.save(parked)
            await transaction.parked.add([(key, failed.position)])

        await self._change(work)

    async def retry(
        self, key: str, events: Sequence[RecordedEvent], delay_after: DelayAfter
    ) -> None:
        """See Parking."""
        await self._be_ready()

        async def work(transaction: ManagedTransaction) -> None:
            if (await _find(transaction.parked, key, events[0])) is not None:
                await self._handle_again(events)
                await transaction.parked.answer(key, "retry")
                await transaction.parked.release(key, events[-1].position)

        try:
            await self._change(work)
        except (StorageError, StateConflict):
            raise
        except (Exception, asyncio.CancelledError) as error:
            if not is_failure(error, self.requests_before):
                raise
            if len(events) == 1:
                await self._put_off(key, events[0], error, delay_after)
                raise
            for each in events:
                await self.retry(key, [each], delay_after)

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
        await self._held.know(transaction.parked, self._stored)
        kept, aside = self._held.sort_out(items, self._progress)
        if aside:
            await transaction.parked.add(aside)
        await super()._handle(kept, feed, transaction)
        if aside:
            self._progress.reach(aside[-1][1])

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
        try:
            await self._in_batch(work)
        except BaseException:
            self._keeper.remember(None)  # until it is loaded
            raise
        finally:
            self._held.forget()

    async def _handle_again(self, events: Sequence[RecordedEvent]) -> None:
        progress, registry = self._progress, self._registry
        await self._models.prefetch(events)
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
        self._dispatch.check_known(event)
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
            parked = await _find(transaction.parked, key, failed)
            if parked is not None:
                attempts = 1 if parked.request == "retry" else parked.attempts + 1
                again = replace(
                    parked, attempts=attempts, error=sentence(error), failed_at=datetime.now(UTC),
                    delay=delay_after(attempts),
                )  # fmt: skip
                await transaction.parked.save(again)
                await transaction.parked.answer(key, "retry")
            self._progress.error_count += 1

        try:
            await self._be_ready()
            await self._change(work)
        except Exception as failure:  # noqa: BLE001 - it must not hide the first error
            note(error, f"and that it failed could not be kept: {failure!r}")


async def _find(parked: ParkedEvents, key: str, first: RecordedEvent) -> ParkedKey | None:
    """Return a key that is set aside and begins with the event `first`; None: not any more."""
    for each in await parked.keys():
        if (each.key, each.position) == (key, first.position):
            return each
    return None
