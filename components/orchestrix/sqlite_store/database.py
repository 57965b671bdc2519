"""The file: made, recognised, opened, and looked after while it is open."""

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import uuid_utils

from orchestrix.eventsourcing import StoreClosed, StoreUnavailable, StoreUnusable
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.connection import (
    Connection,
    Inode,
    Synchronous,
    check_not_inherited,
    connect,
    inode_of,
)
from orchestrix.sqlite_store.files import absolute, checked_size, log_of, memory_of, size_of
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.transaction import transaction

_RETRY_AFTER = 0.01
"""Seconds between two attempts at what SQLite does not wait for by itself."""


@dataclass(frozen=True)
class Database:
    """A file that is known to be an event store of a schema that we know.

    Attributes:
        path: Absolute.
        synchronous: What a commit waits for; see :func:`open_sqlite_store`.
        busy_timeout: Seconds to wait for other programs that write.
        store_id: Which log this is.
        inode: Device and number of the file that was opened under the path.
        beside: Its write-ahead log, and the memory of who reads how much of that, which SQLite
            keeps while the file is open.
        process: The process that opened it.
        anchor: A connection that stays open as long as this is used, for one thread at a time.
    """

    path: Path
    synchronous: Synchronous
    busy_timeout: float
    store_id: str
    inode: Inode
    beside: tuple[tuple[Path, Inode], ...]
    process: int
    anchor: Connection

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one that opened the file."""
        return self.process != os.getpid()

    def connect(self) -> Connection:
        """Return a new connection, for use by one thread at a time."""
        return connect(self.path, self.synchronous, self.busy_timeout, "rw")

    def check_process(self) -> None:
        """Raise StoreClosed in a process that was forked from the one that opened the file."""
        if self.is_inherited:
            raise StoreClosed(
                str(self.path),
                f"process {self.process} opened it, and this is process {os.getpid()}; start "
                "processes with the method `spawn` or `forkserver` and open it in each, or fork "
                "before the file is opened",
            )

    def check_present(self) -> None:
        """Raise StoreUnavailable when the path no longer leads to the files that were opened."""
        self._check_present(self.path, self.inode)
        for path, inode in self.beside:
            self._check_present(path, inode)

    def close(self) -> None:
        """Close the anchor, which has to be the last connection."""
        self.anchor.close()

    def _check_present(self, path: Path, inode: Inode) -> None:
        try:
            found = inode_of(path)
        except FileNotFoundError:
            raise self._moved(path, "was moved away or deleted") from None
        if found != inode:
            raise self._moved(path, "was replaced by another")

    def _moved(self, path: Path, what: str) -> StoreUnavailable:
        if path == self.path:
            problem = f"the file {what} while it was open; put it back, or open it again"
        else:
            problem = (
                f"{path.name} {what} while the file was open; close the store in every process, "
                "open it again, and repeat what was not answered. Nothing but SQLite may open, "
                "copy or delete these files meanwhile"
            )
        return StoreUnavailable(str(self.path), problem)


def check_synchronous(synchronous: object) -> None:
    """Raise ValueError unless it is one of the two."""
    if synchronous not in get_args(Synchronous):
        raise ValueError(f"synchronous is 'FULL' or 'NORMAL', found {synchronous!r}")


def open_database(
    path: str | os.PathLike[str], synchronous: Synchronous, busy_timeout: float
) -> Database:
    """Open a file, making or migrating it when that is needed.

    Raises:
        StoreUnavailable: It cannot be reached or written.
        StoreUnusable: It is not ours, damaged, or of a newer schema. It was not changed.
    """
    with problems_explained(Path(path)):
        path = absolute(Path(path))
    with problems_explained(path):
        check_not_inherited(path)
        size = checked_size(path)
        if size:
            _look_at(path, size, busy_timeout)
        anchor = connect(path, synchronous, busy_timeout, "rwc")
        try:
            _recognise(path, anchor)  # again: another process may have been faster
            _switch_to_wal(path, anchor, busy_timeout)
            _migrate(path, anchor)
            (store_id,) = anchor.execute(sql.STORE_ID).fetchone() or (None,)
            if store_id is None:
                raise StoreUnusable(
                    str(path), "its table `store` is empty, which no program of ours leaves behind"
                )
            inode = inode_of(path)
            beside = tuple((each, inode_of(each)) for each in (log_of(path), memory_of(path)))
            process = os.getpid()
            return Database(
                path, synchronous, busy_timeout, store_id, inode, beside, process, anchor
            )
        except BaseException:
            anchor.close()
            raise


def _look_at(path: Path, size: int, busy_timeout: float) -> None:
    """Refuse a file that is not ours without changing it, not even its write-ahead log."""
    try:
        with closing(connect(path, "NORMAL", busy_timeout, "ro")) as looking:
            _recognise(path, looking)
            _check_whole(path, looking, size)
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith("SQLITE_READONLY"):
            raise  # else a crash left something that SQLite has to take back before anybody reads


def _recognise(path: Path, connection: sqlite3.Connection) -> None:
    with transaction(connection, "DEFERRED"):  # another process may be making it
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        tables = [name for (name,) in connection.execute(sql.TABLES)]
        version = _schema_version(connection)
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    marked = application or tables or version or encoding != "UTF-8"
    if application != sql.APPLICATION_ID and marked:
        found = f" (it has {', '.join(tables[:3])})" if tables else ""
        raise StoreUnusable(
            str(path),
            f"this is another application's database{found}; give the store a file of its own",
        )
    if version > len(sql.MIGRATIONS):
        raise StoreUnusable(
            str(path),
            f"its schema has version {version}, and this program knows up to "
            f"{len(sql.MIGRATIONS)}; use the newer program that wrote it",
        )


def _check_whole(path: Path, connection: sqlite3.Connection, size: int) -> None:
    """Refuse a page that was cut off: SQLite would fill it up with zeros."""
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    if size % page_size and not size_of(log_of(path)):  # else SQLite has it whole in there
        raise StoreUnusable(
            str(path),
            f"this file is damaged; it was cut off in the middle of a page, at byte {size}; "
            "restore it from a backup",
        )


def _schema_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def _switch_to_wal(path: Path, connection: sqlite3.Connection, busy_timeout: float) -> None:
    give_up = time.monotonic() + busy_timeout
    while True:  # SQLite's own busy timeout does not cover this one step
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_RETRY_AFTER)
    if mode != "wal":
        raise StoreUnavailable(
            str(path),
            f"this place allows no write-ahead log (SQLite stays in mode {mode!r}); use a "
            "folder on a local disk",
        )


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    if _schema_version(connection) == len(sql.MIGRATIONS):
        return
    with transaction(connection):
        version = _schema_version(connection)  # another process may have been faster
        for statements in sql.MIGRATIONS[version:]:
            for statement in statements:
                _make(path, connection, statement)
        if version == 0:
            made = int(datetime.now(UTC).timestamp() * 1e6)
            connection.execute(sql.NEW_STORE, (str(uuid_utils.uuid7()), made))
        connection.execute(f"PRAGMA application_id = {sql.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(sql.MIGRATIONS)}")


def _make(path: Path, connection: sqlite3.Connection, statement: str) -> None:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if "already" not in str(error):
            raise
        raise StoreUnusable(
            str(path),
            f"it cannot be brought to this program's schema, which needs a name that something "
            f"of yours in it has ({error}); rename that and open it again. It was not changed",
        ) from error
