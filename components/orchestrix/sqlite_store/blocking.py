"""Blocking work in threads, which a task that is cancelled leaves neither half done nor open."""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """What is open until it is closed."""

    def close(self) -> None:
        """End."""
        ...


ClosableT = TypeVar("ClosableT", bound=Closable)


async def to_its_end(work: Callable[[], None]) -> None:
    """Do blocking work in a thread; when cancelled meanwhile, wait for its end all the same.

    A coroutine that is closed instead, its loop gone, waits too, without the loop.
    """
    claimed, ended = threading.Lock(), threading.Event()

    def claimed_work() -> None:
        if claimed.acquire(blocking=False):
            try:
                work()
            finally:
                ended.set()

    # A future and no task: at its end asyncio.run cancels all tasks, and this must not be.
    doing = asyncio.get_running_loop().run_in_executor(None, claimed_work)
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:
            cancelled = error
        except GeneratorExit:
            if not claimed.acquire(blocking=False):
                ended.wait()
            raise
    failure = doing.exception()
    if cancelled is not None:
        raise cancelled from failure
    if failure is not None:
        raise failure


async def opened(make: Callable[[], ClosableT]) -> ClosableT:
    """Open something in a thread; when cancelled meanwhile, close it as soon as it is open."""
    made: list[ClosableT] = []
    gate, abandoned = threading.Lock(), threading.Event()

    def work() -> None:
        one = make()
        with gate:
            if not abandoned.is_set():
                made.append(one)
                return
        one.close()

    try:
        await asyncio.to_thread(work)
    except asyncio.CancelledError:
        with gate:
            abandoned.set()
        for one in made:
            one.close()
        raise
    return made[0]
