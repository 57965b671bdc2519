"""Which class has an event type: searched among the subclasses of ``Event``."""

import sys
from collections.abc import Iterator

from orchestrix.event_codec.errors import AmbiguousEventType, name_of
from orchestrix.messaging import Event, UnknownEvent, message_type


def class_of(event_type: str) -> type[Event] | None:
    """Return the class whose events have this type, None if no module imported so far has one.

    A class that was defined again in the same place (a notebook's cell, a reloaded module,
    ``slots=True``) counts once, as it was defined last.

    Raises:
        AmbiguousEventType: Two classes have it.
    """
    named: dict[str, type[Event]] = {}
    for cls in _subclasses(Event):
        if message_type(cls) == event_type and not _is_in_place(named.get(name_of(cls))):
            named[name_of(cls)] = cls
    if len(named) > 1:
        raise AmbiguousEventType(event_type, *list(named)[:2])
    return next(iter(named.values()), None)


def _is_in_place(cls: type[Event] | None) -> bool:
    """Say whether `cls` is what its module has under its name: it was defined last."""
    if cls is None:
        return False
    found: object = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def _subclasses(cls: type[Event]) -> Iterator[type[Event]]:
    for each in cls.__subclasses__():
        if each is not UnknownEvent:
            yield each
        yield from _subclasses(each)
