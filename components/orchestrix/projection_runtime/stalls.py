"""Handlers that take too long: which one it is, found from outside.

A handler that blocks the loop keeps everybody else from saying so; hence a thread.
"""

import asyncio
import inspect
import logging
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Final, Protocol

import orchestrix.eventsourcing

logger = logging.getLogger("orchestrix.runtime")

_ENGINE: Final = str(orchestrix.eventsourcing.__path__[0])


@dataclass(frozen=True, slots=True)
class Stall:
    """A handler that has not returned for long.

    Attributes:
        handler: Its qualified name, and the line it was at; None: the engine waits for its store.
        position: The position it is at, as far as that is known.
        seconds: For how long, when it was seen last.
    """

    handler: str | None
    position: int | None
    seconds: float

    def __str__(self) -> str:
        place = "" if self.position is None else f" at position {self.position}"
        what = "the state store" if self.handler is None else f"handler {self.handler}"
        return f"{what} has not answered{place} for {self.seconds:.1f} seconds"


class Watched(Protocol):
    """What is looked after."""

    projection_id: str
    task: "asyncio.Task[Any] | None"
    busy_since: float | None
    stall: Stall | None


@contextmanager
def watched(each_of: Sequence[Watched], seconds: float) -> Generator[None, None, None]:
    """Look after these while the block lasts, from a thread; what is busy for longer is told.

    Args:
        each_of: Their `busy_since` is by ``time.monotonic``.
        seconds: How long is too long, above 0.
    """
    over, loop_thread = threading.Event(), threading.get_ident()

    looks = [_Look(each, seconds, loop_thread) for each in each_of]

    def look() -> None:
        while not over.wait(min(1.0, seconds / 4)):
            for each in looks:
                each.look()

    thread = threading.Thread(target=look, name="orchestrix-stalls", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Look:
    """What was seen of one of them when it was looked at last."""

    def __init__(
        self,
        one: Watched,
        seconds: float,
        loop_thread: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._one = one
        self._seconds = seconds
        self._loop_thread = loop_thread
        self._seen: tuple[float | None, int | None] = None, None
        self._since = 0.0

    def look(self) -> None:
        """Look again; where it is still at the same event for too long, tell."""
        one, task = self._one, self._one.task
        busy_since, now = one.busy_since, self._clock()
        if busy_since is None or task is None:
            return
        stall = stall_of(task, now, self._loop_thread)
        seen = busy_since, stall.position
        if one.busy_since != busy_since:  # it went on while we looked
            return
        if seen != self._seen:
            self._since = busy_since if busy_since != self._seen[0] else now
            self._seen, one.stall = seen, None
        if now - self._since < self._seconds:
            return
        is_new = one.stall is None
        one.stall = replace(stall, seconds=now - self._since)
        if is_new:
            logger.error("projection %r is stalled: %s", one.projection_id, one.stall)


def stall_of(task: "asyncio.Task[Any]", seconds: float, loop_thread: int) -> Stall:
    """Say what an engine that is called by `task` is waiting for, or doing."""
    frames = list(_frames_of(task, loop_thread))
    of_engine = [place for place, frame in enumerate(frames) if _is_engines(frame)]
    if not of_engine:
        return Stall(None, None, seconds)
    deeper = frames[of_engine[-1] + 1 :]
    positions = (frames[place].f_locals.get("position") for place in reversed(of_engine))
    position = next((each for each in positions if isinstance(each, int)), None)
    if not deeper or not _is_called_as_handler(frames[of_engine[-1]]):
        return Stall(None, position, seconds)
    code, line = deeper[0].f_code, deeper[0].f_lineno
    return Stall(f"{code.co_qualname} ({code.co_filename}:{line})", position, seconds)


def _frames_of(task: "asyncio.Task[Any]", loop_thread: int) -> Iterator[FrameType]:
    """Yield the frames of a task, the outermost first, whether it waits or runs.

    What an asynchronous generator waits for cannot be seen.
    """
    coroutine: Any = task.get_coro()
    while inspect.iscoroutine(coroutine):
        if coroutine.cr_running:
            yield from _running_frames(loop_thread)
            return
        if coroutine.cr_frame is not None:
            yield coroutine.cr_frame
        coroutine = coroutine.cr_await


def _running_frames(thread: int) -> Iterator[FrameType]:
    frame = sys._current_frames().get(thread)  # pyright: ignore[reportPrivateUsage] - there is no other way
    found: list[FrameType] = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    yield from reversed(found)


def _is_engines(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_ENGINE)


def _is_called_as_handler(frame: FrameType) -> bool:
    return frame.f_code.co_name in _CALLERS


_CALLERS: Final = frozenset({"apply_recorded", "apply_bare", "call", "finish"})
"""The functions of the engine that call handlers."""
