"""Turns: calls on one engine happen one after the other, in the order they came."""

import asyncio
import threading
from collections import deque
from contextvars import ContextVar, Token

from orchestrix.eventsourcing.projection_errors import EngineInUse


class Call:
    """One call that has its turn; :attr:`is_over` is told to the tasks that it started."""

    __slots__ = ("is_over", "token", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.is_over = False
        self.token: Token[tuple[Call, ...]] | None = None


_calls: ContextVar[tuple[Call, ...]] = ContextVar("orchestrix_projection_calls", default=())


class Turn:
    """Who may work now. Every :meth:`begin`, or :meth:`wait` after it, needs an :meth:`end`.

    Refuses, with EngineInUse, a call from inside itself (also through a task or a thread that
    a handler started), and a call from another loop or thread while calls are under way.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._mutex = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def begin(self) -> Call | None:
        """Take the turn if it is free; else join the queue and return None."""
        outer = _calls.get()
        if outer:
            self._check_reentry(outer)
        loop = asyncio.get_running_loop()
        with self._mutex:
            if self._users == 0:
                self._users, self._loop = 1, loop
                return self._call(outer)
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
        return self._call(_calls.get())

    def end(self, call: Call) -> None:
        """Give the turn to the next in the queue."""
        call.is_over = True
        if call.token is not None:
            _calls.reset(call.token)
        self._pass_on()

    def _call(self, outer: tuple[Call, ...]) -> Call:
        call = Call(self)
        call.token = _calls.set((*outer, call))
        return call

    def _pass_on(self) -> None:
        with self._mutex:
            self._users -= 1
            while self._waiting:
                following = self._waiting.popleft()
                if not following.done():
                    following.set_result(None)
                    return

    def _give_up(self, mine: "asyncio.Future[None]") -> None:
        """Leave the queue, or pass on the turn that came at the same moment."""
        if mine.done() and not mine.cancelled():
            self._pass_on()
            return
        with self._mutex:
            self._users -= 1
            self._waiting.remove(mine)

    def _check_reentry(self, outer: tuple[Call, ...]) -> None:
        for call in outer:
            if call.turn is self and not call.is_over:
                raise EngineInUse(
                    f"{self._name} was called from inside one of its own handlers and would wait "
                    "for itself for ever; append the new events to the store, and feed them later"
                )

    def _check_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            raise EngineInUse(
                f"{self._name} is in use by another event loop; give each loop or thread "
                "an engine of its own, or call it from one"
            )
