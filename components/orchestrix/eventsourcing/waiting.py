"""Waiting for events: whoever appends, in whichever thread, wakes the tasks that wait."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial


class Watchers:
    """Calls to make after the next append. Safe for threads and loops.

    The lock is reentrant because the garbage collector may end a forgotten waiter while
    others are being woken.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._watching: set[Callable[[], None]] = set()

    def watch(self, grown: Callable[[], None]) -> None:
        """Call `grown` once, after the next append, in the appending thread."""
        with self._lock:
            self._watching.add(grown)

    def unwatch(self, grown: Callable[[], None]) -> None:
        """Forget what :meth:`watch` was given, called or not."""
        with self._lock:
            self._watching.discard(grown)

    def announce(self) -> None:
        """Make the calls: something was appended."""
        with self._lock:
            watching, self._watching = self._watching, set()
        for grown in watching:
            grown()

    async def wait(
        self,
        has_grown: Callable[[], bool],
        seconds: float,
        *,
        pauses: tuple[float, float] | None = None,
    ) -> bool:
        """Wait until `has_grown` says so; return what it says at last.

        Args:
            has_grown: Looks; must be quick. What it raises ends the wait.
            seconds: The longest wait.
            pauses: Seconds after which to look although nobody announced anything: at first,
                and at most. They double in between. None: never.
        """
        woken = asyncio.Event()
        wake = partial(_wake, asyncio.get_running_loop(), woken)
        pause, longest = pauses or (None, None)
        try:
            async with asyncio.timeout(seconds):
                while not self._look(has_grown, wake):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await woken.wait()
                    woken.clear()
                    pause = pause and longest and min(2 * pause, longest)
        except TimeoutError:
            return has_grown()
        finally:
            self.unwatch(wake)
        return True

    def _look(self, has_grown: Callable[[], bool], wake: Callable[[], None]) -> bool:
        self.watch(wake)  # before looking, so that no append falls in between
        return has_grown()


def _wake(loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop was closed, and its waiter with it
        loop.call_soon_threadsafe(woken.set)
