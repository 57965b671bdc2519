"""The codec: which stored form an event has, and how it is read back."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

import msgspec

from orchestrix.event_codec.errors import (
    CodecError,
    UnreadableEvent,
    UnstorableEvent,
    name_of,
)
from orchestrix.event_codec.event_types import class_of
from orchestrix.event_codec.stored_form import PLAIN, StoredForm, too_deep
from orchestrix.event_codec.upcasters import Step, Upcaster, checked, way
from orchestrix.messaging import Event, UnknownEvent

UpcasterT = TypeVar("UpcasterT", bound=Upcaster)
Decode = Callable[[bytes | str], Event]


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """The stored form of an event.

    Attributes:
        schema_version: The version of its class; 0 for an event made from ``Event`` itself.
        data: JSON of the whole event, all of its fields.
    """

    schema_version: int
    data: bytes


class EventCodec:
    """Turns events into JSON and back, with upcasters for what older programs stored.

    Classes are found by their event type among the subclasses of ``Event`` when a type is first
    met, so the module that declares them has to be imported before their events are read. Whatever
    could not be read back as it is, is refused when it is encoded. Safe for threads, once its
    upcasters are registered.
    """

    def __init__(self) -> None:
        self._forms: dict[type[Event], StoredForm] = {}
        self._decoders: dict[tuple[str, int], Decode] = {}
        self._steps: dict[tuple[str, int], Step] = {}
        self._plain = StoredForm(Event)

    def upcaster(
        self, event_type: str, from_version: int, to_version: int | None = None
    ) -> Callable[[UpcasterT], UpcasterT]:
        """Register a function that brings stored data from one version to a later one.

        It gets the stored data as plain JSON values, its own to change, and returns the later
        form. Several are chained until the version of the class is reached.

        Args:
            event_type: The event type, as stored.
            from_version: The version it takes. 0: events made from ``Event`` itself, which
                stay plain events without it.
            to_version: The version it returns, later. None: the next.

        Raises:
            UpcasterError: It leads nowhere, or another one begins at this version.
        """

        def register(upcaster: UpcasterT) -> UpcasterT:
            later = to_version
            if later is None:  # what is no number is refused below
                later = from_version + 1 if isinstance(from_version, int) else from_version  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            step = checked(Step(event_type, from_version, later, upcaster), self._steps)
            self._steps[event_type, from_version] = step
            self._decoders.clear()
            return upcaster

        return register

    def encode(self, event: Event) -> EncodedEvent:
        """Return the stored form of `event`.

        Raises:
            AmbiguousEventType: Another class has its type.
            UnstorableClass: A field of its class is of a type that JSON cannot carry.
            UnstorableEvent: It holds a value that could not be read back as it is.
        """
        form = self._forms.get(type(event)) or self._form_for(event)
        return EncodedEvent(form.version, form.encode(event))

    def decode(self, event_type: str, schema_version: int, data: bytes | str) -> Event:
        """Return the event of which `data` is the stored form; see :meth:`decoder`."""
        return self.decoder(event_type, schema_version)(data)

    def decoder(self, event_type: str, schema_version: int) -> Decode:
        """Return the function that reads events of this type and version.

        It gives an ``UnknownEvent`` when no class has the type, and raises UnreadableEvent for
        data that cannot become an event of the class. This method itself never raises, so that
        one unreadable event does not keep others of a page from being read.
        """
        known = self._decoders.get((event_type, schema_version))
        return known or self._decoder(event_type, schema_version)

    def _form_for(self, event: Event) -> StoredForm:
        if isinstance(event, UnknownEvent):
            raise UnstorableEvent(
                event.id,
                event.type,
                "its class is unknown here, so it cannot be written again; "
                "import the module that declares the class",
            )
        return self._form_of(type(event))

    def _form_of(self, cls: type[Event]) -> StoredForm:
        form = self._plain if cls is Event else StoredForm(cls)
        if cls is not Event:
            class_of(form.event_type)
            self._decoders.clear()  # this class may replace one that they lead to
        self._forms[cls] = form
        return form

    def _decoder(self, event_type: str, version: int) -> Decode:
        try:
            decode = self._way_to_class(event_type, version)
        except CodecError as error:
            return partial(_raise, error)
        if decode is None:
            return partial(_unknown, event_type, version, self._plain)
        self._decoders[event_type, version] = decode
        return decode

    def _way_to_class(self, event_type: str, version: int) -> Decode | None:
        if version == PLAIN and (event_type, PLAIN) not in self._steps:
            return partial(_plain, event_type, version, self._plain)
        if (cls := class_of(event_type)) is None:
            return None
        form = self._forms.get(cls) or self._form_of(cls)
        steps = way(self._steps, event_type, version, form.version)
        return partial(_upcast, steps, form) if steps else form.decode


def _upcast(steps: list[Step], form: StoredForm, data: bytes | str) -> Event:
    later = _fields_of(steps[0].event_type, steps[0].from_version, data)
    for step in steps:
        later = step.apply(later)
    later["type"] = form.event_type  # by which it was found
    try:
        return form.decode(msgspec.json.encode(later))
    except Exception as error:
        cause = error.__cause__ or error
        if isinstance(cause, RecursionError):
            problem = too_deep(f"what {steps[-1].name} returned", cause)
        else:
            name = steps[-1].name
            problem = f"{name} returned what does not fit {name_of(form.cls)} ({cause}); mend it"
        raise UnreadableEvent(form.event_type, steps[0].from_version, problem) from error


def _plain(event_type: str, version: int, plain: StoredForm, data: bytes | str) -> Event:
    try:
        return plain.decode(data)
    except UnreadableEvent as error:
        raise UnreadableEvent(event_type, version, error.problem) from error.__cause__


def _unknown(event_type: str, version: int, plain: StoredForm, data: bytes | str) -> UnknownEvent:
    event = _plain(event_type, version, plain, data)
    known: dict[str, Any] = {field.name: getattr(event, field.name) for field in fields(Event)}
    known |= {"type": event_type, "data": _fields_of(event_type, version, data)}
    return UnknownEvent(**known)


def _fields_of(event_type: str, version: int, data: bytes | str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except RecursionError as error:
        raise UnreadableEvent(event_type, version, too_deep("it", error)) from error
    except Exception as error:
        raise UnreadableEvent(event_type, version, f"it is not a JSON object ({error})") from error


def _raise(error: Exception, _: bytes | str) -> Event:
    raise error
