"""Cancellation: what ends a call, whatever takes the place of its CancelledError.

A driver whose cancelled statement closed the connection raises an error of its own from the
rollback. That the call was cancelled can still be seen: since it began, its task was asked to end.
"""

import asyncio
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_ending: ContextVar[bool] = ContextVar("orchestrix_ending_a_call", default=False)


@contextmanager
def ended_from_outside() -> Generator[None, None, None]:
    """Let what is raised in this block, whatever it is, count as the end of a call."""
    token = _ending.set(True)
    try:
        yield
    finally:
        _ending.reset(token)


def requests_to_end() -> int:
    """Return how often the running task was asked to end and has not taken note."""
    if _ending.get():
        return sys.maxsize
    try:
        task = asyncio.current_task()
    except RuntimeError:  # its loop is gone, and the interpreter ends what is left
        return sys.maxsize
    return 0 if task is None else task.cancelling()


def is_failure(error: BaseException, before: int) -> bool:
    """Say whether `error` is a handler's own: not what ends the program, nor this call.

    Args:
        error: What was raised.
        before: The :func:`requests_to_end` when the call began.
    """
    return isinstance(error, (Exception, asyncio.CancelledError)) and requests_to_end() <= before


def note(error: BaseException, text: str) -> None:
    """Add `text` to `error`, unless its class allows no notes: it must be raised all the same."""
    with suppress(Exception):
        error.add_note(text)


def check_cancelled(error: Exception, before: int) -> None:
    """Raise CancelledError, because of `error`, if the call was cancelled since it began."""
    if requests_to_end() > before:
        raise asyncio.CancelledError from error
