"""What saving an aggregate gives back."""

from dataclasses import dataclass

from orchestrix.eventsourcing.store import AppendResult
from orchestrix.messaging import Event


@dataclass(frozen=True, slots=True)
class SavedEvents(AppendResult):
    """Where the events of a decision are recorded, and the events themselves.

    A ``wait_for`` of a runner takes it as it takes what ``append`` returns.

    Attributes:
        events: As they are recorded, oldest first; empty when nothing new was decided, and then
            the positions are those of the stream's last event.
        repeated: Whether they had been recorded before, as those of a command that is repeated.
    """

    events: tuple[Event, ...]
