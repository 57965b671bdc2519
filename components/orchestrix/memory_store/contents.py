"""What is committed of projections in memory."""

import threading

from orchestrix.memory_store.parked_set import ParkedSet
from orchestrix.memory_store.table_changes import MemoryTable
from orchestrix.projection_state import DesiredStatus, Lease, ProjectionState
from orchestrix.read_models import TableDefinition


class Contents:
    """What is committed.

    Attributes:
        states: Projection id -> state.
        tables: Name in lower case -> table.
        parked: Projection id -> what it has set aside; never changed, always replaced.
        desired: Projection id -> what it is to do, once somebody said so.
        leases: Projection id -> lease, once somebody had one.
        gate: Held by whoever looks at rows or changes anything.
    """

    def __init__(self) -> None:
        self.states: dict[str, ProjectionState] = {}
        self.tables: dict[str, MemoryTable] = {}
        self.parked: dict[str, ParkedSet] = {}
        self.desired: dict[str, DesiredStatus] = {}
        self.leases: dict[str, Lease] = {}
        self.gate = threading.Lock()

    def table(self, definition: TableDefinition) -> MemoryTable:
        """Return the table in the shape of `definition`, an empty one when there is none."""
        found = self.tables.get(definition.name.lower())
        return MemoryTable(definition, "") if found is None else found.reshaped(definition)

    def parked_by(self, projection_id: str) -> ParkedSet:
        """Return what a projection has set aside, to be looked at only."""
        found = self.parked.get(projection_id)
        return ParkedSet(projection_id) if found is None else found
