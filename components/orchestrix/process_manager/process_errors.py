"""Everything a process manager may raise of its own.

* OrchestrixError
  * ProcessError
    * InvalidProcess      a definition or a call that cannot work (also a ValueError)
    * UnknownProcess      nobody has started a process of that id (also a ValueError)
    * WrongStatus         the process is not where what was asked for makes sense
    * CommandsUnanswered  commands were neither taken nor refused, however often they were sent
    * HandlerCancelled    a handler's own: something that it waited for was cancelled
    * OutcomeNotFollowed  a row stays as it was, although its outcome is in the log
    * ProcessNotEnded     the time to wait for a process's end is over (also a TimeoutError)
"""

from collections.abc import Mapping

from orchestrix.messaging import OrchestrixError


class ProcessError(OrchestrixError):
    """A process could not be defined, found or brought on its way."""


class InvalidProcess(ProcessError, ValueError):
    """A definition or a call that cannot work. Nothing was done."""


class UnknownProcess(ProcessError, ValueError):
    """No process of that id has been started, as far as the log was read."""

    def __init__(self, manager: str, process_id: str) -> None:
        super().__init__(manager, process_id)
        self.manager = manager
        self.process_id = process_id

    def __str__(self) -> str:
        return (
            f"process manager {self.manager!r} knows no process {self.process_id!r}; look at the "
            "id, and let the runner catch up with the event that starts it"
        )


class WrongStatus(ProcessError):
    """The process is not where what was asked for makes sense. Nothing was done."""

    def __init__(self, process_id: str, status: str, wanted: str) -> None:
        super().__init__(process_id, status, wanted)
        self.process_id = process_id
        self.status = status
        self.wanted = wanted

    def __str__(self) -> str:
        return f"process {self.process_id!r} is {self.status}; only {self.wanted}"


class CommandsUnanswered(ProcessError):
    """Commands were neither taken nor refused; their processes wait, to be gone on with.

    Attributes:
        causes: By process id, what the last attempt failed with.
    """

    def __init__(self, causes: Mapping[str, Exception]) -> None:
        super().__init__(dict(causes))
        self.causes = dict(causes)

    def __str__(self) -> str:
        first, *others = self.causes.items()
        more = f", and {len(others)} more" if others else ""
        return (
            f"process {first[0]!r}{more}: its command was neither taken nor refused "
            f"({type(first[1]).__name__}: {first[1]}); mend that and run the processes again"
        )


class HandlerCancelled(ProcessError):
    """A handler ended in CancelledError, and nobody has cancelled the runner."""


class OutcomeNotFollowed(ProcessError):
    """The row of a process stays as it was, although what became of its step is in the log."""

    def __init__(self, manager: str, process_id: str) -> None:
        super().__init__(manager, process_id)
        self.manager = manager
        self.process_id = process_id

    def __str__(self) -> str:
        return (
            f"process manager {self.manager!r}: what became of a step of process "
            f"{self.process_id!r} is in the log, and its row does not follow; look at the parked "
            f"keys of projection 'process:{self.manager}'"
        )


class ProcessNotEnded(ProcessError, TimeoutError):
    """The time is over, and the process goes on.

    Attributes:
        process_id: The process.
        problem: How long it was waited for, and where it is.
    """

    def __init__(self, process_id: str, problem: str) -> None:
        super().__init__(process_id, problem)
        self.process_id = process_id
        self.problem = problem

    def __str__(self) -> str:
        return f"process {self.process_id!r} has not ended {self.problem}"
