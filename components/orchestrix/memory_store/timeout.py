"""How long a caller may wait."""

import math

from orchestrix.eventsourcing import InvalidRange


def check_timeout(timeout: float) -> None:
    """Raise InvalidRange unless `timeout` is a finite number of seconds, at least 0."""
    if not math.isfinite(timeout) or timeout < 0:
        raise InvalidRange(f"timeout is a number of seconds from 0 on, found {timeout!r}")
