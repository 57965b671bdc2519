"""The transaction of one batch, on a connection of its own."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager

from orchestrix.eventsourcing import NoTransaction, TransactionEnded
from orchestrix.sqlite_store.database import Database
from orchestrix.sqlite_store.process_locks import FileLock
from orchestrix.sqlite_store.transaction import transaction


class WriteTransaction:
    """A transaction that begins when something is to be written, and holds the write lock then.

    Attributes:
        database: The file.
        is_over: Whether it has ended, or is about to be committed.
    """

    def __init__(self, connection: sqlite3.Connection, database: Database, lock: FileLock) -> None:
        self.database = database
        self.is_over = False
        self._connection = connection
        self._lock = lock
        self._has_begun = False
        self._wanted: list[Callable[[sqlite3.Connection], None]] = []

    @property
    def has_begun(self) -> bool:
        """Whether it holds the write lock."""
        return self._has_begun

    @property
    def was_ended(self) -> bool:
        """Whether it was begun, and somebody else has ended it."""
        return self._has_begun and not self._connection.in_transaction

    @property
    def ready(self) -> sqlite3.Connection | None:
        """The connection, when it holds the write lock and all that was wanted is done."""
        is_ready = self._has_begun and not self._wanted and self._connection.in_transaction
        return self._connection if is_ready else None

    def want(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do `work` as soon as the lock is held, at the latest before the commit."""
        self._wanted.append(work)
        if self._has_begun:
            self.begin()

    def begin(self) -> sqlite3.Connection:
        """Return the connection, which holds the write lock from now on.

        Raises:
            NoTransaction: The batch has ended.
            StoreUnavailable: Somebody else writes.
            TransactionEnded: A handler has ended the transaction.
        """
        if not (self._has_begun and self._connection.in_transaction):
            self._begin()
        while self._wanted:
            with plain_rows(self._connection):
                self._wanted[0](self._connection)
            del self._wanted[0]
        return self._connection

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Show one moment of the file, with what this transaction has written, as plain tuples.

        The write lock is not taken for that. Raises as :meth:`begin`.
        """
        self.database.check_process()
        if not self._has_begun:
            self._check_open()
            with transaction(self._connection, "DEFERRED"):
                yield self._connection
            return
        self._check_untouched()
        with plain_rows(self._connection):
            yield self._connection

    def commit(self) -> None:
        """Commit what was written, if anything was."""
        if self._wanted:
            self.begin()
        self.is_over = True
        if self._has_begun:
            self._connection.execute("COMMIT")
            self._end()

    def roll_back(self) -> None:
        """End; take back what was written, if anything was and it is not committed."""
        self.is_over = True
        if self._has_begun and not self.database.is_inherited:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            finally:
                self._end()

    def _begin(self) -> None:
        self.database.check_process()
        if self._has_begun:
            self._check_untouched()
            return
        self._check_open()
        self._lock.acquire(self.database)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._has_begun = True

    def _end(self) -> None:
        self._has_begun = False
        self._lock.release()

    def _check_open(self) -> None:
        if self.is_over:
            raise NoTransaction(
                f"the batch in {self.database.path} to which this context belongs has ended; write "
                "in the handler itself, and let it await what it starts"
            )

    def _check_untouched(self) -> None:
        if not self._connection.in_transaction:
            raise TransactionEnded(str(self.database.path))


@contextmanager
def plain_rows(connection: sqlite3.Connection) -> Generator[None, None, None]:
    """Read tuples of texts meanwhile, whatever a handler of this batch wants its rows to be."""
    wanted = connection.row_factory, connection.text_factory
    connection.row_factory, connection.text_factory = None, str
    try:
        yield
    finally:
        connection.row_factory, connection.text_factory = wanted
