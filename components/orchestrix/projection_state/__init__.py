"""How far each projection is: the state, the ports that keep it, and a store in memory."""

from orchestrix.projection_state.errors import InvalidArgument, NotParked, StateConflict
from orchestrix.projection_state.event_ids import EventIds
from orchestrix.projection_state.lease import Lease, next_lease
from orchestrix.projection_state.managed import (
    DesiredStatus,
    ManagedStateStore,
    ManagedTransaction,
    ParkedEvents,
)
from orchestrix.projection_state.managed_rules import (
    check_desired_status,
    check_request,
    check_slice,
    check_taking,
    checked_parked,
    in_utc,
)
from orchestrix.projection_state.memory import InMemoryProjectionStateStore
from orchestrix.projection_state.parked import DiscardedEvent, KeyRequest, KeyStatus, ParkedKey
from orchestrix.projection_state.segment import WHOLE, Segment, is_cover, key_hash
from orchestrix.projection_state.state import (
    UNBOUNDED,
    Feed,
    PartlyApplied,
    ProjectionState,
    Status,
)
from orchestrix.projection_state.store import (
    ProjectionStateStore,
    StateTransaction,
    TransactionalProjectionStateStore,
)

__all__ = [
    "UNBOUNDED",
    "WHOLE",
    "DesiredStatus",
    "DiscardedEvent",
    "EventIds",
    "Feed",
    "InMemoryProjectionStateStore",
    "InvalidArgument",
    "KeyRequest",
    "KeyStatus",
    "Lease",
    "ManagedStateStore",
    "ManagedTransaction",
    "NotParked",
    "ParkedEvents",
    "ParkedKey",
    "PartlyApplied",
    "ProjectionState",
    "ProjectionStateStore",
    "Segment",
    "StateConflict",
    "StateTransaction",
    "Status",
    "TransactionalProjectionStateStore",
    "check_desired_status",
    "check_request",
    "check_slice",
    "check_taking",
    "checked_parked",
    "in_utc",
    "is_cover",
    "key_hash",
    "next_lease",
]
