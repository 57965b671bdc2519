"""Keys that are set aside: tried again when it is time, or as somebody asks."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from orchestrix.eventsourcing import AsyncEventStore, NoKey, Parking, StorageError
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_runtime.errors import RunnerError, TooManyKeys, sentence, trace_of
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.failures import is_final, not_cancelled
from orchestrix.projection_state import ManagedStateStore, ParkedKey, StateConflict

logger = logging.getLogger("orchestrix.runtime")

BATCH: Final = 500
"""Events of a key that are handled in one transaction."""

NEARBY: Final = 100
"""Events that are read at once to find those of a key."""


class ParkedKeys:
    """What is set aside of one projection, for whoever runs it.

    Args:
        projection_id: The projection.
        parking: How its engine sets events aside.
        states: Where they are kept.
        log: Where the events are.
        policy: When to try again.
    """

    def __init__(
        self,
        projection_id: str,
        parking: Parking,
        states: ManagedStateStore,
        log: AsyncEventStore,
        policy: FailurePolicy,
    ) -> None:
        self._projection_id = projection_id
        self._parking = parking
        self._states = states
        self._log = log
        self._policy = policy

    async def attend(self, goes_on: Callable[[], Awaitable[bool]]) -> float | None:
        """Do what is asked for or due; return the seconds to the next attempt, None for none.

        Args:
            goes_on: Asked before each key; what is left is done next time.

        Raises:
            StorageError: The store cannot be reached; what was not done is done next time.
            StateConflict: Somebody else is at work.
        """
        for key in await self._states.parked_keys(self._projection_id):
            if key.request is None and not key.is_due(datetime.now(UTC)):
                continue
            if not await goes_on():
                break
            await (self._discard(key) if key.request == "discard" else self._retry(key))
        left = await self._states.parked_keys(self._projection_id)
        return min((_seconds_to(each) for each in left if each.status == "retrying"), default=None)

    async def set_aside(self, failed: RecordedEvent, cause: Exception) -> None:
        """Set aside what failed, with its key.

        Raises:
            NoKey: It has none, because of `cause`.
            TooManyKeys: Too many keys are set aside already.
            FeedError: It is not what failed last: somebody else was at work.
        """
        held = await self._states.parked_keys(self._projection_id)
        if len(held) >= self._policy.most_keys:
            raise TooManyKeys(
                f"{len(held)} keys are set aside already, so it is not the events; the last one: "
                f"{sentence(cause)}"
            ) from cause
        delay = self._policy.delay_after(1)
        try:
            await self._parking.set_aside(failed, cause, delay)
        except NoKey as error:
            raise error from cause
        self._tell(failed.position, delay, cause)

    async def _discard(self, key: ParkedKey) -> None:
        count = await self._parking.discard(key.key, key.reason or "")
        logger.warning(
            "projection %r: %d events of the key %r are discarded: %s",
            self._projection_id, count, key.key, key.reason,
        )  # fmt: skip

    async def _retry(self, key: ParkedKey) -> None:
        """Handle the next events of a key; the others at the next call, since all must go on."""
        positions = await self._states.parked_positions(self._projection_id, key.key, limit=BATCH)
        if not positions or positions[0] != key.position:
            if not await self._is_as_before(key):
                return
            raise RunnerError(
                f"projection {self._projection_id!r}: the key {key.key!r} is set aside from "
                f"position {key.position} on, and its events are {list(positions[:3])}; its rows "
                "were changed by hand, so mend them, discard the key, or replay"
            )
        records = await self._records(positions)
        try:
            await not_cancelled(
                self._parking.retry(key.key, records, self._policy.delay_after), self._projection_id
            )
        except (StorageError, StateConflict):
            raise
        except Exception as error:
            if is_final(error):
                raise
            await self._tell_of(key.key, error)
            return
        if len(positions) == key.events:
            logger.info("projection %r: the key %r has caught up", self._projection_id, key.key)

    async def _is_as_before(self, key: ParkedKey) -> bool:
        """Say whether nobody has changed a key since it was read, as a replay elsewhere does."""
        now = await self._states.parked_keys(self._projection_id)
        return any((each.key, each.position) == (key.key, key.position) for each in now)

    async def _records(self, positions: Sequence[int]) -> list[RecordedEvent]:
        wanted, found = deque(positions), list[RecordedEvent]()
        while wanted:
            page = await self._log.read_all(after_position=wanted[0] - 1, limit=NEARBY)
            if not page.events or page.events[0].position != wanted[0]:
                raise RunnerError(
                    f"projection {self._projection_id!r} has set the event at position "
                    f"{wanted[0]} aside, and the log does not hold it; give it its own store"
                )
            for each in page.events:
                if wanted and each.position == wanted[0]:
                    found.append(each)
                    wanted.popleft()
        return found

    async def _tell_of(self, name: str, error: Exception) -> None:
        for key in await self._states.parked_keys(self._projection_id):
            if key.key == name:
                self._tell(key.position, key.delay, error)

    def _tell(self, position: int, delay: float | None, error: Exception) -> None:
        following = "waits to be asked for" if delay is None else f"is tried in {delay:.1f} seconds"
        logger.log(
            logging.ERROR if delay is None else logging.WARNING,
            "projection %r failed at position %d, whose key is set aside and %s: %s",
            self._projection_id, position, following, sentence(error), exc_info=trace_of(error),
        )  # fmt: skip


def _seconds_to(key: ParkedKey) -> float:
    if key.request is not None:
        return 0.0
    passed = (datetime.now(UTC) - key.failed_at).total_seconds()
    return max(0.0, (key.delay or 0.0) - max(0.0, passed))
