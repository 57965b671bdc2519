"""What a step calls: which of a saga's arguments it takes, decided once."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrix.process_manager.saga_errors import InvalidSaga

RESERVED = frozenset({"result", "results"})
"""Parameters that a saga fills itself, so that its arguments cannot have these names."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Call:
    """An action or a compensation.

    Attributes:
        function: What is called.
        names: Arguments of the saga that it has a parameter for.
        required: Those of them that it cannot do without.
        takes_all: Whether it has ``**kwargs``: then it takes every argument.
        wanted: Which of ``result`` and ``results`` it is given.
    """

    function: Callable[..., Any]
    names: frozenset[str]
    required: frozenset[str]
    takes_all: bool
    wanted: frozenset[str]

    def takes(self, name: str) -> bool:
        """Say whether it is given the saga's argument `name`."""
        return self.takes_all or name in self.names

    async def __call__(self, arguments: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
        """Call the function with what it takes, and wait for what it returns if need be."""
        given = {name: value for name, value in arguments.items() if self.takes(name)}
        given |= {name: value for name, value in offered.items() if name in self.wanted}
        returned = self.function(**given)
        return await returned if inspect.isawaitable(returned) else returned


def action_call(step: str, function: object) -> Call:
    """Describe the action of a step; it may ask for ``results``.

    Raises:
        InvalidSaga: It cannot be called with keywords; the sentence says why.
    """
    return _call(f"the action of step {step!r}", function, frozenset({"results"}))


def compensation_call(step: str, function: object) -> Call:
    """Describe the compensation of a step; it may ask for ``result`` and ``results``.

    Raises:
        InvalidSaga: It cannot be called with keywords; the sentence says why.
    """
    return _call(f"the compensation of step {step!r}", function, RESERVED)


def _call(what: str, function: object, offered: frozenset[str]) -> Call:
    if not callable(function):
        raise InvalidSaga(f"{what} cannot be called: {function!r}; give a function")
    if _is_generator(function):
        raise InvalidSaga(f"{what} is a generator: calling it runs nothing; remove its yield")
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a builtin that tells nothing of itself
        return Call(function, frozenset(), frozenset(), takes_all=True, wanted=frozenset())
    by_name = {each.name: each for each in parameters if each.kind in _BY_NAME}
    names = by_name.keys() - RESERVED
    required = {name for name, each in by_name.items() if each.default is each.empty}
    _check_position_only(what, parameters)
    if not required & RESERVED <= offered:
        raise InvalidSaga(
            f"{what} asks for 'result', which only a compensation has; ask for 'results', "
            "the results of the steps before it, by their names"
        )
    return Call(
        function,
        frozenset(names),
        frozenset(required - RESERVED),
        takes_all=any(each.kind is each.VAR_KEYWORD for each in parameters),
        wanted=offered & by_name.keys(),
    )


def _check_position_only(what: str, parameters: Any) -> None:
    for each in parameters:
        if each.kind is each.POSITIONAL_ONLY and each.default is each.empty:
            raise InvalidSaga(
                f"{what} takes {each.name!r} by its position only, and arguments are given by "
                "name; remove the slash behind it"
            )


def _is_generator(function: Callable[..., Any]) -> bool:
    either = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(test(function) or test(type(function).__call__) for test in either)
