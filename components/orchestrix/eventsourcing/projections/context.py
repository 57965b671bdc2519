"""What a handler may know about the event it is given."""

from dataclasses import dataclass, field
from typing import Any

from orchestrix.eventsourcing.projections.errors import NoTransaction
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import StateTransaction


@dataclass(frozen=True, slots=True)
class ProjectionContext:
    """Where a handler is. Handed to handlers with a second parameter.

    Attributes:
        projection_id: The projection.
        position: The event's position in the log, which together with the projection id is an
            idempotency key for outside systems. For bare events the number from 1 of those taken,
            which another event gets when this one fails; there the key is the event's id.
        recorded: The recorded event; None for a bare one.
        replaying: Whether the event is history that is handled again.
    """

    projection_id: str
    position: int
    recorded: RecordedEvent | None
    replaying: bool
    _transaction: StateTransaction | None = field(default=None, repr=False, compare=False)

    @property
    def transaction(self) -> Any:
        """The state store's own connection; what is written with it commits with the state.

        Raises:
            NoTransaction: The state store has no transactions, the engine does not use them, or the
                batch has ended.
        """
        if self._transaction is None:
            raise NoTransaction(
                f"projection {self.projection_id!r} keeps its state in a store without "
                "transactions, or does not use them; give it a transactional state store, leave "
                "out transactional=False, or write elsewhere"
            )
        return self._transaction.connection
