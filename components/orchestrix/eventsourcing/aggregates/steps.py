"""Doing something in steps that a sync and an async caller share.

A generator yields what a store's method returned: a sync store's result, or an async store's
awaitable. Whoever drives it sends back the result.
"""

import asyncio
import inspect
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from orchestrix.eventsourcing.aggregates.errors import InvalidAggregate

ResultT = TypeVar("ResultT")

Steps: TypeAlias = Generator[Any, Any, ResultT]


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that takes some seconds."""

    seconds: float


def done(steps: Steps[ResultT]) -> ResultT:
    """Do all steps, without a loop."""
    try:
        step = next(steps)
        while True:
            if isinstance(step, Pause):
                time.sleep(step.seconds)
            elif inspect.isawaitable(step):
                step = steps.throw(_not_sync(step))
                continue
            step = steps.send(step)
    except StopIteration as end:
        return end.value


async def done_async(steps: Steps[ResultT]) -> ResultT:
    """Do all steps, and await what has to be awaited."""
    try:
        step = next(steps)
        while True:
            try:
                result = await _awaited(step)
            except BaseException as error:  # noqa: BLE001 - the generator decides what follows
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value


async def _awaited(step: Any) -> Any:
    if isinstance(step, Pause):
        return await asyncio.sleep(step.seconds)
    return await step if inspect.isawaitable(step) else step


def close(awaitable: Any) -> None:
    """Leave something unawaited, without Python's warning of it."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _not_sync(awaitable: Any) -> InvalidAggregate:
    close(awaitable)
    return InvalidAggregate(
        f"{awaitable!r} has to be awaited; use the async methods, with an async event store"
    )
