"""How far a projection is, and how it is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from orchestrix.projection_state.event_ids import EventIds

Feed = Literal["bare", "recorded"]
"""What an engine is given: events without a place in a log, or recorded events of one."""

Status = Literal["live", "resetting", "replaying"]
"""`resetting` and `replaying` are left when the replay that began them is done."""

UNBOUNDED = 2**63 - 1
"""A checkpoint above all others: there is none that a replay's could be compared with."""


@dataclass(frozen=True, slots=True)
class PartlyApplied:
    """An event that failed after some of its handlers had returned.

    Attributes:
        event_id: The event.
        returned: Names of the handlers that returned; a retry calls only the others.
    """

    event_id: str
    returned: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ProjectionState:
    """A projection's checkpoint and health. Immutable through and through, so stores may share it.

    Attributes:
        projection_id: The projection.
        last_processed_event_id: The last event handled or passed over; None before the first.
        last_processed_position: The checkpoint, at least 0. Recorded feed: the position up to
            which the log is handled. Bare feed: how many events were taken.
        updated_at: When this state was made, UTC.
        revision: How many states of this projection were made before this one; never falls.
        error_count: Failures since the beginning or the last replay, at least 0.
        is_healthy: False from a failure until the next success.
        status: What the projection is doing.
        last_error: Class and text of the failure that made it unhealthy; None when healthy.
        store_id: The store whose log was fed, when that is known.
        version: The version that the projection's code declared, at least 1.
        fingerprint: Identifies the handlers' code that processed last.
        applied_count: How many events had a handler, at least 0.
        applied_hash: Sum modulo 2**64 of a number for each of these events (see
            ``orchestrix.eventsourcing.projections.applied``): which ones they were, in any order.
        feed: The kind of feed, fixed by the first event; None before it.
        failed_position: Recorded feed: the event that must come next, since it failed.
        partly_applied: Events that failed half-way.
        replay_until: Up to this position, events are history that is, or was, replayed, for
            those that are set aside, too; UNBOUNDED: up to the end of the first feed that ends
            well.
        event_ids: Bare feed: the ids that were taken, oldest first.
    """

    projection_id: str
    last_processed_event_id: str | None = None
    last_processed_position: int = 0
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    revision: int = 0
    error_count: int = 0
    is_healthy: bool = True
    status: Status = "live"
    last_error: str | None = None
    store_id: str | None = None
    version: int = 1
    fingerprint: str | None = None
    applied_count: int = 0
    applied_hash: int = 0
    feed: Feed | None = None
    failed_position: int | None = None
    partly_applied: tuple[PartlyApplied, ...] = ()
    replay_until: int = 0
    event_ids: EventIds = field(default_factory=EventIds)

    def changed(self, **changes: Any) -> "ProjectionState":
        """Return a copy with `changes`: ``dataclasses.replace`` for the busiest place there is.

        It is ten times as fast, since it runs no ``__init__``; names are not checked.
        """
        copy = object.__new__(ProjectionState)
        copy.__dict__.update(self.__dict__, **changes)
        return copy
