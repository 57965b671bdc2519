"""Serving the processes of one manager: several at the same time, each one once."""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

from orchestrix.eventsourcing import AsyncEventStore, StorageError, StoreClosed
from orchestrix.process_manager.dispatch import Dispatch
from orchestrix.process_manager.process import Process
from orchestrix.process_manager.process_errors import OutcomeNotFollowed
from orchestrix.read_models import TableStore

logger = logging.getLogger("orchestrix.processes")

_TIMERS: Final = 100
"""Timers that are looked at in one query."""


class Serving:
    """What is being sent for the processes of one manager.

    Args:
        dispatch: Sends the commands of one process.
        states: Where the processes are.
        store: Whose clock counts.
        at_once: The most processes that are served at the same time.
        stopping: Ends waits between attempts.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        states: TableStore,
        store: AsyncEventStore,
        at_once: int,
        stopping: asyncio.Event,
    ) -> None:
        self._dispatch = dispatch
        self._processes = states.table(dispatch.manager.table)
        self._timers = states.table(dispatch.manager.timers)
        self._store = store
        self._at_once = at_once
        self._stopping = stopping
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._busy: set[str] = set()
        self._unanswered: dict[str, Exception] = {}
        self._served: dict[str, Process] = {}  # as they were when their outcome was written
        self._timed_out: dict[str, Process] = {}  # the same, when their time was over
        self._stuck: dict[str, Exception] = {}

    @property
    def projection_id(self) -> str:
        """Which projection keeps the processes."""
        return self._dispatch.manager.projection_id

    def look(self) -> None:
        """Forget what has been served, and take note of what is being served.

        The outcome of that may be written after the log was read, so that its rows, read
        even later, may not have it yet. Raises what serving a process ended with.
        """
        for name, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[name]
                task.result()
        self._busy = set(self._tasks)

    async def begin(self, *, for_ever: bool) -> bool:
        """Begin to serve processes to which something is due; return whether there were any.

        Args:
            for_ever: Whether to send again for as long as it takes.
        """
        begun = await self._time_out()
        limit = self._at_once + len(self._tasks) + len(self._unanswered) + len(self._served)
        due = await self._processes.query({"due": True}, limit=limit)
        for process in due:
            name = process.process_id
            is_known = name in self._busy or name in self._tasks or name in self._unanswered
            if is_known or self._has_been_served(process) or len(self._tasks) >= self._at_once:
                continue
            self._tasks[name] = asyncio.create_task(self._serve(process, for_ever))
            begun = True
        if len(due) < limit:  # then these are all
            names = {each.process_id for each in due} | self._busy | self._tasks.keys()
            self._served = {name: row for name, row in self._served.items() if name in names}
        return begun

    def _has_been_served(self, process: Process) -> bool:
        """Say whether its outcome was written before, so that its row should have followed."""
        name = process.process_id
        if self._served.get(name) != process:
            self._served.pop(name, None)
            self._stuck.pop(name, None)
            return False
        self._tell_of(name)
        return True

    def _tell_of(self, name: str) -> None:
        """Tell, once, that the row of a process does not follow the log."""
        if name not in self._stuck:
            self._stuck[name] = OutcomeNotFollowed(self._dispatch.manager.name, name)
            logger.error("%s", self._stuck[name])

    async def until_served(self) -> None:
        """Wait until everything that was begun is done; raise what one ended with."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        self.look()
        if self._tasks:
            await self.until_served()

    async def end(self) -> dict[str, Exception]:
        """Leave nothing behind; return, by process, what was left unanswered and why."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        unanswered = {**self._unanswered, **self._stuck}
        self._unanswered, self._stuck = {}, {}
        self._tasks, self._busy, self._served, self._timed_out = {}, set(), {}, {}
        return unanswered

    async def _serve(self, process: Process, for_ever: bool) -> None:
        async def goes_on(seconds: float) -> bool:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()
            if self._stopping.is_set():
                return False
            try:
                now = await self._processes.get(process.process_id)
            except (StorageError, OSError) as error:
                if isinstance(error, StoreClosed):
                    raise
                return True  # as far as anybody knows
            return now is not None and _place(now) == _place(process)

        failure = await self._dispatch.serve(process, goes_on, for_ever=for_ever)
        if failure is not None:
            self._unanswered[process.process_id] = failure
        else:
            self._served[process.process_id] = process

    async def _time_out(self) -> bool:
        """Write down which waits are over; return whether there were any."""
        has_any = False
        timers = await self._timers.query(limit=_TIMERS)
        if not timers:
            self._timed_out.clear()
        while timers:
            now = await self._store.now()
            for timer in timers:
                if timer.at > now:
                    return has_any
                process = await self._processes.get(timer.process_id)
                if process is None or process.due:
                    continue
                if self._timed_out.get(timer.process_id) == process:
                    self._tell_of(timer.process_id)
                    continue
                await self._dispatch.time_out(process)
                self._timed_out[timer.process_id] = process
                has_any = True
            last = timers[-1].at, timers[-1].process_id
            timers = await self._timers.query(limit=_TIMERS, after=last)
        return has_any


def _place(process: Process) -> tuple[object, ...]:
    """Return where a process is; what else is known of it may change meanwhile."""
    return process.status, process.step, process.due, process.cause_position
