"""Connections to one file, kept for whoever needs one next."""

from collections.abc import Generator
from contextlib import contextmanager

from orchestrix.eventsourcing import StoreClosed
from orchestrix.sqlite_store.connection import Connection
from orchestrix.sqlite_store.database import Database
from orchestrix.sqlite_store.problems import problems_explained


class Connections:
    """As many connections as are needed at the same time; safe for threads.

    Attributes:
        database: The file.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._idle: list[Connection] = []
        self._closed = False

    @contextmanager
    def borrowed(self) -> Generator[Connection, None, None]:
        """Lend a connection that nobody else uses meanwhile.

        Raises:
            StoreUnavailable: The file is no longer there, or cannot be opened.
            StoreClosed: They were closed, or this is another process.
        """
        self.database.check_process()
        if self._closed:
            raise StoreClosed(
                str(self.database.path), "it is closed; use it inside its `async with` block"
            )
        with problems_explained(self.database.path):
            self.database.check_present()
            try:
                connection = _as_made(self._idle.pop())
            except IndexError:
                connection = self.database.connect()
        try:
            yield connection
        except BaseException:  # an error may keep a cursor alive, and that the connection busy
            connection.close()
            raise
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close those that nobody uses, and lend no more. In a forked process do nothing."""
        if self.database.is_inherited:
            return
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def _as_made(connection: Connection) -> Connection:
    """Undo what a handler may have set for itself in the batch before."""
    connection.row_factory = None
    connection.text_factory = str
    connection.isolation_level = None
    return connection
