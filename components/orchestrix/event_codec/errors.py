"""Everything the codec may raise.

* OrchestrixError
  * CodecError
    * AmbiguousEventType  two classes have one event type: give one of them another
    * UnstorableClass     a class with a field that JSON cannot carry (also a TypeError)
    * UnstorableEvent     an event that could not be read back as it is (also a ValueError)
    * UnreadableEvent     stored data that does not fit its class: an upcaster is missing, or wrong
    * UpcasterError       an upcaster that cannot be registered (also a ValueError)
    * UpcasterException   an event object that could not be brought to a later version
"""

from orchestrix.messaging import Event, OrchestrixError


class CodecError(OrchestrixError):
    """An event could not become bytes, or bytes an event, or an event its later form."""


class AmbiguousEventType(CodecError):
    """Two classes have one event type, so stored events of it could be either."""

    def __init__(self, event_type: str, first: str, second: str) -> None:
        super().__init__(event_type, first, second)
        self.event_type = event_type
        self.first = first
        self.second = second

    def __str__(self) -> str:
        return (
            f"the event type {self.event_type!r} belongs to {self.first} and to {self.second}; "
            'name one of them otherwise: class Name(Event, type="another-name")'
        )


class UnstorableClass(CodecError, TypeError):
    """A class whose events no JSON can carry, because of the type of one field."""

    def __init__(self, cls: str, field: str, problem: str) -> None:
        super().__init__(cls, field, problem)
        self.cls = cls
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.cls}, field {self.field!r}: {self.problem}; give the field a type of the "
            "standard library that is data (texts, numbers, times, enums, dataclasses and lists, "
            "tuples, sets or dicts of them)"
        )


class UnstorableEvent(CodecError, ValueError):
    """An event that holds a value which could not be read back as it is."""

    def __init__(self, event_id: str, event_type: str, problem: str) -> None:
        super().__init__(event_id, event_type, problem)
        self.event_id = event_id
        self.event_type = event_type
        self.problem = problem

    def __str__(self) -> str:
        return f"event {self.event_id!r} of type {self.event_type!r}: {self.problem}"


class UnreadableEvent(CodecError):
    """Stored data cannot become an event of the class that has its type today."""

    def __init__(self, event_type: str, schema_version: int, problem: str) -> None:
        super().__init__(event_type, schema_version, problem)
        self.event_type = event_type
        self.schema_version = schema_version
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"an event of type {self.event_type!r} stored in version {self.schema_version} "
            f"cannot be read: {self.problem}"
        )


class UpcasterError(CodecError, ValueError):
    """An upcaster that cannot be registered. Nothing was changed."""


class UpcasterException(CodecError):
    """An event object could not be brought to a later version. It is as it was.

    Attributes:
        event_type: The event type, empty when whoever raised it did not say.
        source_version: Where the step, or the way looked for, begins. None: unknown.
        target_version: Where it ends. None: unknown.
    """

    def __init__(
        self,
        message: str = "",
        event_type: str = "",
        source_version: int | None = None,
        target_version: int | None = None,
    ) -> None:
        super().__init__(message)
        self.event_type = event_type
        self.source_version = source_version
        self.target_version = target_version


def name_of(cls: type[Event]) -> str:
    """Return how a text names a class."""
    return f"{cls.__module__}.{cls.__qualname__}"
