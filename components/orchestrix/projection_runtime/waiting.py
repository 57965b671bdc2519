"""Waiting until what was written is in the read models."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from orchestrix.eventsourcing import AppendResult
from orchestrix.projection_runtime.errors import NotInTime, NotProcessed
from orchestrix.projection_runtime.follower import Follower

_PAUSES: Final = (0.002, 0.05)
"""Seconds between two looks at projections that others run: at first, and at most."""


class Arrivals:
    """Wakes those who wait for projections, whenever one moved."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def announce(self) -> None:
        """Wake them: a checkpoint or a condition has changed."""
        for moved in self._waiting:
            moved.set()

    async def wait(
        self, followers: Sequence[Follower], target: AppendResult | int, seconds: float
    ) -> None:
        """See the runner."""
        _, position = _range(target)
        pause, longest = _PAUSES
        waiting, moved = list(followers), asyncio.Event()
        self._waiting.add(moved)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    moved.clear()  # before looking, so that no move falls in between
                    waiting = [each for each in waiting if not await _has_passed(each, target)]
                    if not waiting:
                        return
                    for follower in waiting:
                        await _check_goes_on(follower, target)
                    here = all(each.is_at_work for each in waiting)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(None if here else pause):
                            await moved.wait()
                    pause = min(2 * pause, longest)
        except TimeoutError:
            raise await _not_in_time(waiting[0], position, seconds) from None
        finally:
            self._waiting.discard(moved)


async def _has_passed(follower: Follower, target: AppendResult | int) -> bool:
    first, last = _range(target)
    if last == 0:  # the place before the first event
        return True
    state = await follower.load_state()
    if state is None or state.last_processed_position < last:
        return False
    if state.store_id not in (None, follower.store_id):  # it has come that far elsewhere
        return False
    await _check_nothing_is_set_aside(follower, first, last)
    return True


async def _check_nothing_is_set_aside(follower: Follower, first: int, last: int) -> None:
    if (management := follower.management) is None:
        return
    key = await management.states.parked_between(follower.projection_id, first, last)
    if key is not None:
        problem = (
            f"an event of it is set aside with the key {key.key!r}, which is {key.status} since "
            f"position {key.position} failed: {key.error}"
        )
        raise NotProcessed(follower.projection_id, last, problem)


async def _check_goes_on(follower: Follower, target: AppendResult | int) -> None:
    first, last = _range(target)
    await _check_nothing_is_set_aside(follower, first, last)
    if follower.management is not None and await follower.management.is_to_pause():
        raise NotProcessed(follower.projection_id, last, "it is paused")
    if follower.condition == "stopped" and not await _is_run_elsewhere(follower):
        problem = f"it is stopped: {follower.problem_in_words()}"
        raise NotProcessed(follower.projection_id, last, problem) from follower.problem
    failed_at = follower.failed_at if follower.is_at_work else None
    if failed_at is not None and first <= failed_at <= last:
        words = follower.problem_in_words()
        problem = f"it failed at position {failed_at} and tries again: {words}"
        raise NotProcessed(follower.projection_id, last, problem) from follower.problem


async def _is_run_elsewhere(follower: Follower) -> bool:
    return follower.management is not None and await follower.management.is_run_elsewhere()


def _range(target: AppendResult | int) -> tuple[int, int]:
    if isinstance(target, int):
        return target, target
    return target.first_position, target.last_position


async def _not_in_time(follower: Follower, position: int, seconds: float) -> NotInTime:
    state = await follower.load_state()
    checkpoint = 0 if state is None else state.last_processed_position
    words = follower.problem_in_words()
    return NotInTime(
        follower.projection_id,
        position,
        f"after {seconds} seconds it is at {checkpoint}, {follower.condition} here"
        + (f": {words}" if words else ""),
    )
