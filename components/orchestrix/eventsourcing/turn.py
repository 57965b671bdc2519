"""Turns: calls on one engine happen one after the other, in the order they came."""

import asyncio
import threading
from contextvars import ContextVar, Token
from types import TracebackType

from orchestrix.eventsourcing.projection_errors import EngineInUse


class _Call:
    """One call that has its turn or waits for it."""

    __slots__ = ("is_over", "turn")

    def __init__(self, turn: "Turn") -> None:
        self.turn = turn
        self.is_over = False


_calls: ContextVar[tuple[_Call, ...]] = ContextVar("orchestrix_projection_calls", default=())


class Turn:
    """``async with turn:`` waits its turn in the order of arrival; safe to cancel at any moment.

    Refuses, with EngineInUse, a call from inside itself (also through a task or a thread that
    a handler started), and a call from another loop or thread while calls are under way.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._mutex = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._call: tuple[_Call, Token[tuple[_Call, ...]]] | None = None

    async def __aenter__(self) -> None:
        outer = _calls.get()
        for call in outer:
            if call.turn is self and not call.is_over:
                raise EngineInUse(
                    f"{self._name} was called from inside one of its own handlers and would wait "
                    "for itself for ever; append the new events to the store, and feed them later"
                )
        self._arrive()
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise
        call = _Call(self)
        self._call = call, _calls.set((*outer, call))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._call is not None:
            call, token = self._call
            call.is_over = True
            _calls.reset(token)
        self._lock.release()
        self._leave()

    def _arrive(self) -> None:
        loop = asyncio.get_running_loop()
        with self._mutex:
            if loop is not self._loop:
                if self._users:
                    raise EngineInUse(
                        f"{self._name} is in use by another event loop; give each loop or thread "
                        "an engine of its own, or call it from one"
                    )
                self._loop, self._lock = loop, asyncio.Lock()
            self._users += 1

    def _leave(self) -> None:
        with self._mutex:
            self._users -= 1
