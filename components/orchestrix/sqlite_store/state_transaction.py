"""One batch of a projection: its read model and its state, committed together."""

import sqlite3
from collections.abc import Mapping

from orchestrix.projection_state import ManagedTransaction, ProjectionState, StateConflict
from orchestrix.read_models import TableTransaction
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.parked_events import SQLiteParkedEvents
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.state_rows import state_row
from orchestrix.sqlite_store.table_storage import SQLiteTableStorage
from orchestrix.sqlite_store.write_transaction import WriteTransaction, plain_rows


class SQLiteStateTransaction(TableTransaction, ManagedTransaction):
    """A transaction that begins when something is to be written.

    Attributes:
        states: What was saved in it, by projection.
    """

    def __init__(
        self, projection_id: str, writing: WriteTransaction, known: Mapping[str, ProjectionState]
    ) -> None:
        self.states: dict[str, ProjectionState] = {}
        self._writing = writing
        self._tables = SQLiteTableStorage(writing)
        self._parked = SQLiteParkedEvents(projection_id, writing)
        self._path = writing.database.path
        self._known = known

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, in a transaction that holds the write lock from now on.

        Raises:
            NoTransaction: The batch has ended.
            StoreUnavailable: Somebody else writes.
            TransactionEnded: A handler has ended the transaction.
            ReadModelError: A table cannot be made as it is declared.
        """
        if (ready := self._writing.ready) is not None:  # each event asks
            return ready
        with problems_explained(self._path):
            return self._writing.begin()

    @property
    def tables(self) -> SQLiteTableStorage:
        return self._tables

    @property
    def parked(self) -> SQLiteParkedEvents:
        return self._parked

    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        with problems_explained(self._path):
            connection = self._writing.begin()
            revision = _stored_revision(connection, state.projection_id)
            if revision != replacing:
                raise StateConflict(state.projection_id, replacing, revision)
            self._put(connection, state, revision)

    def put(self, state: ProjectionState) -> None:
        """Keep `state`, whatever is stored."""
        with problems_explained(self._path):
            self._put(self._writing.begin(), state, None)

    def commit(self) -> None:
        """Commit what was written, if anything was."""
        with problems_explained(self._path):
            self._writing.commit()

    @property
    def was_ended(self) -> bool:
        """Whether somebody else has ended what was begun."""
        return self._writing.was_ended

    def roll_back(self) -> None:
        """End; take back what was written, if anything was and it is not committed."""
        self._writing.roll_back()

    def _put(
        self, connection: sqlite3.Connection, state: ProjectionState, replacing: int | None
    ) -> None:
        connection.execute(sql.SAVE_STATE, state_row(state))
        self._put_event_ids(connection, state, replacing)
        self.states[state.projection_id] = state

    def _put_event_ids(
        self, connection: sqlite3.Connection, state: ProjectionState, replacing: int | None
    ) -> None:
        ids, known = state.event_ids, self._known.get(state.projection_id)
        stored = 0
        if known is not None and known.revision == replacing and ids.extends(known.event_ids):
            stored = len(known.event_ids)
        else:
            connection.execute(sql.FORGET_EVENT_IDS, (state.projection_id,))
        rows = ((state.projection_id, at, ids[at]) for at in range(stored, len(ids)))
        connection.executemany(sql.SAVE_EVENT_ID, rows)


def _stored_revision(connection: sqlite3.Connection, projection_id: str) -> int | None:
    with plain_rows(connection):
        found = connection.execute(sql.STATE_REVISION, (projection_id,)).fetchone()
    return None if found is None else found[0]
