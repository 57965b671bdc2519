"""How the events of one class are stored."""

import builtins
import reprlib
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, ClassVar, get_origin, get_type_hints

import msgspec
from msgspec import inspect

from orchestrix.event_codec.errors import (
    UnreadableEvent,
    UnstorableClass,
    UnstorableEvent,
    name_of,
)
from orchestrix.event_codec.safe_types import SURE, foreign_type, safe_types, type_info
from orchestrix.messaging import Event, message_type, schema_version

PLAIN = 0
"""The version of an event that was made from ``Event`` itself, whatever its type."""

Sureness = tuple[tuple[str, Callable[[Any], bool]], ...]
"""Fields whose type leaves something open, and the question that settles it."""

_NOT_JSON = (msgspec.DecodeError, UnicodeError)

_encoder = msgspec.json.Encoder()

_short = reprlib.Repr()
_short.maxother = 100  # a datetime with its offset is seen whole


class StoredForm:
    """The events of one class as JSON: encoder, prebuilt decoder, and what is sure to return.

    Args:
        cls: The class.

    Raises:
        UnstorableClass: One of its fields is of a type that JSON cannot carry.
    """

    def __init__(self, cls: type[Event]) -> None:
        info = _info_of(cls)
        runs_code = cls.__post_init__ is not Event.__post_init__  # when it is read, too
        self.cls = cls
        self.event_type = message_type(cls)
        self.version = PLAIN if cls is Event else schema_version(cls)
        self._names = tuple(field.name for field in fields(cls))
        self._decoder = msgspec.json.Decoder(cls)
        self._values = attrgetter(*self._names)
        self._safe = {
            field.name: frozenset[type]() if runs_code else safe_types(field.type)
            for field in info.fields
        }
        self._order = list(self._names)
        self._sure: dict[tuple[type, ...], Sureness] = {}
        self._last: tuple[list[type], Sureness] = [], ()

    def encode(self, event: Event) -> bytes:
        """Return the stored form of `event`.

        Raises:
            UnstorableEvent: It could not be read back as it is.
        """
        name = event.type
        if name is not self.event_type and name != self.event_type and self.cls is not Event:
            raise _unstorable(
                event,
                f"its class {self.cls.__qualname__} is found again by the type "
                f"{self.event_type!r}; declare a class of its own for another type",
            )
        try:
            data = _encoder.encode(event)
        except Exception as error:
            raise _unstorable(event, f"{self._culprit(event)} ({error})") from error
        if not self._is_sure(event):
            self._compare(event, data)
        return data

    def decode(self, data: bytes | str) -> Event:
        """Return the event of which `data` is the stored form, in this class's own version.

        Raises:
            UnreadableEvent: It does not fit the class.
        """
        try:
            return self._decoder.decode(data)
        except Exception as error:
            raise UnreadableEvent(self.event_type, self.version, self._misfit(error)) from error

    def _is_sure(self, event: Event) -> bool:
        values = event.__dict__  # of a class with slots it does not hold all fields
        if [*values] != self._order:
            return False
        kinds = [*map(type, values.values())]
        last, questions = self._last
        if kinds != last:  # else as for the event before: comparing costs less than looking up
            questions = self._questions_for(tuple(kinds))
            if questions is None:
                return False
            self._last = kinds, questions
        for name, question in questions:  # noqa: SIM110 - all() over a generator costs thrice as much
            if not question(values[name]):
                return False
        return True

    def _questions_for(self, kinds: tuple[type, ...]) -> Sureness | None:
        """Return what makes events with values of these types sure, None if nothing does."""
        known = self._sure.get(kinds)
        if known is not None:
            return known
        named = list(zip(self._names, kinds, strict=True))
        if not all(kind in self._safe[name] for name, kind in named):
            return None
        return self._sure.setdefault(
            kinds, tuple((name, SURE[kind]) for name, kind in named if kind in SURE)
        )

    def _compare(self, event: Event, data: bytes) -> None:
        try:
            values = self._values(event)
        except AttributeError as error:
            raise _unstorable(event, f"{self._culprit(event)} ({error})") from error
        try:
            back = self._values(self._decoder.decode(data))
        except Exception as error:
            raise _unstorable(event, f"it could not be read back ({error})") from error
        if not _differ(values, back):
            return
        for name, value, other in zip(self._names, values, back, strict=True):
            if _differ(value, other):
                raise _unstorable(event, f"field {name!r} holds {_difference(value, other)}")

    def _culprit(self, event: Event) -> str:
        for name in self._names:
            try:
                _encoder.encode(getattr(event, name))
            except Exception:  # noqa: BLE001 - it is the one that is looked for
                return f"field {name!r} holds what JSON cannot carry"
        return "it holds what JSON cannot carry"

    def _misfit(self, error: Exception) -> str:
        if isinstance(error, RecursionError):
            return too_deep("it", error)
        if isinstance(error, msgspec.ValidationError) or not isinstance(error, _NOT_JSON):
            return (
                f"it does not fit {name_of(self.cls)} ({error}); raise its schema_version and "
                "register an upcaster, or give new fields defaults"
            )
        return f"it is not JSON ({error}); restore the store from a backup"


def too_deep(what: str, error: RecursionError) -> str:
    """Return what to tell of stored data for which the stack is too short, sound as it may be."""
    return (
        f"{what} is nested too deeply to be read from so deep within other calls ({error}); read "
        "it from a function nearer to the program's start, or raise sys.setrecursionlimit"
    )


def _info_of(cls: type[Event]) -> inspect.DataclassType:
    try:
        info = type_info(cls)
    except Exception as error:
        raise UnstorableClass(name_of(cls), *_first_bad_field(cls, error)) from error
    assert isinstance(info, inspect.DataclassType)  # noqa: S101 - every Event is a dataclass
    for field in info.fields:
        if (foreign := foreign_type(field.type)) is not None:
            raise UnstorableClass(
                name_of(cls), field.name, f"{foreign.__qualname__} is not a kind of data"
            )
    return info


def _first_bad_field(cls: type[Event], error: Exception) -> tuple[str, str]:
    for base in cls.__mro__:
        names = vars(sys.modules.get(base.__module__, builtins))
        for field, hint in vars(base).get("__annotations__", {}).items():
            alone = type("Alone", (), {"__annotations__": {field: hint}})
            try:
                kind = get_type_hints(alone, names, vars(base), include_extras=True)[field]
                if ClassVar not in (kind, get_origin(kind)):
                    type_info(kind)
            except Exception as cause:  # noqa: BLE001 - it is the one that is looked for
                return field, str(cause)
    return "?", str(error)


def _differ(value: object, other: object) -> bool:
    if isinstance(value, datetime) and isinstance(other, datetime):
        return _as_read(value) != _as_read(other)
    try:
        return bool(value != other)
    except Exception:  # noqa: BLE001 - what cannot be compared (sNaN) is equal to nothing
        return True


def _as_read(time: datetime) -> tuple[datetime, timedelta | None]:
    """Return what a clock and its label show: all that JSON keeps of a time zone.

    Python calls a time in the hour that a zone repeats or skips unequal to any other.
    """
    return time.replace(tzinfo=None, fold=0), time.utcoffset()


def _difference(value: object, other: object) -> str:
    shown = _short.repr(value)
    if _differ(value, value):
        return f"{shown}, which is no value; use None, in a field that allows it"
    return (
        f"{shown}, which would be read back as {_short.repr(other)}; give it a value that fits "
        "the type of the field, or the field a type that fits the value"
    )


def _unstorable(event: Event, problem: str) -> UnstorableEvent:
    return UnstorableEvent(event.id, event.type, problem)
