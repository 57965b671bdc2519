"""How a projection is, for people and programs that watch it."""

from dataclasses import dataclass
from typing import Literal

from orchestrix.eventsourcing import Promise

Condition = Literal[
    "not running", "waiting", "paused", "catching up", "live", "retrying", "stalled", "stopped"
]
"""What a runner does with a projection.

`not running`: nothing yet, or no longer. `waiting`: another runner has it. `paused`: somebody
wants it so. `live`: it has handled the whole log and waits for more. `retrying`: something failed
and is tried again before anything else; `stopped`: something failed and is not. `stalled`: a
handler, or the state store, has not answered for long.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectionStatus:
    """One projection at one moment.

    Attributes:
        projection_id: The projection.
        condition: What the runner does with it.
        checkpoint: The position up to which it has handled the log.
        head: The position of the newest event.
        lag: Events after the checkpoint; None if the store cannot tell.
        lag_seconds: Since the oldest event after the checkpoint was recorded, by the store's
            clock and this machine's; 0 when there is none.
        throughput: Events per second in the last seconds, filtered ones included.
        error_count: Failures since the beginning or the last replay.
        problem: What is wrong, in a sentence; None when nothing is.
        retrying_keys: Keys that are set aside and tried again by themselves.
        parked_keys: Keys that are set aside until somebody asks for them.
        parked_events: How many events are set aside with both.
        promise: What is promised, given where the state is kept.
    """

    projection_id: str
    condition: Condition
    checkpoint: int
    head: int
    lag: int | None
    lag_seconds: float
    throughput: float
    error_count: int
    problem: str | None
    retrying_keys: int
    parked_keys: int
    parked_events: int
    promise: Promise
