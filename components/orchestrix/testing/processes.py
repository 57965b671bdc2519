"""Given, when and then for process managers, through a real runner in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from orchestrix.eventsourcing import ConcurrencyError, StorageError
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import Command, Event
from orchestrix.process_manager import Process, ProcessManager, ProcessRunner, ProcessStatus
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.events import check_events, difference
from orchestrix.testing.texts import shown


class ProcessScenario:
    """Events that start and answer processes, what happens then, and what was sent.

    Every command is taken, unless :meth:`refusing` says otherwise. The processes go on when the
    first ``then`` is asked. After a ``when``, what was sent for the given events does not count.
    """

    def __init__(self, manager: ProcessManager[Any], events: Sequence[Event]) -> None:
        check_events("given", events)
        self._now = datetime(2000, 1, 1, tzinfo=UTC)
        self._store = InMemoryAsyncEventStore(InMemoryEventStore(clock=lambda: self._now))
        self._states = InMemoryProjections()
        self._manager = manager
        self._given = events
        self._then: Sequence[Event | timedelta] = ()
        self._refusing: list[tuple[type[Command], Exception]] = []
        self._sent: list[Command] | None = None

    def refusing(self, command: type[Command], error: Exception) -> Self:
        """Let the handler of `command`, and of its subclasses, raise `error`.

        An OSError, a StorageError or a ConcurrencyError is no refusal.
        """
        if not (isinstance(command, type) and issubclass(command, Command)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidScenario(f"refusing takes a class of commands; found {shown(command)}")
        if not isinstance(error, Exception):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidScenario(
                f"refusing takes what the handler raises, as in refusing({command.__qualname__}, "
                f"ValueError('no')); found {shown(error)}"
            )
        if isinstance(error, (OSError, StorageError, ConcurrencyError)):
            raise InvalidScenario(
                f"{type(error).__name__} does not say whether a command was taken, so it is sent "
                "again and again; refuse it with another exception"
            )
        self._check_not_run("refusing")
        self._refusing.append((command, error))
        return self

    def when(self, *what: Event | timedelta) -> Self:
        """Say what happens then: events, and time that passes, in this order."""
        for each in what:
            if isinstance(each, timedelta) and each < timedelta(0):
                raise InvalidScenario(f"when: time passes forwards; found {each!r}")
        check_events("when", [each for each in what if not isinstance(each, timedelta)])
        self._check_not_run("when")
        if self._then:
            raise InvalidScenario(
                "when comes once; name everything in it, as in when(event, timedelta(days=8))"
            )
        self._then = what
        return self

    async def then_sent(self, *commands: Command) -> Self:
        """Raise AssertionError unless exactly these commands were sent, in this order.

        Two commands are the same as two events are: their envelopes are not compared.
        """
        for number, each in enumerate(commands, 1):
            if not isinstance(each, Command):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
                raise InvalidScenario(f"then_sent: number {number} is {shown(each)}, no command")
        if text := difference(commands, await self._run(), "command"):
            raise AssertionError(f"{self._manager.name}: {text}")
        return self

    async def then_process(self, process_id: str, status: str, error: str | None = None) -> Process:
        """Raise AssertionError unless the process has that status and error; return it.

        Args:
            process_id: The process.
            status: As ProcessStatus has it: ``"running"``, ``"completed"`` and so on.
            error: A text that its error holds. None: it has none.
        """
        if status not in (statuses := [each.value for each in ProcessStatus]):
            raise InvalidScenario(
                f"then_process: a status is one of {', '.join(statuses)}; found {status!r}"
            )
        await self._run()
        process = await self._states.table(self._manager.table).get(process_id)
        if process is None:
            raise AssertionError(f"{self._manager.name}: no process {process_id!r} was started")
        is_as_expected = process.error is None if error is None else error in (process.error or "")
        if process.status.value != status or not is_as_expected:
            raise AssertionError(
                f"{self._manager.name}: another state of process {process_id!r} than expected\n"
                f"    expected {status}, {_told(error)}\n"
                f"       found {process.status.value}, {_told(process.error)}"
            )
        return process

    async def _run(self) -> list[Command]:
        if self._sent is None:
            runner = ProcessRunner(self._store, self._states, [self._manager], self._handle)
            self._sent = []
            if self._given:
                await self._store.append("given", self._given)
                await self._catch_up(runner)
                if self._then:
                    self._sent = []
            for each in self._then:
                await self._happen(each)
                await self._catch_up(runner)
        return self._sent

    async def _catch_up(self, runner: ProcessRunner) -> None:
        await runner.catch_up()
        for key in await self._states.parked_keys(self._manager.projection_id):
            raise AssertionError(f"{self._manager.name}: it could not follow an event: {key.error}")

    async def _happen(self, what: Event | timedelta) -> None:
        if isinstance(what, timedelta):
            self._now += what
        else:
            await self._store.append("when", [what])

    def _handle(self, command: Command) -> None:
        if self._sent is not None:
            self._sent.append(command)
        for refused, error in self._refusing:
            if isinstance(command, refused):
                raise error

    def _check_not_run(self, what: str) -> None:
        if self._sent is not None:
            raise InvalidScenario(f"{what} comes before every then; begin anew with given(...)")


def _told(error: str | None) -> str:
    return "without an error" if error is None else f"with the error {error!r}"
