"""Everything the messaging brick may raise, and the root of all Orchestrix errors.

* OrchestrixError
  * HandlerError        every subscriber of a published message failed
  * NoHandler           a command was sent and nobody handles it
  * TooManyHandlers     a second handler for one command
  * SubscriptionError   a handler that this bus cannot call (also a TypeError)
"""

from collections.abc import Sequence


class OrchestrixError(Exception):
    """The root: ``except OrchestrixError`` catches whatever Orchestrix itself raises."""


class HandlerError(OrchestrixError):
    """A message reached subscribers and every one of them failed.

    Attributes:
        message_type: Type of the message, as in ``message.type``.
        handler_name: The failed handler, or ``"all_handlers"``.
        original_error: The cause; an ``ExceptionGroup`` with one cause per handler from a bus.
    """

    def __init__(self, message_type: str, handler_name: str, original_error: Exception) -> None:
        super().__init__(message_type, handler_name, original_error)
        self.message_type = message_type
        self.handler_name = handler_name
        self.original_error = original_error

    def __str__(self) -> str:
        return (
            f"handler {self.handler_name!r} failed for message type {self.message_type!r}: "
            f"{self.original_error}; each cause is in .original_error"
        )


class NoHandler(OrchestrixError):
    """A command was sent and no handler is subscribed to its class."""

    def __init__(self, message_type: str) -> None:
        super().__init__(message_type)
        self.message_type = message_type

    def __str__(self) -> str:
        return f"no handler for command {self.message_type!r}; subscribe one to its class before sending"


class TooManyHandlers(OrchestrixError):
    """A command was sent and more than one handler would receive it. None was called."""

    def __init__(self, message_type: str, handler_names: Sequence[str]) -> None:
        super().__init__(message_type, handler_names)
        self.message_type = message_type
        self.handler_names = tuple(handler_names)

    def __str__(self) -> str:
        return (
            f"command {self.message_type!r} has {len(self.handler_names)} handlers "
            f"({', '.join(self.handler_names)}) and needs exactly one; unsubscribe the others, "
            "or publish an event if several must hear it"
        )


class SubscriptionError(OrchestrixError, TypeError):
    """What was subscribed cannot work on this bus. Nothing was subscribed."""
