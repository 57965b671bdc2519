"""Whose turn it is to run a projection, among runners of all processes."""

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from orchestrix.projection_state import Lease, ManagedStateStore


class Tenure:
    """One runner's right to one projection.

    Args:
        store: Where the lease is.
        projection_id: The projection.
        seconds: How long a lease lasts that is not renewed.
        clock: Seconds that never go backwards.
    """

    def __init__(
        self,
        store: ManagedStateStore,
        projection_id: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._projection_id = projection_id
        self._holder = f"{_place()}:{os.getpid()}:{_PROCESS}-{next(_numbers)}"
        _here[self._holder] = self
        self._seconds = seconds
        self._clock = clock
        self._mine: Lease | None = None
        self._seen: Lease | None = None
        self._seen_at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether the right is ours, as far as we know."""
        return self._mine is not None

    async def take(self) -> str | None:
        """Take the right if nobody else uses it; return who does, None when it is ours."""
        found = await self._store.lease(self._projection_id)
        if found is not None and not self._is_free(found):
            return found.holder
        self._mine = await self._store.take_lease(
            self._projection_id, self._holder, self._seconds, seen=found
        )
        if self._mine is not None:
            return None
        found = await self._store.lease(self._projection_id)
        return "another runner" if found is None else found.holder

    async def renew(self) -> None:
        """Renew the right, if it is ours; it may turn out that it was lost."""
        if (mine := self._mine) is not None:
            renewed = await self._store.renew_lease(mine)
            if self._mine is mine:  # it was not given back meanwhile
                self._mine = renewed

    async def give_back(self) -> None:
        """Let others have it at once, also when taking it was cancelled before it was answered."""
        self._mine = None
        found = await self._store.lease(self._projection_id)
        if found is not None and found.holder == self._holder:
            await self._store.release_lease(found)

    async def is_elsewhere(self) -> bool:
        """Say whether somebody else has it who is not known to be no more."""
        found = await self._store.lease(self._projection_id)
        return found is not None and not self._is_free(found)

    def _is_free(self, found: Lease) -> bool:
        if found != self._seen:
            self._seen, self._seen_at = found, self._clock()
        is_forsaken = self._clock() - self._seen_at >= found.seconds
        is_ours = found.holder == self._holder  # taken or given back without an answer
        return not found.holder or is_ours or is_forsaken or is_gone(found.holder)


_PROCESS: Final = secrets.token_hex(4)  # tells this process from others with its number
_numbers = count(1)
_here: WeakValueDictionary[str, Tenure] = WeakValueDictionary()


def is_gone(holder: str) -> bool:
    """Say whether a holder is known to be no more; of those elsewhere nothing is known."""
    place, _, process = holder.rpartition(":")[0].rpartition(":")
    if place != _place() or not process.isdecimal():
        return False
    if int(process) == os.getpid():
        is_ours = holder.rpartition(":")[2].startswith(f"{_PROCESS}-")
        return is_ours and holder not in _here
    if sys.platform == "win32":  # there, asking a process ends it
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives, and is another user's
        return False
    return _is_dead(int(process))


def _place() -> str:
    """Return the host and, where processes are numbered apart in containers, which container."""
    try:
        numbered = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{numbered}"


def _is_dead(process: int) -> bool:
    """Say whether a process has ended and nobody has asked how."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "Z"
