"""Things that nobody can change behind the log's back."""

import copy
import functools
from collections.abc import Callable, Collection
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import MemberDescriptorType, NoneType
from typing import Any, TypeVar
from uuid import UUID

from orchestrix.eventsourcing import InvalidAppend
from orchestrix.messaging import Event

T = TypeVar("T")

_SCALARS = frozenset(
    {NoneType, bool, bytes, date, datetime, Decimal, float, int, str, time, timedelta, UUID}
)
_GROUPS = frozenset({tuple, frozenset})


def content_of(event: Event) -> Event | Callable[[], Event]:
    """Return what the log keeps: the event, or a call that copies a private copy of it.

    An event of constants (scalars, enums, tuples and frozen dataclasses of them) is shared.
    One that holds a list, a dict or any other object is copied when it is appended and again
    for each reader.

    Raises:
        InvalidAppend: The event holds what cannot be copied.
    """
    if _are_constants(_values_of(event)):
        return event
    return functools.partial(_copy, private_copy(event, f"event {event.id!r}"))


def private_copy(thing: T, name: str) -> T:
    """Return a deep copy of `thing`.

    Raises:
        InvalidAppend: It holds what cannot be copied; `name` says which thing it is.
    """
    try:
        return _copy(thing)
    except Exception as error:
        raise InvalidAppend(
            f"{name} cannot be copied ({error}); let it hold data only: no locks, files or tasks"
        ) from error


def _copy(thing: T) -> T:
    constants = {id(value): value for value in _values_of(thing) if _is_constant(value)}
    return copy.deepcopy(thing, constants)  # takes them for copies made already


def _are_constants(values: Collection[object]) -> bool:
    return _SCALARS.issuperset(map(type, values)) or all(map(_is_constant, values))


def _is_constant(value: Any) -> bool:
    if type(value) in _SCALARS or isinstance(value, Enum):
        return True
    if type(value) in _GROUPS:
        return _are_constants(value)
    return _is_frozen(value) and _are_constants(_values_of(value))


def _is_frozen(value: Any) -> bool:
    return is_dataclass(value) and value.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - typeshed leaves it out


def _values_of(thing: object) -> Collection[object]:
    in_dict = vars(thing).values() if hasattr(thing, "__dict__") else ()
    slots = _slots_of(type(thing))
    return [*in_dict, *(getattr(thing, each, None) for each in slots)] if slots else in_dict


@functools.cache
def _slots_of(cls: type) -> tuple[str, ...]:
    members = (pair for base in cls.__mro__ for pair in vars(base).items())
    return tuple(name for name, member in members if isinstance(member, MemberDescriptorType))
