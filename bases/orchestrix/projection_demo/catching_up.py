"""The projections read the log up to its end, watched."""

import asyncio
import time
from collections.abc import Callable, Sequence

from orchestrix.projection_demo.bank import Bank
from orchestrix.projection_demo.problems import ProjectionsStuck
from orchestrix.projection_runtime import ProjectionStatus

LOOK = 0.1
"""Seconds between two looks at how far they are, for those who watch."""

PATIENCE = 10.0
"""Seconds to go on trying what fails, when nothing else moves."""


async def catch_up(
    bank: Bank, begin: int, advance: Callable[[int], None], say: Callable[[str], None]
) -> None:
    """Let every projection handle the log up to its head.

    Calls `advance` with the number of events that were handled, all projections together, and
    `say` with a sentence when another process has the projections. `begin` is the sum of the
    checkpoints before.

    Raises:
        ProjectionsStuck: What keeps failing, as a full disk does, has not passed.
        ProjectionsStopped: An event could not be handled.
    """
    watch = _Watch(begin, advance, say)
    working = asyncio.create_task(bank.runner.catch_up())
    try:
        while not working.done():
            watch.look(await bank.runner.status())
            await asyncio.wait({working}, timeout=LOOK)
    finally:
        working.cancel()
        await asyncio.wait({working})
    working.result()


class _Watch:
    def __init__(
        self, begin: int, advance: Callable[[int], None], say: Callable[[str], None]
    ) -> None:
        self._advance = advance
        self._say = say
        self._at = begin
        self._moved_at = time.monotonic()
        self._has_said = False

    def look(self, statuses: Sequence[ProjectionStatus]) -> None:
        """Tell what is new since the last look."""
        at, before = sum(each.checkpoint for each in statuses), self._at
        self._at = at
        if at != before:
            self._moved_at = time.monotonic()
            self._advance(at - before)
        for each in statuses:
            self._look_at(each)

    def _look_at(self, status: ProjectionStatus) -> None:
        if status.condition == "waiting" and not self._has_said:
            self._has_said = True
            self._say(f"waiting for another process, which has the projections: {status.problem}")
        is_over = time.monotonic() - self._moved_at > PATIENCE
        if status.condition == "retrying" and status.problem and is_over:
            raise ProjectionsStuck(f"projection {status.projection_id!r}: {status.problem}")
