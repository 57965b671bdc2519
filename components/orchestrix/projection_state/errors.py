"""Everything that keeping projection state may raise.

* OrchestrixError
  * StateConflict    another engine saved its state: load the state and go on from there
  * NotParked        a key that is not set aside (also a LookupError)
  * InvalidArgument  a bug in the caller (also a ValueError): nothing was done
"""

from orchestrix.messaging import OrchestrixError


class StateConflict(OrchestrixError):
    """The stored state is not the one this engine started from. Nothing was kept."""

    def __init__(self, projection_id: str, expected: int | None, found: int | None) -> None:
        super().__init__(projection_id, expected, found)
        self.projection_id = projection_id
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r}: expected revision {self.expected}, found "
            f"{self.found}; another engine is at work on it, feed the same events again to go on"
        )


class NotParked(OrchestrixError, LookupError):
    """Nothing was done: no event with this key is set aside.

    Attributes:
        projection_id: The projection.
        key: The key.
    """

    def __init__(self, projection_id: str, key: str) -> None:
        super().__init__(projection_id, key)
        self.projection_id = projection_id
        self.key = key

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} has set no event with the key {self.key!r} aside; "
            "look at its parked keys for those it has"
        )


class InvalidArgument(OrchestrixError, ValueError):
    """Something that a managed state store cannot be asked for. Nothing was done."""
