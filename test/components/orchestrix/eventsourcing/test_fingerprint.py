import dataclasses
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sample_events import Deposited, deposits

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.eventsourcing.projections.fingerprint import fingerprint
from orchestrix.projection_state import InMemoryProjectionStateStore

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


def two_closures() -> tuple[Callable[..., Any], Callable[..., Any]]:
    credit: list[object] = []
    debit: list[object] = []
    return (lambda event: credit.append(event), lambda event: debit.append(event))


def sends_if_added(event: Any) -> object:
    try:
        event.add()
    except OSError:
        event.log()
    else:
        event.send()


def sends_anyway(event: Any) -> object:
    try:
        event.add()
        event.send()
    except OSError:
        event.log()


@dataclasses.dataclass
class Counts:
    count: int = 0

    def add(self) -> None: ...


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
        (lambda event, each=(1, 2): each, lambda event, each=(1, 3): each),
        (lambda event, each=len: each, lambda event, each=max: each),
        (functools.partial(plain, int), functools.partial(plain, str)),
        (functools.partial(plain, {}), functools.partial(plain, [])),
        two_closures(),
        (sends_if_added, sends_anyway),
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


@pytest.mark.parametrize("argument", [{}, [], set(), Counts(), [].append, Counts().add])
def test_what_may_change_while_the_program_runs_does_not_count(argument: Any) -> None:
    function = functools.partial(with_default, argument)
    before = of(function)

    for held in (argument, getattr(argument, "__self__", None)):
        if isinstance(held, dict):
            held["b"] = 1
        if isinstance(held, list):
            held.append(1)
        if isinstance(held, set):
            held.add(1)
        if isinstance(held, Counts):
            held.count += 1

    assert of(function) == before


class Unspeakable:
    """A value whose text cannot be had."""

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unspeakable)

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_a_value_without_a_text_is_known_by_its_class() -> None:
    one = functools.partial(plain, Unspeakable())

    assert of(one) == of(functools.partial(plain, Unspeakable()))
    assert of(one) != of(functools.partial(plain, 1))


async def test_what_a_partial_adds_to_is_no_change_of_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    totals: dict[str, int] = {}
    events = deposits(1, 2)

    def add(into: dict[str, int], event: Deposited) -> None:
        into[event.id] = event.amount

    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited)(functools.partial(add, totals))
    engine.on_reset(totals.clear)
    await engine.process_events(events)
    await engine.replay(events)
    await engine.process_events(deposits(3))

    assert caplog.text == ""


@pytest.mark.parametrize("is_batch", [True, False])
async def test_a_state_tells_the_code_that_replayed_it(
    is_batch: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def engine_with(handler: Callable[..., Any]) -> ProjectionEngine:
        engine = ProjectionEngine("p", store)
        engine.on_reset(lambda: None)
        _ = engine.on_batch(handler) if is_batch else engine.on(Deposited)(handler)
        return engine

    store, old, new = InMemoryProjectionStateStore(), lambda each: 1, lambda each: 2
    await engine_with(old).process_events(deposits(1))
    await engine_with(new).replay(deposits(1))

    await engine_with(new).process_events(deposits(2))
    assert caplog.text == ""

    await engine_with(old).process_events(deposits(3))
    assert caplog.text.count("has changed since it last ran") == 1


async def test_a_handler_that_is_registered_later_is_a_change_of_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    await engine.process_events(deposits(1))

    engine.on(Deposited)(lambda event: None)
    await engine.process_events(deposits(2))

    assert caplog.text.count("has changed since it last ran") == 1
