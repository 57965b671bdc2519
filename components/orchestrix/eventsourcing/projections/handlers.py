"""Handlers: what may be one, decided once, when it is registered."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.errors import RegistrationError
from orchestrix.messaging import Event


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that is called for events of a class.

    Attributes:
        event_type: The class; its subclasses match too.
        function: What is called.
        name: Module and qualified name, numbered when it is taken.
        is_async: Whether the function is a coroutine function.
        takes_context: Whether it wants the context as its second argument.
        in_replay: Whether it is called for history that is handled again.
    """

    event_type: type[Event]
    function: Callable[..., Any]
    name: str
    is_async: bool
    takes_context: bool
    in_replay: bool

    async def __call__(self, event: Event, context: ProjectionContext) -> None:
        """Call the function and wait for what it returns."""
        await call_with(self.function, event, context if self.takes_context else None)


def handler(event_type: type[Event], function: Callable[..., Any], *, in_replay: bool) -> Handler:
    """Describe `function` as a handler of `event_type`.

    Raises:
        RegistrationError: It cannot be one; the sentence says why.
    """
    check_event_type(event_type)
    check_callable(function)
    return Handler(
        event_type,
        function,
        name_of(function),
        is_coroutine_function(function),
        takes_context(function, 1),
        in_replay,
    )


async def call_with(
    function: Callable[..., Any], given: object, context: ProjectionContext | None
) -> None:
    """Call `function` with what is given, and the context unless None; wait for what it returns."""
    result = function(given) if context is None else function(given, context)
    if inspect.isawaitable(result):
        await result


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
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise RegistrationError(
            f"{name_of(function)} is a generator: calling it runs nothing; remove its yield"
        )


def takes_context(function: Callable[..., Any], given: int) -> bool:
    """Say whether `function` takes the context after `given` other arguments.

    Raises:
        RegistrationError: It cannot be called with these arguments.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin such as list.append
        return False
    for count in (given + 1, given):
        if _fits(signature, count) and (count == given or _asks(signature, given)):
            return count > given
    raise RegistrationError(
        f"{name_of(function)}{signature} cannot be a handler: it is called with "
        f"{'an event and' if given else ''} optionally a ProjectionContext"
    )


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Say whether a call of `function` makes a coroutine, whatever kind of callable it is."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - its kind is asked, not whether it is there
    )


def name_of(function: object) -> str:
    """Return a name for messages, the same in every run of the same code."""
    inner: Any = getattr(function, "func", function)  # a partial has no name of its own
    named: Any = inner if hasattr(inner, "__qualname__") else cast("object", type(inner))
    return f"{named.__module__}.{named.__qualname__}"


def _fits(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
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
