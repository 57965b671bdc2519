"""Fingerprints: did the handlers' code change since it last ran?"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import cast

from orchestrix.eventsourcing.handlers import Handler
from orchestrix.messaging import message_type


def fingerprint(handlers: Iterable[Handler]) -> str:
    """Return a short text that changes when a handler's own code does.

    What the handlers call is not looked at, and another Python version makes another text: a
    difference is a reason to warn, no proof.
    """
    digest = hashlib.sha256(sys.version.partition(" ")[0].encode())
    for handler in handlers:
        for part in (message_type(handler.event_type), handler.name, *_parts(handler)):
            digest.update(repr(part).encode() + b"\0")
    return digest.hexdigest()[:16]


def _parts(handler: Handler) -> Iterator[object]:
    function = getattr(handler.function, "func", handler.function)
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        yield from _code_parts(code)


def _code_parts(code: CodeType) -> Iterator[object]:
    yield code.co_code
    yield code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif isinstance(constant, frozenset):  # its order differs from run to run
            yield sorted(map(repr, cast("frozenset[object]", constant)))
        else:
            yield constant
