"""Which keys the handlers of an event will ask for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrix.messaging import Event
from orchestrix.read_models.errors import TableDeclarationError

KeyFunction = Callable[[Any], Any]
"""A function of an event: a key, None, or an iterable of keys."""


class Prefetch:
    """Functions that name keys, by the class of events, subclasses included.

    Args:
        functions: Event class -> function.
        width: How many columns the key has.
        table: The table's name, for errors.

    Raises:
        TableDeclarationError: Not a class of events, or not a function.
    """

    def __init__(
        self, functions: Mapping[type[Event], KeyFunction], width: int, table: str
    ) -> None:
        for event_type, function in functions.items():
            if not isinstance(event_type, type) or not issubclass(event_type, Event):  # pyright: ignore[reportUnnecessaryIsInstance] - users may be untyped
                problem = f"prefetch is by class of events, found {event_type!r}"
                raise TableDeclarationError(table, problem)
            if not callable(function):
                problem = f"prefetch of {event_type.__name__} is a function, found {function!r}"
                raise TableDeclarationError(table, problem)
        self._functions = dict(functions)
        self._width = width
        self._by_class: dict[type[Event], tuple[KeyFunction, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._functions)

    def keys_of(self, events: Sequence[Event]) -> Iterator[Sequence[Any]]:
        """Yield the keys, as tuples, some perhaps twice. Raises what a function raises."""
        for event in events:
            functions = self._by_class.get(type(event))
            for function in self._found(type(event)) if functions is None else functions:
                yield from self._keys(function(event))

    def _found(self, cls: type[Event]) -> tuple[KeyFunction, ...]:
        found = tuple(each for base, each in self._functions.items() if issubclass(cls, base))
        self._by_class[cls] = found
        return found

    def _keys(self, found: Any) -> Iterable[Sequence[Any]]:
        if found is None:
            return ()
        if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
            return ((found,),)
        keys = tuple(found) if not isinstance(found, tuple) else found  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - whatever a user's function returns
        if self._is_one_key(found, keys):  # pyright: ignore[reportUnknownArgumentType] - the same
            return (keys,)  # pyright: ignore[reportUnknownVariableType] - the same
        return (each if isinstance(each, tuple) else (each,) for each in keys)  # pyright: ignore[reportUnknownVariableType] - the same

    def _is_one_key(self, found: object, keys: tuple[Any, ...]) -> bool:
        """Say whether a tuple is one key of several columns, and no group of keys."""
        if self._width == 1 or not isinstance(found, tuple) or not keys:
            return False
        return not all(isinstance(each, tuple) for each in keys)
