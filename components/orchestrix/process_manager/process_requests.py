"""What people ask of a process: to be undone, to be tried again, where it ended."""

import asyncio
from typing import Any, Final

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.process_manager.process import Process, ProcessStatus
from orchestrix.process_manager.process_errors import ProcessNotEnded, UnknownProcess, WrongStatus
from orchestrix.process_manager.process_events import ProcessEvent
from orchestrix.process_manager.process_manager import ProcessManager
from orchestrix.read_models import TableStore

_PAUSES: Final = (0.002, 0.05)
"""Seconds between two looks at a process that somebody waits for: at first, and at most."""


async def ask(
    store: AsyncEventStore,
    states: TableStore,
    manager: ProcessManager[Any],
    process_id: str,
    kind: type[ProcessEvent],
    only: ProcessStatus,
    **said: Any,
) -> None:
    """Write a request down, as an event of that kind.

    Raises:
        UnknownProcess: There is no such process, as far as the log was read.
        WrongStatus: It has not the only status in which that makes sense.
    """
    process = await states.table(manager.table).get(process_id)
    if process is None:
        raise UnknownProcess(manager.name, process_id)
    if process.status is not only:
        wanted = f"one that is {only.value} can be asked for that"
        raise WrongStatus(process_id, process.status.value, wanted)
    event = kind(manager=manager.name, process_id=process_id, step=process.step or "", **said)
    after = process.started_position - 1
    for started in (await store.read_all(after_position=after, limit=1)).events:
        event = event.caused_by(started.event)
    await store.append(manager.stream_of(process_id), [event])


async def until_ended(
    states: TableStore, manager: ProcessManager[Any], process_id: str, seconds: float
) -> Process:
    """Wait until a process has ended or is parked; return it.

    Raises:
        ProcessNotEnded: So many seconds are over.
    """
    process: Process | None = None
    pause, longest = _PAUSES
    try:
        async with asyncio.timeout(seconds):
            while True:
                process = await states.table(manager.table).get(process_id)
                if process is not None and _is_left(process):
                    return process
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
    except TimeoutError:
        status = "not started" if process is None else process.status.value
        step = f" at step {process.step!r}" if process is not None and process.step else ""
        problem = f"after {seconds} seconds: it is {status}{step}"
        raise ProcessNotEnded(process_id, problem) from None


def _is_left(process: Process) -> bool:
    return process.has_ended or process.status is ProcessStatus.PARKED
