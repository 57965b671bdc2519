"""Everything a store may raise.

* OrchestrixError
  * EventStoreError
    * ConcurrencyError    another writer was first: reload, decide again, retry
    * DuplicateEvent      an event id is already recorded elsewhere: nothing was written
    * InvalidAppend       a bug in the caller (also a ValueError): nothing was written
    * InvalidRange        a bug in the caller (also a ValueError): do not retry
"""

from orchestrix.messaging import OrchestrixError


class EventStoreError(OrchestrixError):
    """A store could not do what it was asked. Nothing was written."""


class ConcurrencyError(EventStoreError):
    """The stream is not at the version the writer expected. Nothing was written."""

    def __init__(self, aggregate_id: str, expected_version: int, actual_version: int) -> None:
        super().__init__(aggregate_id, expected_version, actual_version)
        self.aggregate_id = aggregate_id
        self.expected_version = expected_version
        self.actual_version = actual_version

    def __str__(self) -> str:
        return (
            f"stream {self.aggregate_id!r}: expected version {self.expected_version}, "
            f"found {self.actual_version} (-1 means no stream); reload the stream and retry"
        )


class DuplicateEvent(EventStoreError):
    """An event id is recorded already, or stands twice in one append. Nothing was written."""

    def __init__(self, event_id: str, stream_id: str, found: str) -> None:
        super().__init__(event_id, stream_id, found)
        self.event_id = event_id
        self.stream_id = stream_id
        self.found = found

    def __str__(self) -> str:
        return (
            f"append to stream {self.stream_id!r}: event id {self.event_id!r} {self.found}; "
            "repeat an append whole and in its order, and give new events new ids"
        )


class InvalidAppend(EventStoreError, ValueError):
    """A stream id, event, metadata or snapshot that no store can hold. Nothing was written."""


class InvalidRange(EventStoreError, ValueError):
    """A version, position, limit, timeout or filter outside its range. Nothing was done."""
