"""Turns: calls on one engine happen one after the other, in the order they came."""

import asyncio
import logging
import threading
import weakref
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar, Token
from weakref import WeakKeyDictionary

from orchestrix.eventsourcing.projections.cancellation import ended_from_outside
from orchestrix.eventsourcing.projections.errors import EngineInUse

logger = logging.getLogger("orchestrix.projections")


class Call:
    """One call that has its turn; :attr:`is_over` is told to the tasks that it started."""

    __slots__ = ("is_over", "task", "token", "turn")

    def __init__(self, turn: "Turn", outer: "tuple[Call, ...]") -> None:
        self.turn = turn
        self.is_over = False
        self.task = weakref.ref(task) if (task := asyncio.current_task()) else None
        self.token: Token[tuple[Call, ...]] = _calls.set((*outer, self))

    def end_abandoned(self) -> None:
        """End the coroutine that made this call, as Python would when it is collected.

        Until then what it handled is not in the state. Its ``finally`` blocks are run, up to
        where one waits for something.
        """
        task = None if self.task is None else self.task()
        coroutine = None if task is None else task.get_coro()
        if isinstance(coroutine, Coroutine):
            try:
                with ended_from_outside():
                    coroutine.close()
            except (Exception, asyncio.CancelledError):
                logger.exception("a call that was left when its loop was closed ended in an error")


_calls: ContextVar[tuple[Call, ...]] = ContextVar("orchestrix_projection_calls", default=())


class Turn:
    """Who may work now. Every :meth:`begin`, or :meth:`wait` after it, needs an :meth:`end`.

    Refuses, with EngineInUse, a call from inside itself, also through a task or
    ``asyncio.to_thread`` that a handler started, and a call from another loop or thread while
    calls are under way. A handler that waits for a call by other means waits for ever.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._mutex = threading.RLock()  # a waiter may be collected, and leave, inside it
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._holder: Call | None = None
        self._next: asyncio.Future[None] | None = None  # who was given the turn last
        self._waiting: deque[asyncio.Future[None]] = deque()

    def begin(self) -> Call | None:
        """Take the turn if it is free; else join the queue and return None."""
        outer = _calls.get()
        if outer:
            outer = tuple(call for call in outer if not call.is_over)
            self._check_reentry(outer)
        loop = asyncio.get_running_loop()
        with self._mutex:
            if self._users and self._is_abandoned():
                self._end_abandoned()
            if self._users == 0:
                self._waiting.clear()
                self._next = None
                self._users, self._loop = 1, loop
                self._holder = Call(self, outer)
                return self._holder
            self._check_loop(loop)
            self._users += 1
            self._waiting.append(loop.create_future())
            return None

    async def wait(self) -> Call:
        """Wait for the turn, after :meth:`begin` returned None. A cancelled wait needs no end."""
        mine = self._waiting[-1]
        try:
            await mine
        except BaseException:
            self._give_up(mine)
            raise
        self._next = None
        self._holder = Call(self, tuple(call for call in _calls.get() if not call.is_over))
        return self._holder

    def end(self, call: Call) -> None:
        """Give the turn to the next in the queue."""
        call.is_over = True
        if call is self._holder:
            self._pass_on()
        try:
            _calls.reset(call.token)
        except ValueError:  # a coroutine that was collected ends in another context
            return

    def _pass_on(self) -> None:
        with self._mutex:
            self._users -= 1
            while self._waiting:
                following = self._waiting.popleft()
                if not following.done():
                    with suppress(RuntimeError):  # its loop was closed, and nobody waits there
                        following.set_result(None)
                        self._next = following
                        return
                self._users -= 1

    def _give_up(self, mine: "asyncio.Future[None]") -> None:
        """Leave the queue, or pass on the turn that came at the same moment."""
        if mine is self._next:
            self._pass_on()
            return
        with self._mutex, suppress(ValueError):  # who takes it out of the queue counts it out
            self._waiting.remove(mine)
            self._users -= 1

    def _check_reentry(self, outer: tuple[Call, ...]) -> None:
        for call in outer:
            if call.turn is self:
                raise EngineInUse(
                    f"{self._name} was called from inside a call that is not over, by a handler, a "
                    "reset hook, the feed itself or a task in their context, and would wait for "
                    "itself for ever; make the call after that one, with the new events appended "
                    "to the store"
                )

    def _is_abandoned(self) -> bool:
        """Say whether the loop of whoever has the turn was closed, so that it never ends."""
        return self._loop is not None and self._loop.is_closed()

    def _end_abandoned(self) -> None:
        """Let the call of a closed loop end first: what it handled belongs into the state."""
        if self._holder is not None and not self._holder.is_over:
            self._holder.end_abandoned()
        self._users = 0

    def _check_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            raise EngineInUse(
                f"{self._name} is in use by another event loop; give each loop or thread "
                "an engine of its own, or call it from one"
            )


_turns: WeakKeyDictionary[object, dict[str, Turn]] = WeakKeyDictionary()


def turn_of(projection_id: str, shared_by: object | None) -> Turn:
    """Return the turn of a projection: one for all that share a state, else a new one.

    Args:
        projection_id: The projection.
        shared_by: What keeps the state in this process's memory; None when nothing does.
    """
    name = f"projection {projection_id!r}"
    if shared_by is None:
        return Turn(name)
    return _turns.setdefault(shared_by, {}).setdefault(projection_id, Turn(name))
