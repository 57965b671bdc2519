"""The batches of one store in memory: one at a time in each event loop, none inside another."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from weakref import WeakKeyDictionary

from orchestrix.eventsourcing import BatchInsideBatch


class _Batch:
    """A transaction that is under way; tasks that its handlers started may outlive it."""

    def __init__(self, batches: "Batches") -> None:
        self.batches = batches
        self.is_open = True


_entered: ContextVar[tuple[_Batch, ...]] = ContextVar("orchestrix_memory_batches", default=())


class Batches:
    """The turns that the batches of one store take."""

    def __init__(self) -> None:
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._gate = threading.Lock()

    @asynccontextmanager
    async def turn(self, projection_id: str) -> AsyncGenerator[None, None]:
        """Be a batch meanwhile, when no other one is open in this loop.

        Raises:
            BatchInsideBatch: The running code is part of one.
        """
        self.check_outside(projection_id)
        async with self._turn():
            batch = _Batch(self)
            inside = _entered.set((*_entered.get(), batch))
            try:
                yield
            finally:
                batch.is_open = False
                with suppress(ValueError):  # collected, and so ended in another context
                    _entered.reset(inside)

    def check_outside(self, projection_id: str) -> None:
        """Raise BatchInsideBatch when the running code is part of an open batch."""
        if any(each.is_open and each.batches is self for each in _entered.get()):
            raise BatchInsideBatch(projection_id)

    def _turn(self) -> asyncio.Lock:
        with self._gate:
            return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
