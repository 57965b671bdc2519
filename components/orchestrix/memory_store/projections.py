"""Projections in this process's memory: states, tables and parked events that commit together."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from orchestrix.memory_store.batches import Batches
from orchestrix.memory_store.contents import Contents
from orchestrix.memory_store.projection_transaction import MemoryTransaction
from orchestrix.memory_store.table_storage import CommittedRows
from orchestrix.projection_state import (
    DesiredStatus,
    DiscardedEvent,
    KeyRequest,
    Lease,
    ManagedStateStore,
    ParkedKey,
    ProjectionState,
    check_desired_status,
    check_request,
    check_slice,
    check_taking,
    next_lease,
)
from orchestrix.read_models import TableDeclaration, TableReader, TableStore

RowT = TypeVar("RowT")


class InMemoryProjections(TableStore, ManagedStateStore):
    """States, tables, parked events and leases that live as long as the process.

    Exactly once, with rollback: for tests, demos and read models that may be lost. A batch
    commits its rows, its parked events and its state together or not at all; there is no
    connection to write anything else with. The batches of one event loop wait for each other;
    safe for several loops and threads, of which the later one to commit to the same projection
    gets a StateConflict. Requests, desired statuses and leases wait for no batch.
    """

    def __init__(self) -> None:
        self._contents = Contents()
        self._batches = Batches()

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        with self._contents.gate:  # not between a commit's parked events and its states
            return self._contents.states.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        async with self.transaction(state.projection_id) as transaction:
            transaction.put(state)

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[MemoryTransaction, None]:
        async with self._batches.turn(projection_id):
            transaction = MemoryTransaction(projection_id, self._contents)
            yield transaction
            transaction.commit()

    def table(self, table: TableDeclaration[RowT]) -> TableReader[RowT]:
        return TableReader(table, CommittedRows(self._contents))

    async def parked_keys(self, projection_id: str) -> Sequence[ParkedKey]:
        return self._contents.parked_by(projection_id).keys()

    async def parked_positions(
        self, projection_id: str, key: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[int]:
        check_slice(after_position, limit)
        return self._contents.parked_by(projection_id).positions(key, after_position, limit)

    async def parked_between(self, projection_id: str, first: int, last: int) -> ParkedKey | None:
        return self._contents.parked_by(projection_id).between(first, last)

    async def discarded_events(
        self, projection_id: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[DiscardedEvent]:
        check_slice(after_position, limit)
        return self._contents.parked_by(projection_id).discarded(after_position, limit)

    async def request(
        self, projection_id: str, key: str, request: KeyRequest, reason: str | None = None
    ) -> None:
        check_request(request)
        with self._changing(projection_id) as contents:
            parked = contents.parked_by(projection_id).copy()
            parked.request(key, request, reason)
            contents.parked[projection_id] = parked

    async def desired_status(self, projection_id: str) -> DesiredStatus:
        return self._contents.desired.get(projection_id, "running")

    async def set_desired_status(self, projection_id: str, status: DesiredStatus) -> None:
        check_desired_status(status)
        with self._changing(projection_id) as contents:
            contents.desired[projection_id] = status

    async def lease(self, projection_id: str) -> Lease | None:
        return self._contents.leases.get(projection_id)

    async def take_lease(
        self, projection_id: str, holder: str, seconds: float, *, seen: Lease | None
    ) -> Lease | None:
        check_taking(projection_id, holder, seconds, seen)
        with self._changing(projection_id) as contents:
            if contents.leases.get(projection_id) != seen:
                return None
            taken = next_lease(projection_id, holder, seconds, after=seen)
            contents.leases[projection_id] = taken
            return taken

    async def renew_lease(self, lease: Lease) -> Lease | None:
        with self._changing(lease.projection_id) as contents:
            stored = contents.leases.get(lease.projection_id)
            if stored is None or not stored.is_held_as(lease):
                return None
            contents.leases[lease.projection_id] = stored.renewed()
            return contents.leases[lease.projection_id]

    async def release_lease(self, lease: Lease) -> None:
        with self._changing(lease.projection_id) as contents:
            stored = contents.leases.get(lease.projection_id)
            if stored is not None and stored.is_held_as(lease):
                contents.leases[lease.projection_id] = stored.given_back()

    @contextmanager
    def _changing(self, projection_id: str) -> Generator[Contents, None, None]:
        """Change what is committed, outside a batch."""
        self._batches.check_outside(projection_id)
        with self._contents.gate:
            yield self._contents
