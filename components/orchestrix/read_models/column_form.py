"""The form of a column, found by its type hint."""

import types
from collections.abc import Callable, Iterator
from enum import Enum, Flag
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from orchestrix.read_models.definition import Kind, Plain
from orchestrix.read_models.value_form import (
    ENUM_FREE,
    INT_MAX,
    INT_MIN,
    Misfit,
    ValueForm,
    encode_str,
    refuse,
)


def form_of(hint: Any) -> tuple[ValueForm, bool]:
    """Return the form of a type, and whether None is a value.

    Raises:
        TypeError: No form carries the type.
    """
    hint, optional = _without_none(_resolved(hint))
    if hint in ENUM_FREE:
        return ENUM_FREE[hint], optional
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_form(hint), optional
    return _json_form(hint), optional or hint is Any


def _resolved(hint: Any) -> Any:
    """Return what a ``NewType`` or a ``type`` statement stands for."""
    while (inner := getattr(hint, "__supertype__", getattr(hint, "__value__", None))) is not None:
        if isinstance(hint, type):  # a class of the user's with such an attribute
            break
        hint = inner
    return hint


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    members = get_args(hint)
    others = [each for each in members if each is not types.NoneType]
    optional = len(others) < len(members)
    if len(others) == 1:
        return _resolved(others[0]), optional
    return Union[tuple(others)], optional  # noqa: UP007 - of as many as there are


def _enum_form(cls: type[Enum]) -> ValueForm:
    members = list(cls)
    values = [each.value for each in members]
    if issubclass(cls, Flag):  # members may be combined to others
        return _by_attribute(cls, "int", "_value_", cls)
    if members and all(type(each) is int and INT_MIN <= each <= INT_MAX for each in values):
        return _by_attribute(
            cls, "int", "_value_", {each.value: each for each in members}.__getitem__
        )
    if members and all(type(each) is str and _is_storable(each) for each in values):
        return _by_attribute(
            cls, "str", "_value_", {each.value: each for each in members}.__getitem__
        )
    return _by_attribute(cls, "str", "_name_", cls.__getitem__)


def _by_attribute(
    cls: type[Enum], kind: Kind, attribute: str, decode: Callable[[Any], Enum]
) -> ValueForm:
    """Return the form of an enum that is stored as an attribute of its members."""

    def encode(value: Any) -> Plain:
        return getattr(value, attribute) if type(value) is cls else refuse(cls.__name__, value)

    def read(stored: Any) -> Enum:
        try:
            return decode(stored)
        except (KeyError, ValueError):
            refuse(f"a member of {cls.__name__}", stored)

    return ValueForm(kind, cls, "True", f"{{v}}.{attribute}", encode, read, is_key=True)


def _is_storable(text: str) -> bool:
    try:
        encode_str(text)
    except Misfit:
        return False
    return True


def _json_form(hint: Any) -> ValueForm:
    info = inspect.type_info(hint)
    parts = list(_parts(info))
    for part in parts:
        if isinstance(part, inspect.CustomType):
            raise TypeError(f"{part.cls.__qualname__} is not a kind of data")
    has_set = any(isinstance(p, inspect.SetType | inspect.FrozenSetType) for p in parts)
    encoder = msgspec.json.Encoder(order="deterministic" if has_set else None)
    decoder = msgspec.json.Decoder(hint)
    name = (
        getattr(hint, "__name__", None) if isinstance(hint, type) and not get_args(hint) else None
    )
    expected = name or str(hint).replace("typing.", "")

    def encode(value: Any) -> str:
        try:
            text = encoder.encode(value).decode()
            back = decoder.decode(text)
        except Exception as error:
            raise Misfit(f"expected {expected} that JSON carries, found {error}") from error
        if back != value:
            refuse(f"{expected} that JSON gives back as it is, not as {back!r:.80}", value)
        return text

    return ValueForm("json", None, "", "", encode, decoder.decode)


def _parts(info: inspect.Type) -> Iterator[inspect.Type]:
    """Yield a type and all that it is made of."""
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
