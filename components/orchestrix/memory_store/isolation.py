"""Events that nobody can change behind the log's back."""

import copy
import functools
import operator
from collections.abc import Callable
from dataclasses import fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

from orchestrix.messaging import Event

_SCALARS = frozenset(
    {NoneType, bool, bytes, date, datetime, Decimal, float, int, str, time, timedelta, UUID}
)


def content_of(event: Event) -> Event | Callable[[], Event]:
    """Return what the log keeps: the event, or a call that copies a private copy of it.

    An event of scalars only cannot be changed and is shared. One that holds a list, a dict or
    any other object is copied when it is appended and again for each reader.
    """
    try:
        shared = all(map(_is_scalar, _values_of(type(event))(event)))
    except AttributeError:  # a declared field that was never set
        shared = False
    return event if shared else functools.partial(copy.deepcopy, copy.deepcopy(event))


def _is_scalar(value: object) -> bool:
    return type(value) in _SCALARS or isinstance(value, Enum)


@functools.cache
def _values_of(cls: type[Event]) -> Callable[[Event], tuple[Any, ...]]:
    return operator.attrgetter(*(each.name for each in fields(cls)))
