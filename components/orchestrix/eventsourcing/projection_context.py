"""What a handler may know about the event it is given."""

from dataclasses import dataclass

from orchestrix.messaging import RecordedEvent


@dataclass(frozen=True, slots=True)
class ProjectionContext:
    """Where a handler is. Handed to handlers with a second parameter.

    Attributes:
        projection_id: The projection.
        position: The event's position in the log; for bare events, its number from 1. Together
            with the projection id, an idempotency key for outside systems.
        recorded: The recorded event; None for a bare one.
        replaying: Whether the event is history that is handled again.
    """

    projection_id: str
    position: int
    recorded: RecordedEvent | None
    replaying: bool
