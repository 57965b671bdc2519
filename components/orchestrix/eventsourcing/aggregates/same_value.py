"""When a value that was read back is the same: equal, and of the same classes throughout."""

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any, cast

import msgspec


def is_same(one: Any, other: Any) -> bool:
    """Say whether no code could tell the two apart by their values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return _is_same_mapping(cast("Mapping[Any, Any]", one), other)
    if isinstance(one, (list, tuple)):
        return _are_same(one, other)
    if isinstance(one, Set):
        ones, others = cast("Set[object]", one), cast("Set[object]", other)
        return ones == others and sorted(map(_kind, ones)) == sorted(map(_kind, others))
    if is_dataclass(one):
        names = [each.name for each in fields(one)]
        return all(is_same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, msgspec.Struct):
        names = one.__struct_fields__
        return all(is_same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, datetime):
        return one == other and type(one.tzinfo) is type(other.tzinfo)
    return one == other


def _are_same(ones: Any, others: Any) -> bool:
    missing = object()
    return all(is_same(a, b) for a, b in zip_longest(ones, others, fillvalue=missing))


def _is_same_mapping(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    keys = {(type(each), each) for each in one} == {(type(each), each) for each in other}
    return keys and all(is_same(value, other[key]) for key, value in one.items())


def _kind(value: object) -> str:
    return f"{type(value).__qualname__} {value!r}"
