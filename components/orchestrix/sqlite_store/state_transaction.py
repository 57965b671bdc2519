"""One batch of a projection: its read model and its state, committed together."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from orchestrix.eventsourcing import NoTransaction, StoreUnavailable
from orchestrix.projection_state import ProjectionState, StateConflict, StateTransaction
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.database import Database
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.process_locks import FileLock
from orchestrix.sqlite_store.state_rows import state_row


class SQLiteStateTransaction(StateTransaction):
    """A transaction that begins when something is to be written.

    Attributes:
        states: What was saved in it, by projection.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        database: Database,
        lock: FileLock,
        known: Mapping[str, ProjectionState],
    ) -> None:
        self.states: dict[str, ProjectionState] = {}
        self._connection = connection
        self._database = database
        self._path = database.path
        self._lock = lock
        self._known = known
        self._has_begun = False
        self._is_over = False

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, in a transaction that holds the write lock from now on.

        Raises:
            NoTransaction: The batch has ended.
            StoreUnavailable: Somebody else writes, or a handler has ended the transaction.
        """
        if not (self._has_begun and self._connection.in_transaction):  # each event asks
            with problems_explained(self._path):
                self._begin()
        return self._connection

    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        with problems_explained(self._path):
            self._begin()
            revision = self._stored_revision(state.projection_id)
            if revision != replacing:
                raise StateConflict(state.projection_id, replacing, revision)
            self._put(state, revision)

    def put(self, state: ProjectionState) -> None:
        """Keep `state`, whatever is stored."""
        with problems_explained(self._path):
            self._begin()
            self._put(state, None)

    def commit(self) -> None:
        """Commit what was written, if anything was."""
        if self._has_begun:
            with problems_explained(self._path):
                self._connection.execute("COMMIT")
            self._end()

    def roll_back(self) -> None:
        """End; take back what was written, if anything was and it is not committed."""
        self._is_over = True
        if self._has_begun and not self._database.is_inherited:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            finally:
                self._end()

    def _begin(self) -> None:
        self._database.check_process()
        if self._has_begun:
            self._check_untouched()
            return
        if self._is_over:
            raise NoTransaction(
                f"the batch in {self._path} to which this context belongs has ended; write in the "
                "handler itself, and let it await what it starts"
            )
        self._lock.acquire(self._database)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._has_begun = True

    def _end(self) -> None:
        self._has_begun = False
        self._lock.release()

    def _check_untouched(self) -> None:
        if not self._connection.in_transaction:
            raise StoreUnavailable(
                str(self._path),
                "a handler ended the transaction of its batch (commit, rollback or executescript "
                "do), so the read model may have moved without its checkpoint; leave that to the "
                "engine, and replay the projection",
            )

    def _stored_revision(self, projection_id: str) -> int | None:
        with _plain_rows(self._connection):
            found = self._connection.execute(sql.STATE_REVISION, (projection_id,)).fetchone()
        return None if found is None else found[0]

    def _put(self, state: ProjectionState, replacing: int | None) -> None:
        self._connection.execute(sql.SAVE_STATE, state_row(state))
        self._put_event_ids(state, replacing)
        self.states[state.projection_id] = state

    def _put_event_ids(self, state: ProjectionState, replacing: int | None) -> None:
        ids, known = state.event_ids, self._known.get(state.projection_id)
        stored = 0
        if known is not None and known.revision == replacing and ids.extends(known.event_ids):
            stored = len(known.event_ids)
        else:
            self._connection.execute(sql.FORGET_EVENT_IDS, (state.projection_id,))
        rows = ((state.projection_id, at, ids[at]) for at in range(stored, len(ids)))
        self._connection.executemany(sql.SAVE_EVENT_ID, rows)


@contextmanager
def _plain_rows(connection: sqlite3.Connection) -> Generator[None, None, None]:
    """Read tuples meanwhile, whatever a handler of this batch wants its rows to be."""
    wanted, connection.row_factory = connection.row_factory, None
    try:
        yield
    finally:
        connection.row_factory = wanted
