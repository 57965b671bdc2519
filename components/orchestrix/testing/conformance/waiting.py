"""Waiting in tests: for what comes, and to see that something does not come."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LONG = 10.0
"""Seconds that no passing test waits: it turns a hang into a failure."""

SHORT = 0.03
"""Seconds in which what must not happen has its chance to happen."""


async def soon(work: Awaitable[T]) -> T:
    """Fail, where it would wait for ever."""
    return await asyncio.wait_for(work, LONG)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - it comes about in a thread of the store
            await asyncio.sleep(0.001)


async def waiting(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Start `work` and make sure that it does not end by itself."""
    task = asyncio.create_task(work)
    ended, _ = await asyncio.wait([task], timeout=SHORT)
    assert not ended, "it was to wait"
    return task
