"""``--follow``: the read models are kept up to date, and how they are is shown live."""

import asyncio
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from orchestrix.projection_demo.bank import Bank
from orchestrix.projection_demo.following_text import lines_of, picture_of, what_was_done
from orchestrix.projection_demo.screen import Screen

LOOK = 0.25
"""Seconds between two pictures."""

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


async def follow(bank: Bank, screen: Screen) -> None:
    """Follow the log until Ctrl-C, and say then what was done.

    Raises:
        ProjectionsStopped: None of the projections goes on.
        StorageError: The file cannot be read any more.
    """
    began, before = time.monotonic(), await bank.store.head()
    screen.show(f"Following {bank.file}; append to it in another terminal; Ctrl-C ends this.")
    running = asyncio.create_task(bank.runner.run())
    try:
        with _stopping_gently(bank.runner.stop), screen.live() as show:
            while not running.done():
                statuses = await bank.runner.status()
                parked = await bank.set_aside(statuses)
                show(picture_of(statuses, parked), lines_of(statuses, parked))
                await asyncio.wait({running}, timeout=LOOK)
    finally:
        running.cancel()
        await asyncio.wait({running})
    running.result()
    statuses = await bank.runner.status()
    screen.show("", what_was_done(statuses, statuses[0].head - before, time.monotonic() - began))


@contextmanager
def _stopping_gently(stop: Callable[[], None]) -> Generator[None]:
    """Let Ctrl-C, and who ends the process politely, finish the batch that was begun."""
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # on Windows; there Ctrl-C cancels, which is safe, too
        for each in _ENDINGS:
            loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for each in _ENDINGS:
                loop.remove_signal_handler(each)
