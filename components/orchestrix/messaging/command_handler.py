"""Handlers that are objects: what they need is given to them when they are made."""

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from orchestrix.messaging.message import Message

MessageT_contra = TypeVar("MessageT_contra", bound=Message, contravariant=True)


class CommandHandler(Protocol[MessageT_contra]):
    """Decides about one kind of command: ``class Open(CommandHandler[OpenAccount])``.

    Subscribe the object itself: ``bus.subscribe(OpenAccount, Open(repository))``.
    One that hears events has the same shape. It need not inherit from this class.
    """

    @abstractmethod
    def handle(self, command: MessageT_contra, /) -> None:
        """Do what `command` asks, or raise to refuse; ``send`` raises the same."""
        ...


class AsyncCommandHandler(Protocol[MessageT_contra]):
    """The same with ``async def handle``: for the async bus only."""

    @abstractmethod
    def handle(self, command: MessageT_contra, /) -> Awaitable[None]:
        """Do what `command` asks, or raise to refuse; ``send`` raises the same."""
        ...
