"""What every event store promises; a store's test subclasses it and gives a fixture ``store``.

One class, because a store that keeps half of these promises is not an event store.
"""

from orchestrix.testing.conformance.event_store.appends import Appends
from orchestrix.testing.conformance.event_store.contents import Contents
from orchestrix.testing.conformance.event_store.reading import log_of, pages_of, stream_of, tail
from orchestrix.testing.conformance.event_store.reads import Reads
from orchestrix.testing.conformance.event_store.repetitions import Repetitions
from orchestrix.testing.conformance.event_store.samples import (
    NOON,
    Counted,
    HandClock,
    counted,
    snapshot_at,
)
from orchestrix.testing.conformance.event_store.waits import Waits

__all__ = [
    "NOON",
    "Counted",
    "EventStoreConformance",
    "HandClock",
    "counted",
    "log_of",
    "pages_of",
    "snapshot_at",
    "stream_of",
    "tail",
]


class EventStoreConformance(Appends, Repetitions, Reads, Contents, Waits):
    """What every event store promises, whatever it is made of."""
