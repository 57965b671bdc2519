"""A call on an engine, in its turn."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from orchestrix.eventsourcing.projections.cancellation import check_cancelled, requests_to_end
from orchestrix.eventsourcing.projections.turn import Turn
from orchestrix.eventsourcing.projections.work import Work

T = TypeVar("T")


async def in_turn(turn: Turn, work: Work, do: Callable[[], Awaitable[T]]) -> T:
    """Do something in its turn; however it is cancelled, that is what is raised."""
    before = requests_to_end()
    call = turn.begin() or await turn.wait()
    work.requests_before = before
    try:
        return await do()
    except Exception as error:
        check_cancelled(error, before)
        raise
    finally:
        turn.end(call)
