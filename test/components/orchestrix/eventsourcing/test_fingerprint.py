import functools
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orchestrix.eventsourcing.projections.fingerprint import fingerprint

SCRIPT = """
from orchestrix.eventsourcing.projections.fingerprint import fingerprint
def handle(event):
    return event in {"a", "b", "c", "d", "e"} or (lambda each: each in {"x", "y", "z"})(event)
print(fingerprint([("T", "n", handle)]))
"""


def of(function: Callable[..., Any]) -> str:
    return fingerprint([("Deposited", "handler", function)])


def plain(event: object) -> object:
    return event


def with_default(event: object, times: int = 1) -> object:
    return event


def with_other_default(event: object, times: int = 2) -> object:
    return event


def calls(event: Any) -> object:
    return event.one()


def calls_other(event: Any) -> object:
    return event.two()


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*arguments: object) -> object:
        return function(*arguments)

    return wrapper


class Adds:
    def __call__(self, event: Any) -> object:
        return event + 1


class Subtracts:
    def __call__(self, event: Any) -> object:
        return event - 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda event: 1, lambda event: 2),
        (with_default, with_other_default),
        (calls, calls_other),
        (functools.partial(with_default, times=1), functools.partial(with_default, times=2)),
        (wrapped(calls), wrapped(calls_other)),
        (Adds(), Subtracts()),
        (Adds().__call__, Subtracts().__call__),
        (lambda event: ((1, 2), 3), lambda event: (1, (2, 3))),
        (lambda event, each=Decimal("0.1"): each, lambda event, each=Decimal("0.2"): each),
        (lambda event: event in {1, 2}, lambda event: event in {1, 3}),
        (lambda event: (lambda: 1)(), lambda event: (lambda: 2)()),
    ],
)
def test_other_code_has_another_fingerprint(one: Any, other: Any) -> None:
    assert of(one) != of(other)
    assert of(one) == of(one)


def test_what_is_handled_and_its_name_count() -> None:
    handlers = (("A", "n", plain), ("B", "n", plain), ("A", "m", plain))

    assert len({fingerprint([each]) for each in handlers}) == 3


def test_a_docstring_does_not_count() -> None:
    def make(docstring: str) -> Callable[..., Any]:
        scope: dict[str, Any] = {}
        inner = f"def inner():\n        {docstring}\n        return 1"
        exec(f"def handle(event):\n    {docstring}\n    {inner}\n    return inner()", scope)  # noqa: S102 - two forms of one function
        return scope["handle"]

    assert of(make("'Say what.'")) == of(make(""))


def test_it_is_the_same_in_every_process() -> None:
    prints = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(prints) == 1
