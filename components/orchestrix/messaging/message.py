"""Messages: immutable facts and wishes, with the attributes that trace them.

Field names follow CloudEvents 1.0 where it has them (``time`` is ``timestamp`` here).
Source: the CloudEvents specification, https://github.com/cloudevents/spec, version 1.0.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar

import uuid_utils

MessageT = TypeVar("MessageT", bound="Message")


def _new_id() -> str:
    return str(uuid_utils.uuid7())


_now = functools.partial(datetime.now, UTC)


def _has_foreign_post_init(cls: type["Message"]) -> bool:
    """Say whether the first ``__post_init__`` is the class's own or that of a mixin."""
    owner = next(base for base in cls.__mro__ if "__post_init__" in base.__dict__)
    return owner is cls or not issubclass(owner, Message)


def _naming_first(post_init: Callable[..., None]) -> Callable[..., None]:
    """Let such a ``__post_init__`` see the type, whether it calls ours or not."""

    @functools.wraps(post_init)
    def named(self: "Message", *arguments: Any) -> None:
        _name(self)
        post_init(self, *arguments)

    return named


@dataclass(frozen=True, kw_only=True)
class Message:
    """What commands and events share. Subclass :class:`Command` or :class:`Event`.

    A class takes its message type from its name, or says it:
    ``class AccountOpened(Event, type="bank.account-opened", schema_version=2)``.
    A stored event is found again by this name, so a class that is renamed keeps the old one.

    Attributes:
        id: Unique; UUIDv7 text by default, so ids sort by creation. Any text; stores
            refuse an empty one.
        specversion: The CloudEvents version.
        type: The class's message type, unless given.
        source: What produced the message.
        timestamp: When it was created, with offset; UTC by default.
        subject: What it is about, within the source.
        data: Free payload, for messages without fields of their own.
        datacontenttype: Media type of `data`.
        dataschema: Address of the schema of `data`.
        correlation_id: The id shared by everything that one first message set off.
        causation_id: Id of the message that directly caused this one.
    """

    id: str = field(default_factory=_new_id)
    specversion: str = "1.0"
    type: str = ""
    source: str = "orchestrix"
    timestamp: datetime = field(default_factory=_now)
    subject: str | None = None
    data: Any = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    __message_type__: ClassVar[str] = "Message"
    __schema_version__: ClassVar[int] = 1

    def __init_subclass__(
        cls,
        *,
        type: str | None = None,  # noqa: A002 - users write ``class Opened(Event, type="opened")``
        schema_version: int = 1,
        **others: object,
    ) -> None:
        try:
            super().__init_subclass__(**others)
        except TypeError as error:
            if not others:
                raise
            raise TypeError(
                f"{cls.__qualname__}: no base takes the class keyword "
                f"{', '.join(map(repr, others))}; a message takes type and schema_version"
            ) from error
        if "__dataclass_fields__" in cls.__dict__:
            return  # slots=True makes the class a second time, without the arguments
        name = cls.__dict__.get("type", cls.__name__) if type is None else type
        if not isinstance(name, str) or not name:
            raise ValueError(f"{cls.__qualname__}: the message type must be a text, found {name!r}")
        whole = isinstance(schema_version, int) and not isinstance(schema_version, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        if not whole or schema_version < 1:
            raise ValueError(
                f"{cls.__qualname__}: schema_version counts from 1, in whole numbers, "
                f"found {schema_version!r}"
            )
        # A string object of its own, so that __post_init__ can tell a default from an argument.
        cls.__message_type__ = (name + " ")[:-1]
        cls.__schema_version__ = schema_version
        cls.__annotations__ = {**inspect.get_annotations(cls), "type": str}
        cls.type = field(default=cls.__message_type__, kw_only=True)
        if _has_foreign_post_init(cls):
            cls.__post_init__ = _naming_first(cls.__post_init__)

    def __post_init__(self) -> None:
        """Name an instance of a class that was not decorated and so inherited its default."""
        if self.type is not self.__message_type__:
            _name(self)

    def caused_by(self, other: "Message") -> Self:
        """Return a copy that continues the story of `other`.

        The copy's causation id is `other`'s id; its correlation id is `other`'s, or
        `other`'s id when `other` began the story. Everything else stays, the id too, and
        fields that ``__post_init__`` worked out: it does not run again.
        """
        caused = copy.copy(self)
        object.__setattr__(caused, "correlation_id", other.correlation_id or other.id)
        object.__setattr__(caused, "causation_id", other.id)
        return caused

    def with_id(self, id: str) -> Self:  # noqa: A002 - the field's name
        """Return a copy with another id; everything else stays, as for :meth:`caused_by`."""
        named = copy.copy(self)
        object.__setattr__(named, "id", id)
        return named


@dataclass(frozen=True, kw_only=True)
class Command(Message):
    """A wish, imperative (``OpenAccount``): exactly one handler decides, and may refuse."""


@dataclass(frozen=True, kw_only=True)
class Event(Message):
    """A fact, past tense (``AccountOpened``): it happened, and any number of handlers hear it."""


def message_type(cls: type[Message]) -> str:
    """Return the type that new messages of `cls` carry."""
    return cls.__message_type__


def schema_version(cls: type[Message]) -> int:
    """Return the version of `cls`'s stored form, at least 1."""
    return cls.__schema_version__


def _name(message: Message) -> None:
    found, name = message.type, type(message).__message_type__
    if found == name or (found and not _is_inherited(found, type(message))):
        return
    object.__setattr__(message, "type", name)


def _is_inherited(name: str, cls: type[Message]) -> bool:
    return any(base.__dict__.get("__message_type__") is name for base in cls.__mro__[1:])
