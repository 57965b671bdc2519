"""The runner of processes: keeps their rows up to date, and sends what they have to say."""

import asyncio
import logging
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from orchestrix.eventsourcing import AsyncEventStore, StorageError, StoreClosed
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.messaging import ExponentialBackoff, RetryPolicy
from orchestrix.process_manager.dispatch import Dispatch, Send
from orchestrix.process_manager.process import Process, ProcessStatus
from orchestrix.process_manager.process_checks import (
    check_arguments,
    check_managers,
    check_send,
)
from orchestrix.process_manager.process_errors import (
    CommandsUnanswered,
    InvalidProcess,
)
from orchestrix.process_manager.process_events import (
    CancellationRequested,
    ProcessEvent,
    RetryRequested,
    StepSettled,
)
from orchestrix.process_manager.process_manager import ProcessManager
from orchestrix.process_manager.process_requests import ask, until_ended
from orchestrix.process_manager.serving import Serving
from orchestrix.projection_runtime import (
    NotInTime,
    NotProcessed,
    ProjectionRunner,
    ProjectionStatus,
    RunnerError,
)
from orchestrix.read_models import TableStore

logger = logging.getLogger("orchestrix.processes")

_LOOK: Final = 0.5
"""Seconds after which to look again although nothing was appended."""

_AT_WORK: Final = ("catching up", "live", "retrying")


class ProcessRunner:
    """Brings the processes of some managers on their way, from one log.

    Commands are sent at least once, each with the same id every time: a handler that decides with
    ``repository.execute(..., command=command)`` has one effect however often it is called. What
    a handler raises means that it refused, but for `unanswered`: after those nobody knows whether
    the command was taken, so it is sent again. Of several runners one is at work, as with
    ProjectionRunner.

    Args:
        event_store: The log that starts processes, and in which their outcomes are written down,
            in streams of their own; a sync in-memory store is taken as well.
        state_store: Where the rows are: one that keeps tables.
        managers: At least one, of different names.
        send: Gives a command to its one handler, such as a bus's ``send``; async or not.
        unanswered: Exceptions that do not say whether a command was taken, besides StorageError,
            ConcurrencyError and OSError.
        retry: When such a command is sent again; :meth:`run` goes on after the last attempt.
        at_once: The most processes that are served at the same time, at least 1.
        lease_seconds: As for a ProjectionRunner.

    Raises:
        InvalidProcess: An argument is none of those.
    """

    def __init__(
        self,
        event_store: AsyncEventStore | InMemoryEventStore,
        state_store: TableStore,
        managers: Sequence[ProcessManager[Any]],
        send: Send,
        *,
        unanswered: tuple[type[Exception], ...] = (),
        retry: RetryPolicy | None = None,
        at_once: int = 100,
        lease_seconds: float = 10.0,
    ) -> None:
        check_managers(managers)
        check_send(send)
        check_arguments(state_store, unanswered, at_once)
        if isinstance(event_store, InMemoryEventStore):
            event_store = InMemoryAsyncEventStore(event_store)
        self._store = event_store
        self._states = state_store
        self._managers = {each.name: each for each in managers}
        policy = retry or ExponentialBackoff(max_retries=5, initial_delay=0.1, max_delay=10.0)
        self._stopping = asyncio.Event()
        self._is_at_work = False
        self._serving = [
            Serving(Dispatch(each, event_store, send, unanswered, policy), state_store,
                    event_store, at_once, self._stopping)
            for each in managers
        ]  # fmt: skip
        self._runner = ProjectionRunner(
            event_store,
            [each.engine(state_store) for each in managers],
            lease_seconds=lease_seconds,
        )

    async def catch_up(self) -> None:
        """Bring every process as far as it comes by itself: to its end, a wait, or being parked.

        Raises:
            CommandsUnanswered: Some commands were neither taken nor refused; the others went on.
            ProjectionsStopped: The rows could not be kept up to date.
            RunnerError: The runner is at work already.
        """
        unanswered: dict[str, Exception] = {}
        with self._working():
            try:
                has_more = True
                while has_more and not self._stopping.is_set():
                    await self._runner.catch_up()
                    has_more = any([await each.begin(for_ever=False) for each in self._serving])
                    for each in self._serving:
                        await each.until_served()
            finally:
                for each in self._serving:
                    unanswered |= await each.end()
        if unanswered:
            raise CommandsUnanswered(unanswered)

    async def run(self) -> None:
        """Follow the log, and serve every process, until :meth:`stop`.

        What was begun is finished then; cancelled, it is left to the next run. A store that is
        away is waited for.

        Raises:
            ProjectionsStopped: No manager's rows could be kept up to date any more.
            RunnerError: The runner is at work already.
        """
        with self._working():
            async with self._runner.running():
                try:
                    while not self._stopping.is_set() and await self._serve():
                        pass
                    for each in self._serving:
                        await each.until_served()
                finally:
                    for each in self._serving:
                        await each.end()

    def stop(self) -> None:
        """Let :meth:`run` or :meth:`catch_up` finish what was begun, and return.

        Nothing happens while neither is at work.
        """
        if self._is_at_work:
            self._stopping.set()

    @contextmanager
    def _working(self) -> Generator[None, None, None]:
        if self._is_at_work:
            raise RunnerError("this process runner is at work already; stop it first")
        self._is_at_work = True
        self._stopping.clear()
        try:
            yield
        finally:
            self._is_at_work = False

    async def status(self) -> Sequence[ProjectionStatus]:
        """Return how the managers' projections are; see ProjectionRunner."""
        return await self._runner.status()

    async def cancel(self, manager: str, process_id: str, reason: str) -> None:
        """Ask for a running process to be undone.

        Raises:
            UnknownProcess: There is none, as far as the log was read.
            WrongStatus: It is not running.
        """
        await self._ask(
            manager, process_id, CancellationRequested, ProcessStatus.RUNNING, reason=reason
        )

    async def retry(self, manager: str, process_id: str) -> None:
        """Ask for the refused compensation of a parked process to be tried again.

        Raises:
            UnknownProcess: There is none, as far as the log was read.
            WrongStatus: It is not parked.
        """
        await self._ask(manager, process_id, RetryRequested, ProcessStatus.PARKED)

    async def settle(self, manager: str, process_id: str, reason: str) -> None:
        """Tell that what a refused compensation should have undone was undone by hand.

        The process goes on with the compensations that are left.

        Raises:
            UnknownProcess: There is none, as far as the log was read.
            WrongStatus: It is not parked.
        """
        await self._ask(manager, process_id, StepSettled, ProcessStatus.PARKED, reason=reason)

    async def ended(self, manager: str, process_id: str, timeout: float = 10.0) -> Process:  # noqa: ASYNC109 - the sentence at its end says where it is
        """Wait until a process has ended or is parked, whoever runs it; return it.

        Args:
            manager: Its manager's name.
            process_id: The process; it need not have been started yet.
            timeout: The longest wait in seconds.

        Raises:
            ProcessNotEnded: The time is over.
        """
        return await until_ended(self._states, self._manager(manager), process_id, timeout)

    async def _serve(self) -> bool:
        """Begin what is due, then wait for more; return whether it makes sense to go on."""
        for each in self._serving:
            each.look()  # before the head, so that what is written from now on is behind it
        try:
            position = await self._store.head()
            ready, goes_on = await self._ready_at(position)
            here = [each for each in self._serving if each.projection_id in ready]
            if not any([await each.begin(for_ever=True) for each in here]):
                await self._wait(position)
        except (StorageError, OSError) as error:
            if isinstance(error, StoreClosed):
                raise
            logger.warning("the processes wait for a store that is away: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._stopping.wait()
            return True
        return goes_on

    async def _ready_at(self, position: int) -> tuple[Collection[str], bool]:
        """Return which projections are ours and have come so far, and whether any goes on."""
        with suppress(NotInTime, NotProcessed):
            await self._runner.wait_for(position, timeout=_LOOK)
        statuses = await self._runner.status()
        ready = {
            each.projection_id
            for each in statuses
            if each.condition in _AT_WORK and each.checkpoint >= position
        }
        return ready, any(each.condition != "stopped" for each in statuses)

    async def _wait(self, position: int) -> None:
        """Wait until the log grows, it is time to stop, or some time is over."""
        growing = asyncio.create_task(self._store.wait_for_events(position, _LOOK))
        told = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({growing, told}, return_when=asyncio.FIRST_COMPLETED)
            if growing.done():
                growing.result()  # what the store raises is told, and waited for
        finally:
            growing.cancel()
            told.cancel()

    async def _ask(
        self,
        manager: str,
        process_id: str,
        kind: type[ProcessEvent],
        only: ProcessStatus,
        **said: str,
    ) -> None:
        asked = self._manager(manager)
        await ask(self._store, self._states, asked, process_id, kind, only, **said)

    def _manager(self, name: str) -> ProcessManager[Any]:
        if name not in self._managers:
            raise InvalidProcess(
                f"this runner has the process managers {', '.join(map(repr, self._managers))}; "
                f"found {name!r}"
            )
        return self._managers[name]
