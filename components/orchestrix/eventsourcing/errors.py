"""Everything a store may raise.

* OrchestrixError
  * EventStoreError
    * ConcurrencyError    another writer was first: reload, decide again, retry
    * DuplicateEvent      an event id is already recorded elsewhere: nothing was written
    * InvalidAppend       a bug in the caller (also a ValueError): nothing was written
    * InvalidRange        a bug in the caller (also a ValueError): do not retry
    * AppendInsideBatch   a handler appends to the file in which its own batch is open
    * BatchInsideBatch    a handler feeds another engine whose state is in the same file
    * StorageError        what the store is made of is the problem
      * StoreUnavailable  it cannot be reached or written now: mend that and retry
      * StoreUnusable     it is no event store, or none that this program can use
      * StoreClosed       used after its end, or in a process that did not open it
"""

from orchestrix.messaging import OrchestrixError


class EventStoreError(OrchestrixError):
    """A store could not do what it was asked."""


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


class AppendInsideBatch(EventStoreError):
    """A handler appends to the store that its own batch is about to commit. Nothing was written.

    The append would wait for the batch to end, and the batch for the append.
    """

    def __init__(self, stream_id: str) -> None:
        super().__init__(stream_id)
        self.stream_id = stream_id

    def __str__(self) -> str:
        return (
            f"append to stream {self.stream_id!r} from inside a projection's batch on the same "
            "file; a projection only reads events: let a process manager answer them with "
            "commands, or append when the batch has ended"
        )


class BatchInsideBatch(EventStoreError):
    """A handler feeds an engine, or saves a state, in the file of its own batch. Nothing was done.

    That batch would wait for this one to end, and this one for that.
    """

    def __init__(self, projection_id: str) -> None:
        super().__init__(projection_id)
        self.projection_id = projection_id

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} is fed from inside another projection's batch on "
            "the same file; feed it when that batch has ended, or keep the two in two files"
        )


class StorageError(EventStoreError):
    """What the store is made of is the problem, not the question.

    Attributes:
        store: The store, by its file or address.
        problem: What is wrong, and what to do.
    """

    def __init__(self, store: str, problem: str) -> None:
        super().__init__(store, problem)
        self.store = store
        self.problem = problem

    def __str__(self) -> str:
        return f"event store {self.store}: {self.problem}"


class StoreUnavailable(StorageError):
    """The storage cannot be reached or written now: locked, full, moved, read-only, broken.

    Whether an append was written is not known in every case; repeat it with the same events,
    which records them once.
    """


class StoreUnusable(StorageError):
    """What is stored there is no event store, or none that this program can use."""


class StoreClosed(StorageError):
    """The store was closed, or opened by another process than this one. Nothing was written."""
