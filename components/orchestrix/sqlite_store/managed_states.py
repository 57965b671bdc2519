"""What running projections takes, as it is committed: looked up, and changed by itself."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from orchestrix.eventsourcing import BatchInsideBatch
from orchestrix.projection_state import (
    DesiredStatus,
    DiscardedEvent,
    KeyRequest,
    Lease,
    ManagedStateStore,
    NotParked,
    ParkedKey,
    check_desired_status,
    check_request,
    check_slice,
    check_taking,
    next_lease,
)
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.blocking import to_its_end
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.managed_rows import discarded_of, lease_of, lease_row, parked_of
from orchestrix.sqlite_store.parked_events import LAST
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.process_locks import is_inside_batch, lock_of
from orchestrix.sqlite_store.transaction import transaction

T = TypeVar("T")


class SQLiteManagedStates(ManagedStateStore):
    """Leases, parked events and desired statuses of the projections in one file.

    What changes them is a transaction of its own, in a thread. It does not wait for a batch that
    has not begun to write, so that a lease is renewed while a handler takes its time.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._database = connections.database
        self._lock = lock_of(self._database.inode)

    async def parked_keys(self, projection_id: str) -> Sequence[ParkedKey]:
        return [parked_of(row) for row in self._found(sql.PARKED_KEYS, projection_id)]

    async def parked_positions(
        self, projection_id: str, key: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[int]:
        check_slice(after_position, limit)
        part = min(after_position, LAST), min(limit, LAST)
        found = self._found(sql.PARKED_POSITIONS, projection_id, key, *part)
        return [position for (position,) in found]

    async def parked_between(self, projection_id: str, first: int, last: int) -> ParkedKey | None:
        if first > LAST:
            return None
        found = self._found(sql.PARKED_BETWEEN, projection_id, first, min(last, LAST))
        return parked_of(found[0]) if found else None

    async def discarded_events(
        self, projection_id: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[DiscardedEvent]:
        check_slice(after_position, limit)
        part = min(after_position, LAST), min(limit, LAST)
        return [
            discarded_of(row) for row in self._found(sql.DISCARDED_EVENTS, projection_id, *part)
        ]

    async def request(
        self, projection_id: str, key: str, request: KeyRequest, reason: str | None = None
    ) -> None:
        check_request(request)

        def ask(connection: sqlite3.Connection) -> None:
            changed = connection.execute(sql.REQUEST, (request, reason, projection_id, key))
            if not changed.rowcount:
                raise NotParked(projection_id, key)

        await self._changed(projection_id, ask)

    async def desired_status(self, projection_id: str) -> DesiredStatus:
        found = self._found(sql.DESIRED_STATUS, projection_id)
        return found[0][0] if found else "running"

    async def set_desired_status(self, projection_id: str, status: DesiredStatus) -> None:
        check_desired_status(status)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute(sql.SAVE_DESIRED_STATUS, (projection_id, status))

        await self._changed(projection_id, put)

    async def lease(self, projection_id: str) -> Lease | None:
        found = self._found(sql.LEASE, projection_id)
        return lease_of(found[0]) if found else None

    async def take_lease(
        self, projection_id: str, holder: str, seconds: float, *, seen: Lease | None
    ) -> Lease | None:
        check_taking(projection_id, holder, seconds, seen)

        def take(connection: sqlite3.Connection) -> Lease | None:
            if _lease(connection, projection_id) != seen:
                return None
            taken = next_lease(projection_id, holder, float(seconds), after=seen)
            return _saved(connection, taken)

        return await self._changed(projection_id, take)

    async def renew_lease(self, lease: Lease) -> Lease | None:
        def renew(connection: sqlite3.Connection) -> Lease | None:
            stored = _lease(connection, lease.projection_id)
            if stored is None or not stored.is_held_as(lease):
                return None
            return _saved(connection, stored.renewed())

        return await self._changed(lease.projection_id, renew)

    async def release_lease(self, lease: Lease) -> None:
        def release(connection: sqlite3.Connection) -> None:
            stored = _lease(connection, lease.projection_id)
            if stored is not None and stored.is_held_as(lease):
                _saved(connection, stored.given_back())

        await self._changed(lease.projection_id, release)

    def _found(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with problems_explained(self._database.path), self._connections.borrowed() as connection:
            return connection.execute(question, values).fetchall()

    async def _changed(self, projection_id: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, when its changes are committed."""
        self._database.check_process()
        if is_inside_batch(self._database.inode):
            raise BatchInsideBatch(projection_id)
        answers: list[T] = []

        def change() -> None:
            answers.append(self._change(work))

        async with self._lock.changing():
            if self._lock.waits_for_this_loop:  # a thread would keep its commit waiting
                async with self._lock.turn():
                    await to_its_end(change)
            else:
                await to_its_end(change)
        return answers[0]

    def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with problems_explained(self._database.path), self._connections.borrowed() as connection:
            self._lock.acquire(self._database)
            try:
                with transaction(connection):
                    return work(connection)
            finally:
                self._lock.release()


def _lease(connection: sqlite3.Connection, projection_id: str) -> Lease | None:
    row = connection.execute(sql.LEASE, (projection_id,)).fetchone()
    return None if row is None else lease_of(row)


def _saved(connection: sqlite3.Connection, lease: Lease) -> Lease:
    connection.execute(sql.SAVE_LEASE, lease_row(lease))
    return lease
