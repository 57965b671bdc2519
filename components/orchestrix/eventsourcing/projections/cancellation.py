"""Cancellation: what ends a call, whatever takes the place of its CancelledError.

A driver whose cancelled statement closed the connection raises an error of its own from the
rollback. That the call was cancelled can still be seen: the task was asked to end, and the error
was raised while a CancelledError was under way.
"""

import asyncio


def is_failure(error: BaseException) -> bool:
    """Say whether `error` is a handler's own: not what ends the program, nor this call."""
    return isinstance(error, (Exception, asyncio.CancelledError)) and not _is_cancellation(error)


def check_cancelled(error: Exception) -> None:
    """Raise CancelledError, because of `error`, if it took the place of one."""
    if _is_cancellation(error):
        raise asyncio.CancelledError from error


def _is_cancellation(error: BaseException | None) -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # its loop is gone, and the interpreter ends what is left
        return True
    if task is None or not task.cancelling():
        return False
    while error is not None and not isinstance(error, asyncio.CancelledError):
        error = error.__context__
    return error is not None
