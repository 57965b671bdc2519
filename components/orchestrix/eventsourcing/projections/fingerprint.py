"""Fingerprints: did the handlers' code change since it last ran?"""

import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import CodeType, NoneType
from typing import Any, cast


def fingerprint(handlers: Iterable[tuple[str, str, Callable[..., Any]]]) -> str:
    """Return a short text that changes when a handler's own code does.

    What the handlers call is not looked at, and another Python version makes another text: a
    difference is a reason to warn, no proof. Docstrings do not matter, and neither does what a
    list, a dict or another object that may change holds.

    Args:
        handlers: For each handler the event type, its name, and what is called.
    """
    digest = hashlib.sha256(sys.version.partition(" ")[0].encode())
    for event_type, name, function in handlers:
        for part in (event_type, name, *_parts(function)):
            digest.update(repr(part).encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:16]


def _parts(function: Any) -> Iterator[object]:
    if isinstance(function, functools.partial):
        yield from _texts((function.args, *sorted(function.keywords.items())))
        yield from _parts(cast("Any", function).func)
        return
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(function, "__code__"):
        function = getattr(type(function).__call__, "__func__", type(function).__call__)
    yield from _texts(getattr(function, "__defaults__", None))
    keywords: dict[str, object] = getattr(function, "__kwdefaults__", None) or {}
    yield from _texts((*sorted(keywords.items()),))
    if isinstance(code := getattr(function, "__code__", None), CodeType):
        yield from _code_parts(code)


def _code_parts(code: CodeType) -> Iterator[object]:
    yield code.co_code
    yield code.co_names
    yield code.co_freevars
    yield code.co_exceptiontable
    for constant in code.co_consts[1 if _has_docstring(code) else 0 :]:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield from _texts(constant)


def _has_docstring(code: CodeType) -> bool:
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & 0x400_0000)  # CO_HAS_DOCSTRING
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
    return is_function and bool(code.co_consts) and isinstance(code.co_consts[0], (str, NoneType))


def _texts(value: object) -> Iterator[object]:
    """Yield what is the same in every run: no address, and no order of a set."""
    if isinstance(value, tuple):
        yield "("
        for each in cast("Iterable[object]", value):
            yield from _texts(each)
        yield ")"
    elif isinstance(value, frozenset):
        yield sorted(map(text_of, cast("Iterable[object]", value)))
    else:
        yield text_of(value)


def text_of(value: object) -> str:
    """Return the text of a value that cannot change; of anything else, what it is."""
    is_value = type(value).__hash__ not in (None, object.__hash__) and not callable(value)
    with suppress(Exception):
        if is_value and " at 0x" not in (text := repr(value)):
            return text
    return str(getattr(value, "__qualname__", type(value).__qualname__))
