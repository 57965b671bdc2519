"""What a projection has set aside, as one batch sees and changes it."""

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from orchestrix.projection_state import (
    KeyRequest,
    NotParked,
    ParkedEvents,
    ParkedKey,
    check_request,
    checked_parked,
    in_utc,
)
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.managed_rows import parked_of, parked_row
from orchestrix.sqlite_store.problems import problems_explained
from orchestrix.sqlite_store.rows import microseconds
from orchestrix.sqlite_store.write_transaction import WriteTransaction, plain_rows

LAST = 2**63 - 1
"""The last position there can be."""


class SQLiteParkedEvents(ParkedEvents):
    """Changes begin the batch's transaction; looking does not."""

    def __init__(self, projection_id: str, writing: WriteTransaction) -> None:
        self._projection_id = projection_id
        self._writing = writing
        self._path = writing.database.path

    async def keys(self) -> Sequence[ParkedKey]:
        with problems_explained(self._path), self._writing.reading() as connection:
            rows = connection.execute(sql.PARKED_KEYS, (self._projection_id,)).fetchall()
        return [parked_of(each) for each in rows]

    async def save(self, parked: ParkedKey) -> None:
        row = parked_row(checked_parked(self._projection_id, parked))
        with problems_explained(self._path):
            self._writing.begin().execute(sql.SAVE_PARKED, row)

    async def add(self, events: Collection[tuple[str, int]]) -> None:
        with problems_explained(self._path):
            connection = self._writing.begin()
            for key in dict.fromkeys(key for key, _ in events):
                if not self._first(connection, sql.IS_PARKED, key):
                    raise NotParked(self._projection_id, key)
            rows = [(self._projection_id, key, position) for key, position in events]
            connection.executemany(sql.ADD_PARKED, rows)

    async def release(self, key: str, through: int) -> None:
        which = self._projection_id, key
        with problems_explained(self._path):
            connection = self._writing.begin()
            connection.execute(sql.FORGET_PARKED_EVENTS, (*which, min(through, LAST)))
            left = self._first(connection, sql.PARKED_POSITIONS, key, 0, 1)
            if left:
                connection.execute(sql.BEGIN_ANEW, (left[0], *which))
            else:
                connection.execute(sql.FORGET_PARKED_KEY, which)

    async def answer(self, key: str, request: KeyRequest) -> None:
        check_request(request)
        with problems_explained(self._path):
            self._writing.begin().execute(sql.ANSWER, (self._projection_id, key, request))

    async def discard(self, key: str, reason: str, at: datetime) -> int:
        which, discarded_at = (self._projection_id, key), microseconds(in_utc("at", at))
        with problems_explained(self._path):
            connection = self._writing.begin()
            count = connection.execute(sql.DISCARD, (reason, discarded_at, *which)).rowcount
            connection.execute(sql.FORGET_PARKED_EVENTS, (*which, LAST))
            connection.execute(sql.FORGET_PARKED_KEY, which)
        return count

    async def clear(self) -> None:
        with problems_explained(self._path):
            connection = self._writing.begin()
            for statement in sql.CLEAR_PARKED:
                connection.execute(statement, (self._projection_id,))

    def _first(
        self, connection: sqlite3.Connection, question: str, *values: object
    ) -> tuple[int, ...] | None:
        with plain_rows(connection):
            return connection.execute(question, (self._projection_id, *values)).fetchone()
