"""Everything the messaging brick may raise, and the root of all Orchestrix errors.

* OrchestrixError
  * HandlerError        every subscriber of a published message failed
  * NoHandler           a command was sent and nobody handles it
  * TooManyHandlers     a second handler for one command
  * SubscriptionError   a handler that this bus cannot take or find (also a TypeError)
"""

import reprlib
from collections.abc import Iterable

_SHOWN = 3
"""Causes that a text shows of a group; all of them are in ``original_error``."""

_brief = reprlib.Repr()  # copes with causes that cannot be shown
_brief.maxother = 120


class OrchestrixError(Exception):
    """The root: ``except OrchestrixError`` catches whatever Orchestrix itself raises."""


class HandlerError(OrchestrixError):
    """A message reached its subscribers and every one of them failed.

    Attributes:
        message_type: Type of the message, as in ``message.type``.
        handler_name: The failed handler, or ``"all_handlers"``.
        original_error: The cause; from a bus an ``ExceptionGroup``, one cause per handler.
    """

    def __init__(self, message_type: str, handler_name: str, original_error: Exception) -> None:
        super().__init__(message_type, handler_name, original_error)
        self.message_type = message_type
        self.handler_name = handler_name
        self.original_error = original_error

    def __str__(self) -> str:
        return (
            f"handler {self.handler_name!r} failed for message type {self.message_type!r}: "
            f"{_causes(self.original_error)}; see .original_error for the whole of it, mend it "
            "and publish again"
        )


class NoHandler(OrchestrixError):
    """A command was sent and no handler is subscribed to its class."""

    def __init__(self, message_type: str) -> None:
        super().__init__(message_type)
        self.message_type = message_type

    def __str__(self) -> str:
        return (
            f"no handler for command {self.message_type!r}; "
            "subscribe one to its class before sending"
        )


class TooManyHandlers(OrchestrixError):
    """A command was sent and more than one handler would receive it. None was called."""

    def __init__(self, message_type: str, handler_names: Iterable[str]) -> None:
        self.message_type = message_type
        self.handler_names = tuple(handler_names)
        super().__init__(message_type, self.handler_names)

    def __str__(self) -> str:
        return (
            f"command {self.message_type!r} has {len(self.handler_names)} handlers "
            f"({', '.join(self.handler_names)}) and needs exactly one; unsubscribe the others, "
            "or publish an event if several must hear it"
        )


class SubscriptionError(OrchestrixError, TypeError):
    """A handler cannot be subscribed, or unsubscribed, as asked. Nothing was changed.

    Attributes:
        message_type: Type of the messages meant, or what was given in place of their class.
        handler_name: The handler.
        problem: What is wrong, and what to do instead.
    """

    def __init__(self, message_type: str, handler_name: str, problem: str) -> None:
        super().__init__(message_type, handler_name, problem)
        self.message_type = message_type
        self.handler_name = handler_name
        self.problem = problem

    def __str__(self) -> str:
        return f"handler {self.handler_name!r} for {self.message_type!r} {self.problem}"


def _causes(error: Exception) -> str:
    match error:
        case ExceptionGroup(message=message, exceptions=(*causes,)):
            hidden = len(causes) - _SHOWN
            shown = ", ".join(map(_brief.repr, causes[:_SHOWN]))
            return f"{message}: {shown}" + (f" and {hidden} more" if hidden > 0 else "")
        case _:
            return _brief.repr(error)
