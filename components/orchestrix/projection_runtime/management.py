"""What a managed state store says of one projection: whose it is, and what is wanted of it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

from orchestrix.eventsourcing import AsyncEventStore, Parking, StorageError
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_runtime.errors import ProjectionPaused
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.parked_keys import ParkedKeys
from orchestrix.projection_runtime.tenure import Tenure
from orchestrix.projection_runtime.to_its_end import to_its_end
from orchestrix.projection_state import ManagedStateStore

logger = logging.getLogger("orchestrix.runtime")

_OFTEN: Final = 0.25
"""Seconds in which the store is asked at most once, while there is other work."""


class Management:
    """One projection's rows besides its state, as the runner that wants to run it needs them.

    Attributes:
        states: The store.
        holder: Who runs it when this runner does not.
        is_paused: Whether somebody paused it.
    """

    def __init__(
        self,
        projection_id: str,
        parking: Parking | None,
        states: ManagedStateStore,
        log: AsyncEventStore,
        policy: FailurePolicy,
        lease_seconds: float,
    ) -> None:
        self.holder: str | None = None
        self.is_paused = False
        self._lease_seconds = lease_seconds
        self.states = states
        self._projection_id = projection_id
        self._keys: ParkedKeys | None = None
        if parking is not None:
            self._keys = ParkedKeys(projection_id, parking, states, log, policy)
        self._tenure = Tenure(states, projection_id, lease_seconds)
        self._status_at = self._keys_at = float("-inf")
        self._next_attempt: float | None = None  # by time.monotonic
        self._lease_problem = ""  # what the log knows of it

    @property
    def is_held(self) -> bool:
        """Whether this runner runs the projection, as far as it knows."""
        return self._tenure.is_held

    async def take(self) -> bool:
        """See whether this runner is to run the projection; take the right to, if it is free.

        Return whether the store was asked, which it is not each time.
        """
        now = time.monotonic()
        if self.is_held and now - self._status_at < _OFTEN:
            return False
        if not self.is_held:
            self.holder = await self._tenure.take()
            self._keys_at = float("-inf")
        self.is_paused = await self.is_to_pause()
        self._status_at = now
        return True

    async def is_to_pause(self) -> bool:
        """Say whether somebody wants the projection to be paused, whoever runs it."""
        return await self.states.desired_status(self._projection_id) == "paused"

    def check_not_paused(self) -> None:
        """Raise ProjectionPaused if it is paused."""
        if self.is_paused:
            raise ProjectionPaused(self._projection_id)

    def keep(self) -> "asyncio.Task[None]":
        """Let others know that this runner is there, until :meth:`give_back`."""
        return asyncio.create_task(self._renew())

    async def give_back(self, keeping: "asyncio.Task[None]") -> None:
        """Let others run the projection, also when this is cancelled meanwhile."""
        keeping.cancel()
        await to_its_end(self._give_back(keeping))

    async def _give_back(self, keeping: "asyncio.Task[None]") -> None:
        await asyncio.wait([keeping])
        with self._told("given back"):
            await self._tenure.give_back()

    async def is_run_elsewhere(self) -> bool:
        """Say whether another runner has the right to run it, as far as anybody knows."""
        return await self._tenure.is_elsewhere()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            with self._told("renewed"):
                await self._tenure.renew()

    @contextmanager
    def _told(self, what: str) -> Generator[None, None, None]:
        try:
            yield
        except (StorageError, OSError) as error:
            if str(error) == self._lease_problem:
                return
            self._lease_problem = str(error)
            logger.warning(
                "projection %r: its lease could not be %s: %s", self._projection_id, what, error
            )

    async def attend(self, goes_on: Callable[[], Awaitable[bool]]) -> float | None:
        """Try again what is due, and do what was asked for; see :class:`ParkedKeys`."""
        if self._keys is None:
            return None
        now = time.monotonic()
        is_due = self._next_attempt is not None and self._next_attempt <= now
        if is_due or now - self._keys_at >= _OFTEN:
            left = await self._keys.attend(goes_on)
            now = time.monotonic()
            self._keys_at, self._next_attempt = now, None if left is None else now + left
        return None if self._next_attempt is None else max(0.0, self._next_attempt - now)

    @property
    def can_park(self) -> bool:
        """Whether what fails can be set aside."""
        return self._keys is not None

    async def set_aside(self, failed: RecordedEvent, cause: Exception) -> None:
        """Set aside what failed, where that can be; see :class:`ParkedKeys`."""
        if self._keys is None:
            raise cause
        await self._keys.set_aside(failed, cause)
        self._keys_at = float("-inf")
