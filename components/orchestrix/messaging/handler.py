"""What may be subscribed to a bus, found out once, when it is subscribed."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

Call: TypeAlias = Callable[[Any], Any]


def entry_point(handler: object) -> Call | None:
    """Return what to call with a message: the handler, or its ``handle``. None: neither."""
    if isinstance(handler, type):
        return None
    method: object = handler if callable(handler) else getattr(handler, "handle", None)
    return method if callable(method) else None


def name_of(handler: object) -> str:
    """Return a name to find `handler` by, in a log or in the source."""
    inner = _innermost(handler)
    return str(getattr(inner, "__qualname__", type(inner).__qualname__))


def is_async(call: Call) -> bool:
    """Say whether `call` is known to return a coroutine."""
    return _looks(inspect.iscoroutinefunction, call)


def is_generator(call: Call) -> bool:
    """Say whether `call` yields, so that calling it would run nothing."""
    return _looks(inspect.isgeneratorfunction, call) or _looks(inspect.isasyncgenfunction, call)


def is_awaitable(result: object) -> bool:
    """Say whether `result` should have been awaited; a coroutine is closed, it would warn."""
    if result is None:
        return False
    if inspect.iscoroutine(result):
        result.close()
    return inspect.isawaitable(result)


def _looks(test: Callable[[object], bool], call: object) -> bool:
    inner = _innermost(call)
    return test(inner) or test(type(inner).__call__)


def _innermost(handler: object) -> object:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return handler
