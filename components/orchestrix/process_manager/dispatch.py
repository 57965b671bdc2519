"""Sending what a process has to say, and writing down the answer."""

import asyncio
import inspect
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

from orchestrix.eventsourcing import (
    AsyncEventStore,
    ConcurrencyError,
    InvalidAggregate,
    StorageError,
    WrongColour,
)
from orchestrix.messaging import (
    Command,
    Event,
    Message,
    NoHandler,
    RetryPolicy,
    TooManyHandlers,
)
from orchestrix.process_manager.process import Process, ProcessContext, ProcessStatus
from orchestrix.process_manager.process_errors import HandlerCancelled, InvalidProcess
from orchestrix.process_manager.process_events import (
    CompensationFailed,
    ProcessEvent,
    StepCompensated,
    StepCompleted,
    StepFailed,
    StepSent,
    StepTimedOut,
)
from orchestrix.process_manager.process_manager import ProcessManager
from orchestrix.process_manager.process_step import ProcessStep

logger = logging.getLogger("orchestrix.processes")

Send: TypeAlias = Callable[[Command], Awaitable[object] | object]
"""Gives a command to its handler, and raises what that raises; such as a bus's ``send``."""

UNANSWERED: Final[tuple[type[Exception], ...]] = (
    StorageError, ConcurrencyError, OSError,
    NoHandler, TooManyHandlers, WrongColour, InvalidAggregate,
)  # fmt: skip
"""Failures that do not say whether a command was taken, or that say it reached nobody."""

_SHORTEST_PAUSE: Final = 0.01
"""Seconds between two attempts, whatever the policy says."""

_LONGEST_TEXT: Final = 2000
"""Characters of an error that are kept."""

_NAMESPACE: Final = uuid.UUID("6f2a4d0e-5f0b-5c57-8d8e-0c3a5b1b7e42")


class _Refused(Exception):
    """A command was refused, after some others of its step had been taken."""

    def __init__(self, error: Exception, taken: int) -> None:
        super().__init__(error, taken)
        self.error = error
        self.taken = taken


class _Sending:
    """What is known of the commands of a step, through all attempts to send them.

    Attributes:
        taken: How many were taken, at least.
        is_over: Whether it is known what became of all; then only that is to be written down.
        refused: How one was refused; None: none was.
    """

    def __init__(self) -> None:
        self.taken = 0
        self.is_over = False
        self.refused: _Refused | None = None


class Dispatch:
    """Sends the commands of one process manager's processes, one process at a time each.

    Args:
        manager: Whose processes.
        store: The log, in which the answers are written down.
        send: How commands reach their handlers.
        unanswered: Exceptions that do not say whether a command was taken, besides UNANSWERED.
        retry: When to send such a command again.
    """

    def __init__(
        self,
        manager: ProcessManager[Any],
        store: AsyncEventStore,
        send: Send,
        unanswered: tuple[type[Exception], ...],
        retry: RetryPolicy,
    ) -> None:
        self.manager = manager
        self._store = store
        self._send = send
        self._unanswered = (*UNANSWERED, HandlerCancelled, *unanswered)
        self._retry = retry

    async def serve(
        self, process: Process, goes_on: Callable[[float], Awaitable[bool]], *, for_ever: bool
    ) -> Exception | None:
        """Send what is due, and write down what came of it.

        Args:
            process: As it is committed; something is due.
            goes_on: Waits so many seconds before another attempt, and says whether there is to be
                one: the process is still at that step, and nobody wants to stop.
            for_ever: Whether to go on after the last attempt, as long as it takes.

        Returns:
            What the last attempt failed with, when nothing could be written down.
        """
        failures, sending = 0, _Sending()
        while True:
            try:
                await self._serve(process, sending)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is known of the command
                failures += 1
                logger.warning(
                    "process manager %r: step %r of process %r is neither taken nor refused: %s",
                    self.manager.name, process.step, process.process_id, _sentence(error),
                )  # fmt: skip
                if not (for_ever or self._retry.should_retry(failures)):
                    return error
                if not await goes_on(max(self._retry.get_delay(failures), _SHORTEST_PAUSE)):
                    return None
            else:
                return None

    async def time_out(self, process: Process) -> None:
        """Write down that the present step took too long."""
        await self._write(process, StepTimedOut)

    async def _serve(self, process: Process, sending: "_Sending") -> None:
        step = self.manager.rules.step(process.step)
        if step is None:
            raise InvalidProcess(
                f"process manager {self.manager.name!r}: process {process.process_id!r} is at "
                f"step {process.step!r}, which is none any more; give a step that name back"
            )
        if process.status is ProcessStatus.COMPENSATING:
            await self._undo(process, step, sending)
        else:
            await self._do(process, step, sending)

    async def _do(self, process: Process, step: ProcessStep[Any], sending: "_Sending") -> None:
        await self._find_out(process, step, "command", sending)
        if sending.refused is not None:
            error = _sentence(sending.refused.error)
            await self._write(process, StepFailed, error=error, taken=sending.refused.taken)
        else:
            await self._write(process, StepSent if step.completed_by else StepCompleted)

    async def _undo(self, process: Process, step: ProcessStep[Any], sending: "_Sending") -> None:
        await self._find_out(process, step, "compensation", sending)
        if sending.refused is None:
            await self._write(process, StepCompensated)
            return
        error = sending.refused.error
        logger.error(
            "process manager %r: process %r is parked, since undoing its step %r was refused; mend "
            "that and retry it, or settle it by hand",
            self.manager.name, process.process_id, step.name, exc_info=error,
        )  # fmt: skip
        await self._write(process, CompensationFailed, error=_sentence(error))

    async def _find_out(
        self,
        process: Process,
        step: ProcessStep[Any],
        what: Literal["command", "compensation"],
        sending: "_Sending",
    ) -> None:
        """Send the commands of a step, unless it is known already what became of them."""
        if sending.is_over:
            return
        try:
            await self._send_all(process, step, what, sending)
        except _Refused as refused:
            sending.refused = refused
        sending.is_over = True

    async def _send_all(
        self,
        process: Process,
        step: ProcessStep[Any],
        what: Literal["command", "compensation"],
        sending: "_Sending",
    ) -> None:
        """Send the commands of a step; raise _Refused for the first that is refused."""
        context, cause = await self._context_of(process)
        make: Callable[[ProcessContext[Any]], object] | None = getattr(step, what)
        made = () if make is None else make(context)
        for index, command in enumerate(_commands(step.name, what, made)):
            key = f"{self.manager.name}\0{process.process_id}\0{step.name}\0{what}\0{index}"
            caused = command.caused_by(cause).with_id(str(uuid.uuid5(_NAMESPACE, key)))
            try:
                await self._answer_to(caused)
            except self._unanswered:
                raise
            except Exception as error:
                raise _Refused(error, sending.taken) from error
            sending.taken = max(sending.taken, index + 1)

    async def _answer_to(self, command: Command) -> None:
        """Send one command; raise what its handler raises, or HandlerCancelled."""
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            answer = self._send(command)
            if inspect.isawaitable(answer):
                await answer
        except asyncio.CancelledError as error:
            if task is None or task.cancelling() > before:
                raise
            raise HandlerCancelled(
                f"the handler of {type(command).__name__} ended in CancelledError: something that "
                "it waited for was cancelled"
            ) from error

    async def _context_of(self, process: Process) -> tuple[ProcessContext[Any], Message]:
        """Return what commands are made of, and the event that they follow from."""
        wanted = {process.started_position, process.cause_position, *process.answers.values()}
        events = {each: await self._event_at(each) for each in wanted}
        answers = {name: events[at] for name, at in process.answers.items()}
        started = events[process.started_position]
        cause = events[process.cause_position]
        error = process.error if process.status is ProcessStatus.COMPENSATING else None
        context = ProcessContext(process.process_id, started, answers, error)
        return context, cause if cause is started else cause.caused_by(started)

    async def _event_at(self, position: int) -> Event:
        page = await self._store.read_all(after_position=position - 1, limit=1)
        if not page.events or page.events[0].position != position:
            raise InvalidProcess(
                f"process manager {self.manager.name!r}: the log holds no event at position "
                f"{position}; run its processes with the log that they were started by"
            )
        return page.events[0].event

    async def _write(self, process: Process, kind: type[ProcessEvent], **fields: Any) -> None:
        """Append an outcome, once for each time that the process came to this step."""
        started = await self._event_at(process.started_position)
        parts = self.manager.name, process.process_id, process.cause_position, kind.__name__
        key = "\0".join(map(str, (*parts, fields.get("taken", 0))))
        event = kind(
            id=str(uuid.uuid5(_NAMESPACE, key)), manager=self.manager.name,
            process_id=process.process_id, step=process.step or "",
            correlation_id=started.correlation_id or started.id, **fields,
        )  # fmt: skip
        await self._store.append(self.manager.stream_of(process.process_id), [event])


def _commands(step: str, what: str, made: object) -> Sequence[Command]:
    commands = [made] if isinstance(made, Command) else made
    if isinstance(commands, (list, tuple)):
        found = cast("Sequence[object]", commands)
        if all(isinstance(each, Command) for each in found):
            return cast("Sequence[Command]", found)
    raise InvalidProcess(
        f"step {step!r}: its {what} makes a command, or a list of them; it made {made!r}"
    )


def _sentence(error: Exception) -> str:
    """Return a text that can be stored, whatever the exception's own is."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception as broken:  # noqa: BLE001 - a handler's exception may be broken itself
        text = f"{type(error).__name__} (its text cannot be had: {type(broken).__name__})"
    return text.encode("utf-8", "backslashreplace").decode()[:_LONGEST_TEXT]
