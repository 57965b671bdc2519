"""Appends that are written in one transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    ConcurrencyError,
    DuplicateEvent,
    RecordedId,
    check_version,
    repeated_append,
)
from orchestrix.messaging import Event
from orchestrix.sqlite_store import sql
from orchestrix.sqlite_store.rows import EncodedRow
from orchestrix.sqlite_store.transaction import transaction

Outcome = AppendResult | ConcurrencyError | DuplicateEvent


class Append(msgspec.Struct, frozen=True, gc=False):
    """One append, checked and encoded.

    Attributes:
        stream_id: The stream.
        events: Oldest first.
        rows: The same, encoded.
        expected_version: See the port.
        metadata: JSON, None for nothing.
    """

    stream_id: str
    events: Sequence[Event]
    rows: Sequence[EncodedRow]
    expected_version: int | None
    metadata: str | None


def write(connection: sqlite3.Connection, appends: Iterable[Append], now: int) -> list[Outcome]:
    """Write all appends that may be written, in one transaction; say how each ended.

    At first nobody looks whether the events are recorded already: the unique index does. If
    it objects, all is taken back and every append is looked at before it is written.

    Args:
        connection: Not in a transaction.
        appends: In the order they are to have in the log.
        now: The time, in microseconds.
    """
    appends = list(appends)
    try:
        with transaction(connection):
            return AppendGroup(connection, now).write(appends, look_first=False)
    except sqlite3.IntegrityError:
        with transaction(connection):
            return AppendGroup(connection, now).write(appends, look_first=True)


class AppendGroup:
    """What a transaction knows of the log, and the values of rows that it has still to write."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._connection = connection
        self._head, newest = connection.execute(sql.END).fetchone()
        self._recorded_at = now if newest is None else max(now, newest)
        self._versions: dict[str, int] = {}
        self._waiting: list[object] = []

    def write(self, appends: Iterable[Append], *, look_first: bool) -> list[Outcome]:
        """Write `appends`; one that is refused leaves nothing behind."""
        outcomes = [self._append(append, look_first) for append in appends]
        self._flush()
        return outcomes

    def _append(self, append: Append, look_first: bool) -> Outcome:
        version = self._version_of(append.stream_id)
        if look_first or not append.rows or append.expected_version not in (None, version):
            return self._append_after_looking(append, version)
        return self._add(append, version)

    def _append_after_looking(self, append: Append, version: int) -> Outcome:
        self._flush()
        places = [self._place_of(event) for event in append.events]
        try:
            repeated = repeated_append(append.stream_id, append.events, places)
            if repeated is not None:
                return repeated
            check_version(append.stream_id, append.expected_version, version)
        except (ConcurrencyError, DuplicateEvent) as refusal:
            return refusal
        return self._add(append, version) if append.rows else self._end_of(append.stream_id)

    def _add(self, append: Append, version: int) -> AppendResult:
        stream_id, recorded_at, metadata = append.stream_id, self._recorded_at, append.metadata
        for event_id, name, schema, correlation_id, data in append.rows:
            version += 1
            self._head += 1
            self._waiting += (
                self._head, stream_id, version, event_id, name, schema, correlation_id,
                recorded_at, metadata, data,
            )  # fmt: skip
        self._versions[stream_id] = version
        return AppendResult(version, self._head, self._head - len(append.rows) + 1)

    def _flush(self) -> None:
        values, self._waiting = self._waiting, []
        size = sql.ROWS * sql.COLUMNS
        whole = len(values) - len(values) % size
        self._connection.executemany(sql.APPEND_ROWS, _slices(values[:whole], size))
        self._connection.executemany(sql.APPEND, _slices(values[whole:], sql.COLUMNS))

    def _version_of(self, stream_id: str) -> int:
        known = self._versions.get(stream_id)
        if known is None:
            (found,) = self._connection.execute(sql.STREAM_VERSION, (stream_id,)).fetchone()
            known = self._versions[stream_id] = NO_STREAM if found is None else found
        return known

    def _place_of(self, event: Event) -> RecordedId | None:
        found = self._connection.execute(sql.PLACE, (event.id,)).fetchone()
        return found and RecordedId(*found)

    def _end_of(self, stream_id: str) -> AppendResult:
        found = self._connection.execute(sql.STREAM_END, (stream_id,)).fetchone()
        version, position = found or (NO_STREAM, 0)
        return AppendResult(version, position, position)


def _slices(values: Sequence[object], size: int) -> Iterator[Sequence[object]]:
    return (values[start : start + size] for start in range(0, len(values), size))
