"""Handlers: what may be one, decided once, when it is registered."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import AsyncGeneratorType, BuiltinMethodType, GeneratorType, MethodType
from typing import Any, Literal, cast

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.errors import RegistrationError
from orchestrix.messaging import Event

Context = Literal["unwanted", "last", "by name"]
"""How a function takes the context: not at all, after its other argument, or ``context=``."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that is called for events of a class.

    Attributes:
        event_type: The class; its subclasses match too.
        function: What is called.
        name: Module and qualified name, numbered when it is taken.
        is_async: Whether the function is a coroutine function.
        context: How it takes the context.
        in_replay: Whether it is called for history that is handled again.
    """

    event_type: type[Event]
    function: Callable[..., Any]
    name: str
    is_async: bool
    context: Context
    in_replay: bool

    async def __call__(self, event: Event, context: ProjectionContext) -> None:
        """Call the function and wait for what it returns."""
        await call(self.function, (event,), self.context, context)


def handler(event_type: type[Event], function: Callable[..., Any], *, in_replay: bool) -> Handler:
    """Describe `function` as a handler of `event_type`.

    Raises:
        RegistrationError: It cannot be one; the sentence says why.
    """
    check_callable(function)
    return Handler(
        event_type,
        function,
        name_of(function),
        is_coroutine_function(function),
        context_of(function, "an event"),
        in_replay,
    )


async def call(
    function: Callable[..., Any],
    given: tuple[Any, ...],
    wanted: Context,
    context: ProjectionContext,
) -> None:
    """Call `function` with what is given, and the context as it wants it; wait for the answer."""
    if wanted == "unwanted":
        result = function(*given)
    elif wanted == "last":
        result = function(*given, context)
    else:
        result = function(*given, context=context)
    if result is not None:
        await finish(result, function)


async def finish(result: object, function: Callable[..., Any]) -> None:
    """Wait for what a handler returned, if that can be waited for.

    Raises:
        RegistrationError: It is a generator, so nothing was run.
    """
    if inspect.isawaitable(result):
        await result
    elif isinstance(result, (GeneratorType, AsyncGeneratorType)):
        raise _is_generator(function)


def is_same(one: object, other: object) -> bool:
    """Say whether both are one handler: one object, or bound methods of one object.

    Python makes a bound method anew each time it is asked for.
    """
    if isinstance(one, _BOUND) and isinstance(other, _BOUND):
        return one == other
    return one is other


_BOUND = (MethodType, BuiltinMethodType)


def check_event_type(event_type: object) -> None:
    """Raise RegistrationError unless `event_type` is a subclass of Event."""
    if not (isinstance(event_type, type) and issubclass(event_type, Event)):
        raise RegistrationError(
            f"on({event_type!r}): a projection handles classes of events; "
            "give a subclass of Event, as in @engine.on(AccountCreated)"
        )


def check_callable(function: object) -> None:
    """Raise RegistrationError unless a call of `function` does something."""
    if not callable(function):
        raise RegistrationError(f"{function!r} cannot be called; register a function")
    inner = _what_runs(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise _is_generator(function)


def _is_generator(function: object) -> RegistrationError:
    return RegistrationError(
        f"{name_of(function)} is a generator: calling it runs nothing; remove its yield"
    )


def context_of(function: Callable[..., Any], given: str) -> Context:
    """Say how `function` takes the context.

    Args:
        function: What is registered.
        given: What it is called with before the context, in words; empty: nothing.

    Raises:
        RegistrationError: It cannot be called so.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin such as list.append
        return "unwanted"
    count = 1 if given else 0
    if _fits(signature, count + 1) and _asks(signature, count):
        return "last"
    if _asks_by_name(signature) and _fits(signature, count, context=None):
        return "by name"
    if _fits(signature, count):
        return "unwanted"
    raise RegistrationError(
        f"{name_of(function)}{signature} cannot be a {'handler' if given else 'reset hook'}: it is "
        f"called with {f'{given} and' if given else 'nothing or'}, if it asks for one, a "
        "ProjectionContext"
    )


def is_coroutine_function(function: object) -> bool:
    """Say whether a call of `function` makes a coroutine, whatever kind of callable it is."""
    return inspect.iscoroutinefunction(_what_runs(function))


def name_of(function: object) -> str:
    """Return a name for messages, the same in every run of the same code."""
    inner: Any = getattr(function, "func", function)  # a partial has no name of its own
    named: Any = inner if hasattr(inner, "__qualname__") else cast("object", type(inner))
    module = getattr(named, "__module__", None) or type(named).__module__  # a builtin has none
    return f"{module}.{named.__qualname__}"


def _what_runs(function: object) -> object:
    """Return the function behind a partial, or behind an object with ``__call__``."""
    while isinstance(function, functools.partial):
        function = cast("Any", function).func
    return function if inspect.isroutine(function) else type(function).__call__


def _fits(signature: inspect.Signature, count: int, **named: object) -> bool:
    try:
        signature.bind(*[None] * count, **named)
    except TypeError:
        return False
    return True


def _asks(signature: inspect.Signature, index: int) -> bool:
    """Say whether the parameter at `index` is meant for the context."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = [each for each in signature.parameters.values() if each.kind in positional]
    if index >= len(named):
        return False  # *arguments
    return named[index].default is inspect.Parameter.empty or named[index].name == "context"


def _asks_by_name(signature: inspect.Signature) -> bool:
    """Say whether there is a ``context`` behind a star; what a partial fills is its own."""
    found = signature.parameters.get("context")
    if found is None or found.kind is not inspect.Parameter.KEYWORD_ONLY:
        return False
    return found.default in (None, inspect.Parameter.empty)
