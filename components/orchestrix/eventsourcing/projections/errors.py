"""Everything a projection engine may raise of its own; handlers' exceptions pass unwrapped.

* OrchestrixError
  * ProjectionError
    * RegistrationError      a handler that cannot work (also a TypeError)
    * FeedError              what was fed cannot be processed as it is (also a ValueError)
      * GapInFeed            events are missing between the checkpoint and the feed
      * MixedFeed            bare and recorded events for one projection
      * NotTheLog            events of one stream, or of another store's log
      * OutOfOrder           recorded events that do not ascend
    * EngineInUse            a call that would wait for itself, or from a second loop or thread
    * NoTransaction          a handler asked for a transaction that there is not, or is over
    * TransactionEnded       a handler ended the transaction of its batch
    * NoKey                  a key function that gives an event no key
    * UnhandledUnknownEvent  a stored event whose class is not here
    * OutdatedProjection     the state was built by another version of the projection
"""

from orchestrix.messaging import OrchestrixError


class ProjectionError(OrchestrixError):
    """The engine refused. The checkpoint stands after the last event that was handled."""


class RegistrationError(ProjectionError, TypeError):
    """What was registered cannot work as a handler.

    Nothing was registered; but that a handler returns a generator is seen when it is called.
    """


class FeedError(ProjectionError, ValueError):
    """What was fed cannot be processed as it is."""


class GapInFeed(FeedError):
    """Events are missing between the checkpoint and what was fed; to go on would skip them.

    Attributes:
        projection_id: The projection.
        checkpoint: Up to where the log is handled.
        position: After which position the feed goes on (exclusive).
        failed_position: The event that failed and was left out; None: a page begins too late.
    """

    def __init__(
        self, projection_id: str, checkpoint: int, position: int, failed_position: int | None = None
    ) -> None:
        super().__init__(projection_id, checkpoint, position, failed_position)
        self.projection_id = projection_id
        self.checkpoint = checkpoint
        self.position = position
        self.failed_position = failed_position

    def __str__(self) -> str:
        if self.failed_position is not None:
            return (
                f"projection {self.projection_id!r} failed at position {self.failed_position}, and "
                f"the feed leaves that event out; feed read_all(after_position={self.checkpoint}) "
                "without a filter that hides it"
            )
        return (
            f"projection {self.projection_id!r} has handled the log up to position "
            f"{self.checkpoint}, and the feed begins after position {self.position}; "
            f"feed read_all(after_position={self.checkpoint}) first"
        )


class MixedFeed(FeedError):
    """Both kinds of events for one projection, in one call or one after the other."""

    def __init__(self, projection_id: str, fed_before: str | None, fed_now: str) -> None:
        super().__init__(projection_id, fed_before, fed_now)
        self.projection_id = projection_id
        self.fed_before = fed_before
        self.fed_now = fed_now

    def __str__(self) -> str:
        if self.fed_before is None:
            return (
                f"projection {self.projection_id!r} was fed {self.fed_now} events in one call; "
                "feed one kind"
            )
        return (
            f"projection {self.projection_id!r} counts {self.fed_before} events and was fed "
            f"{self.fed_now} ones; keep to one kind, or replay with the other"
        )


class NotTheLog(FeedError):
    """Events of one stream, or of another store, given as if they were this log."""


class OutOfOrder(FeedError):
    """Recorded events that do not ascend by position."""


class EngineInUse(ProjectionError, RuntimeError):
    """A call that would wait for itself, or comes from a second loop or thread."""


class NoTransaction(ProjectionError):
    """A handler asked for the transaction of a state store that has none, or after its batch."""


class TransactionEnded(ProjectionError):
    """A handler ended the transaction of its batch, so the model may be ahead of its checkpoint."""

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return (
            f"a handler ended the transaction of its batch in {self.store} (commit, rollback or "
            "executescript do), so the read model may have moved without its checkpoint; leave "
            "that to the engine, and replay the projection"
        )


class NoKey(ProjectionError):
    """A key function gave an event no key. The event counts as failed."""


class UnhandledUnknownEvent(ProjectionError):
    """A stored event of a type that no class here declares, and nobody said what to do."""

    def __init__(self, projection_id: str, event_type: str, event_id: str) -> None:
        super().__init__(projection_id, event_type, event_id)
        self.projection_id = projection_id
        self.event_type = event_type
        self.event_id = event_id

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r}: no class declares the type {self.event_type!r} "
            f"of event {self.event_id!r}; import the module that does, "
            f"or pass ignore=[{self.event_type!r}]"
        )


class OutdatedProjection(ProjectionError):
    """The state was built by another version of the projection's code."""

    def __init__(self, projection_id: str, built_by: int, declared: int) -> None:
        super().__init__(projection_id, built_by, declared)
        self.projection_id = projection_id
        self.built_by = built_by
        self.declared = declared

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} declares version {self.declared}, and its state "
            f"was built by version {self.built_by}; replay it"
        )
