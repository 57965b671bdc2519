"""A step of a process: what to send, what to wait for, how to undo it."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from orchestrix.messaging import Command, Event
from orchestrix.process_manager.process import ProcessContext
from orchestrix.process_manager.process_errors import InvalidProcess

StartT = TypeVar("StartT", bound=Event)

_LONGEST: Final = timedelta(days=36_500)

Commands: TypeAlias = Command | Sequence[Command]
"""One command or several, sent in that order."""


@dataclass(frozen=True)
class ProcessStep(Generic[StartT]):
    """What is done, when it is done, and how it is undone.

    Commands get ids made from the process, the step and their number, the same each time, and
    the correlation of the starting event: whoever handles them twice can tell.

    Attributes:
        name: Names it in the log, so it stays when the code changes.
        command: Makes what is to be sent. None: nothing is.
        compensation: Makes what undoes the step when a later one fails. None: nothing has to.
        done_on: Events that complete the step, by class. Empty: it is done when its commands
            were taken.
        failed_on: Events that say it cannot be done, by class.
        timeout: How long to wait for such an event, above 0, by the store's clock, from the
            event that led to the step. None: for ever.

    Raises:
        InvalidProcess: Such a step cannot work.
    """

    name: str
    command: Callable[[ProcessContext[StartT]], Commands] | None = None
    compensation: Callable[[ProcessContext[StartT]], Commands] | None = None
    done_on: type[Event] | tuple[type[Event], ...] = ()
    failed_on: type[Event] | tuple[type[Event], ...] = ()
    timeout: timedelta | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidProcess(f"a step's name is a text, not empty; found {self.name!r}")
        for what in ("command", "compensation"):
            made_by = getattr(self, what)
            if made_by is not None and not _makes_commands(made_by):
                raise InvalidProcess(
                    f"step {self.name!r}: its {what} is a function that makes commands from a "
                    f"ProcessContext, and is not async; found {made_by!r}"
                )
        _classes(self.name, "done_on", self.done_on)
        for each in _classes(self.name, "failed_on", self.failed_on):
            if each in self.completed_by:
                raise InvalidProcess(
                    f"step {self.name!r}: {each.__qualname__} cannot both complete it and say that "
                    "it cannot be done"
                )
        self._check_timeout()

    @property
    def completed_by(self) -> tuple[type[Event], ...]:
        """The classes of events that complete it."""
        return _classes(self.name, "done_on", self.done_on)

    @property
    def failed_by(self) -> tuple[type[Event], ...]:
        """The classes of events that say it cannot be done."""
        return _classes(self.name, "failed_on", self.failed_on)

    def _check_timeout(self) -> None:
        if self.failed_on and not self.done_on:
            raise InvalidProcess(
                f"step {self.name!r} has failed_on and no done_on, so it is done before such an "
                "event can come; say which event completes it"
            )
        if self.timeout is None:
            return
        if not isinstance(self.timeout, timedelta) or self.timeout <= timedelta(0):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidProcess(
                f"step {self.name!r}: its timeout is a timedelta above 0; found {self.timeout!r}"
            )
        if self.timeout > _LONGEST:
            raise InvalidProcess(
                f"step {self.name!r}: its timeout is at most {_LONGEST}; found {self.timeout!r}; "
                "to wait for ever, leave it out"
            )
        if not self.done_on:
            raise InvalidProcess(
                f"step {self.name!r} has a timeout and waits for no event; give it done_on, or "
                "leave the timeout out"
            )


def _makes_commands(made_by: Any) -> bool:
    if not callable(made_by) or isinstance(made_by, type) or inspect.iscoroutinefunction(made_by):
        return False
    try:
        inspect.signature(made_by).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin that tells nothing of itself
        return True
    return True


def _classes(step: str, what: str, given: Any) -> tuple[type[Event], ...]:
    classes: Any = (given,) if isinstance(given, type) else given
    if isinstance(classes, Iterable):
        found = tuple(cast("Iterable[Any]", classes))
        if all(isinstance(each, type) and issubclass(each, Event) for each in found):
            return found
    raise InvalidProcess(f"step {step!r}: {what} is a class of events, or several; found {given!r}")
