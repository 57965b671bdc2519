"""Values that JSON surely gives back as they were, so that nobody has to look.

Source: the conversions msgspec documents, https://jcristharif.com/msgspec/supported-types.html.
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect

_UNCONSTRAINED = (inspect.StrType(), inspect.IntType(), inspect.FloatType(), inspect.BytesType())

_SAFE: dict[type[inspect.Type], frozenset[type]] = {
    inspect.AnyType: frozenset({NoneType, bool, int, str}),
    inspect.BoolType: frozenset({bool}),
    inspect.BytesType: frozenset({bytes}),
    inspect.DateTimeType: frozenset({datetime}),
    inspect.DateType: frozenset({date}),
    inspect.DecimalType: frozenset({Decimal}),
    inspect.FloatType: frozenset({float}),
    inspect.IntType: frozenset({int}),
    inspect.NoneType: frozenset({NoneType}),
    inspect.StrType: frozenset({str}),
    inspect.UUIDType: frozenset({UUID}),
}

SURE: dict[type, Callable[[Any], bool]] = {
    float: math.isfinite,
    Decimal: Decimal.is_finite,
    datetime: lambda value: value.tzinfo is UTC,
}
"""Types of which only some values are safe -> whether this one is."""


def safe_types(info: inspect.Type) -> frozenset[type]:
    """Return the types whose values a field of type `info` surely gives back."""
    match info:
        case inspect.UnionType(types=types):
            return frozenset[type]().union(*map(safe_types, types))
        case inspect.EnumType(cls=cls) if _is_closed(cls):
            return frozenset({cls})
        case inspect.StrType() | inspect.IntType() | inspect.FloatType() | inspect.BytesType():
            return _SAFE[type(info)] if info in _UNCONSTRAINED else frozenset()
        case inspect.DateTimeType(tz=tz) if tz is not None:
            return frozenset()
        case _:
            return _SAFE.get(type(info), frozenset())


def _is_closed(cls: type[Enum]) -> bool:
    """Say whether an enum has the members it declares only, and each is found again by JSON.

    Flags make others. A member that is a text or a number is written as that, and searched by its
    value, which may be another's.
    """
    declared = cls._missing_.__func__ is Enum._missing_.__func__
    return declared and all(_is_found_again(member) for member in cls)


def _is_found_again(member: Enum) -> bool:
    try:
        return msgspec.json.decode(msgspec.json.encode(member), type=type(member)) is member
    except Exception:  # noqa: BLE001 - whatever it is, nobody finds it again
        return False


def foreign_type(info: inspect.Type) -> type | None:
    """Return the first class in `info` that is not data, None if all of them are."""
    return next((part.cls for part in _parts(info) if isinstance(part, inspect.CustomType)), None)


def _parts(info: inspect.Type) -> Iterator[inspect.Type]:
    seen: set[int] = set()
    waiting: list[Any] = [info]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting += part
        elif isinstance(part, inspect.Type | inspect.Field) and id(part) not in seen:
            seen.add(id(part))
            waiting += [getattr(part, name) for name in part.__struct_fields__]
            if isinstance(part, inspect.Type):
                yield part


def type_info(kind: Any) -> inspect.Type:
    """Return what msgspec makes of a type.

    Raises:
        TypeError: It makes nothing of it.
    """
    msgspec.json.Decoder(kind)
    return inspect.type_info(kind)
