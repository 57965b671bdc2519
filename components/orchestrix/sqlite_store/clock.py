"""What a store's clock says, and what to tell of one that is broken."""

from collections.abc import Callable
from datetime import datetime

from orchestrix.eventsourcing import time_of


def time_said(clock: Callable[[], datetime]) -> datetime:
    """Return what the clock says, in UTC. What it raises passes with a note.

    Raises:
        TypeError: It says something else than a time.
        ValueError: It says a time without an offset, or one that is none in UTC.
        RuntimeError: It raised StopIteration, which cannot be told to a task.
    """
    said = _asked(clock)
    return time_of(lambda: said)


def _asked(clock: Callable[[], datetime]) -> datetime:
    try:
        return clock()
    except StopIteration as error:
        raise RuntimeError(f"the clock of this store raised {error!r}") from error
    except BaseException as error:
        error.add_note("the clock of this store raised it")
        raise
