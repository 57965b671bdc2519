"""Which class has an event type: searched among the subclasses of ``Event``."""

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
    named = {name_of(cls): cls for cls in _subclasses(Event) if message_type(cls) == event_type}
    if len(named) > 1:
        raise AmbiguousEventType(event_type, *list(named)[:2])
    return next(iter(named.values()), None)


def _subclasses(cls: type[Event]) -> Iterator[type[Event]]:
    for each in cls.__subclasses__():
        if each is not UnknownEvent:
            yield each
        yield from _subclasses(each)
