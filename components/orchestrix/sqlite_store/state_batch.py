"""From the turn of a batch to its end."""

import sqlite3
from contextlib import AbstractAsyncContextManager, ExitStack
from types import TracebackType

from orchestrix.eventsourcing import BatchInsideBatch, StorageError, TransactionEnded
from orchestrix.projection_state import ProjectionState
from orchestrix.sqlite_store.blocking import to_its_end
from orchestrix.sqlite_store.connections import Connections
from orchestrix.sqlite_store.problems import explained, is_of_the_machine
from orchestrix.sqlite_store.process_locks import FileLock, batch_on, is_inside_batch
from orchestrix.sqlite_store.state_transaction import SQLiteStateTransaction
from orchestrix.sqlite_store.write_transaction import WriteTransaction


class SQLiteStateBatch(AbstractAsyncContextManager[SQLiteStateTransaction]):
    """A transaction that is committed at the end of its block, or rolled back; used once.

    No generator: closing a coroutine whose loop is gone does not reach what an asynchronous
    generator waits for (before Python 3.13), here the commit, whose connection must stay open.
    """

    def __init__(
        self,
        projection_id: str,
        connections: Connections,
        lock: FileLock,
        known: dict[str, ProjectionState],
    ) -> None:
        self._projection_id = projection_id
        self._connections = connections
        self._database = connections.database
        self._lock = lock
        self._known = known

    async def __aenter__(self) -> SQLiteStateTransaction:
        if is_inside_batch(self._database.inode):
            raise BatchInsideBatch(self._projection_id)
        turn = self._lock.turn()
        await turn.acquire()
        with ExitStack() as opening:
            opening.callback(turn.release)
            opening.enter_context(batch_on(self._database.inode))
            connection = opening.enter_context(self._connections.borrowed())
            writing = WriteTransaction(connection, self._database, self._lock)
            self._transaction = SQLiteStateTransaction(self._projection_id, writing, self._known)
            opening.callback(self._transaction.roll_back)
            self._ending = opening.pop_all()
        return self._transaction

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is not None:
            was_ended = self._transaction.was_ended
            self._ending.__exit__(error_type, error, traceback)
            if isinstance(error, sqlite3.OperationalError) and is_of_the_machine(error):
                raise explained(self._database.path, error) from error
            if was_ended and isinstance(error, Exception) and not _is_of_sqlite(error):
                raise TransactionEnded(str(self._database.path)) from error
            return
        with self._ending:
            self._database.check_process()
            await to_its_end(self._transaction.commit)
        self._known.update(self._transaction.states)


def _is_of_sqlite(error: BaseException | None) -> bool:
    """Say whether SQLite may have ended the transaction by itself, or its end was told before."""
    while error is not None:
        if isinstance(error, (sqlite3.Error, StorageError, TransactionEnded)):
            return True
        error = error.__cause__ or error.__context__
    return False
