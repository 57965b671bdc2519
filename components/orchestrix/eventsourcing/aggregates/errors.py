"""Everything that loading and saving aggregates may raise, besides what the store raises.

* OrchestrixError
  * AggregateError
    * AggregateNotFound      its stream has no events (also a ValueError)
    * UnreadableAggregate    its stream holds an event that nothing here can read
    * InvalidAggregate       a bug in the aggregate's or decider's code (also a TypeError)
    * WrongColour            a sync method on an async store, or the reverse (also a TypeError)
"""

from orchestrix.messaging import OrchestrixError


class AggregateError(OrchestrixError):
    """An aggregate could not be loaded, decided about or saved."""


class AggregateNotFound(AggregateError, ValueError):
    """The stream of the aggregate has no events."""

    def __init__(self, aggregate_type: str, aggregate_id: str) -> None:
        super().__init__(aggregate_type, aggregate_id)
        self.aggregate_type = aggregate_type
        self.aggregate_id = aggregate_id

    def __str__(self) -> str:
        return (
            f"{self.aggregate_type} {self.aggregate_id!r} not found: its stream has no events; "
            "look at the id, or begin one (with execute: create=True)"
        )


class UnreadableAggregate(AggregateError):
    """The stream holds an event that no class here declares, so the state would be wrong."""

    def __init__(self, aggregate_id: str, version: int, event_type: str) -> None:
        super().__init__(aggregate_id, version, event_type)
        self.aggregate_id = aggregate_id
        self.version = version
        self.event_type = event_type

    def __str__(self) -> str:
        return (
            f"stream {self.aggregate_id!r}: event {self.version} has the type "
            f"{self.event_type!r}, which no class here declares; import the module that "
            "declares it (an empty class will do for what is no longer of use)"
        )


class InvalidAggregate(AggregateError, TypeError):
    """A class or function that cannot be used as an aggregate or decider. Nothing was written."""


class WrongColour(AggregateError, TypeError):
    """A method for the other kind of event store was called. Nothing was done."""

    def __init__(self, method: str, right: str) -> None:
        super().__init__(method, right)
        self.method = method
        self.right = right

    def __str__(self) -> str:
        if self.right.endswith("_async"):
            return f"{self.method}: the event store is async; call `await ...{self.right}(...)`"
        return f"{self.method}: the event store is sync; call {self.right}(...) without await"
