"""The event store ports: append-only streams, and one total order over all of them.

The async port is the specification; the sync one is its twin for stores that never wait.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from orchestrix.eventsourcing.page import Page, StreamPage
from orchestrix.eventsourcing.snapshot import Snapshot
from orchestrix.messaging import Event

NO_STREAM: Final = -1
"""The version of a stream that does not exist."""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where an append ended.

    Attributes:
        last_version: Version of the stream's last event then; ``NO_STREAM`` for none.
        last_position: Position of that event; 0 for none.
        first_position: Position of the first event of this append, up to `last_position` of
            which all are its own unless it was done in parts; the same as that for no events.
        repeated: Whether the events had been recorded before, by whomever. Not compared.
    """

    last_version: int
    last_position: int
    first_position: int
    repeated: bool = field(default=False, kw_only=True, compare=False)


class AsyncEventStore(Protocol):
    """Append-only streams of events, plus one total order over all of them.

    Positions grow in commit order: whoever saw one never later sees a smaller one.
    Versions count from 0 in each stream, without gaps.
    """

    @property
    @abstractmethod
    def store_id(self) -> str:
        """The identity of this log: made at creation, kept by backups, new in a copy."""
        ...

    @abstractmethod
    async def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult:
        """Append `events` to one stream, all or nothing.

        Idempotent: when all of `events` are recorded already, consecutive in this stream and
        in this order, the first append's result is returned and `expected_version` ignored.

        Args:
            stream_id: The stream, created when missing: 1 to 512 characters, without NUL and
                lone surrogates, as are the ids and types of events.
            events: Oldest first. Empty: only the version check is done. The store keeps none
                of the caller's objects that could still change.
            expected_version: Version of the stream's last event, or ``NO_STREAM``. None: no check.
            metadata: Kept with each event, text to text.

        Raises:
            ConcurrencyError: The stream is at another version. Nothing written.
            DuplicateEvent: An id is recorded elsewhere, or twice in `events`. Nothing written.
            InvalidAppend: The stream id, an event or the metadata cannot be stored.
            InvalidRange: `expected_version` is below ``NO_STREAM``.
            StorageError: The storage failed, so any other method may raise it too. An append
                may have been recorded all the same; it is safe to repeat it.
            Exception: Whatever iterating over `events` raises. Nothing written.
        """
        ...

    @abstractmethod
    async def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage:
        """Read one stream, oldest first. A missing stream is an empty page.

        Args:
            stream_id: The stream.
            from_version: Version of the first event wanted, inclusive, at least 0.
            limit: The most events a page may hold, at least 1.

        Raises:
            InvalidAppend: `stream_id` names no stream.
            InvalidRange: `from_version` or `limit` is out of range.
        """
        ...

    @abstractmethod
    async def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page:
        """Read the log, oldest first. After the head comes an empty page.

        Args:
            after_position: Position before the first event wanted, exclusive, at least 0.
            limit: The most events a page may hold, at least 1.
            types: Only events of these types. None: all.
            categories: Only events of these categories (the stream id up to its first ``-``).

        Raises:
            InvalidRange: `after_position` or `limit` is out of range, or a filter is not a
                collection of texts.
        """
        ...

    @abstractmethod
    async def head(self) -> int:
        """Return the position of the newest event, 0 when there is none."""
        ...

    @abstractmethod
    async def count_after(self, position: int) -> int | None:
        """Return how many events lie after `position`, exclusive; None if the store cannot tell.

        Args:
            position: Exclusive, at least 0; above the head nothing lies after it.

        Raises:
            InvalidRange: `position` is out of range.
        """
        ...

    @abstractmethod
    async def streams(
        self, prefix: str = "", *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        """Return ids of streams that begin with `prefix`, sorted by code point.

        Args:
            prefix: Taken literally; empty: all streams.
            after: Only ids that sort after this one, exclusive.
            limit: The most ids to return, at least 1.

        Raises:
            InvalidRange: `limit` is out of range, or a text can begin no stream id.
        """
        ...

    @abstractmethod
    async def now(self) -> datetime:
        """Return what the store's clock says, in UTC.

        An event that is appended now is recorded at this time, or at that of the newest event,
        should that be later. Raises what the clock raises.
        """
        ...

    @abstractmethod
    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a copy of `snapshot`, unless a newer version of the same aggregate is kept.

        Raises:
            InvalidAppend: The aggregate id or type names nothing, or the state cannot be stored.
            InvalidRange: The snapshot's version is below 0, or above 2**63 - 1.
        """
        ...

    @abstractmethod
    async def load_snapshot(self, aggregate_id: str) -> Snapshot | None:
        """Return a copy of the newest snapshot, None if there is none.

        Raises:
            InvalidAppend: `aggregate_id` names no stream.
        """
        ...

    @abstractmethod
    async def wait_for_events(self, after_position: int, timeout: float) -> bool:  # noqa: ASYNC109 - the port promises an answer, not a TimeoutError
        """Wait until an event lies after `after_position`; say whether one does.

        Args:
            after_position: Exclusive, at least 0.
            timeout: The longest wait in seconds, at least 0; 0 only looks.

        Raises:
            InvalidRange: `after_position` or `timeout` is out of range.
        """
        ...

    async def save(
        self, aggregate_id: str, events: Sequence[Event], expected_version: int | None = None
    ) -> None:
        """Append under the documented short name; see :meth:`append`."""
        await self.append(aggregate_id, events, expected_version=expected_version)

    async def load(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        """Return the bare events of one stream, all of them at once; see :meth:`read`."""
        loaded: list[Event] = []
        at_end = False
        while not at_end:
            page = await self.read(aggregate_id, from_version=from_version)
            loaded += [recorded.event for recorded in page.events]
            from_version, at_end = page.next_version, page.at_end
        return loaded


class EventStore(Protocol):
    """The same store without ``await``; every promise of :class:`AsyncEventStore` holds."""

    @property
    @abstractmethod
    def store_id(self) -> str: ...

    @abstractmethod
    def append(
        self,
        stream_id: str,
        events: Sequence[Event],
        *,
        expected_version: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> AppendResult: ...

    @abstractmethod
    def read(self, stream_id: str, *, from_version: int = 0, limit: int = 1000) -> StreamPage: ...

    @abstractmethod
    def read_all(
        self,
        *,
        after_position: int = 0,
        limit: int = 1000,
        types: Collection[str] | None = None,
        categories: Collection[str] | None = None,
    ) -> Page: ...

    @abstractmethod
    def head(self) -> int: ...

    @abstractmethod
    def count_after(self, position: int) -> int | None: ...

    @abstractmethod
    def streams(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Sequence[str]: ...

    @abstractmethod
    def now(self) -> datetime: ...

    @abstractmethod
    def save_snapshot(self, snapshot: Snapshot) -> None: ...

    @abstractmethod
    def load_snapshot(self, aggregate_id: str) -> Snapshot | None: ...

    @abstractmethod
    def wait_for_events(self, after_position: int, timeout: float) -> bool: ...

    def save(
        self, aggregate_id: str, events: Sequence[Event], expected_version: int | None = None
    ) -> None:
        """Append under the documented short name; see :meth:`append`."""
        self.append(aggregate_id, events, expected_version=expected_version)

    def load(self, aggregate_id: str, from_version: int = 0) -> list[Event]:
        """Return the bare events of one stream, all of them at once; see :meth:`read`."""
        loaded: list[Event] = []
        at_end = False
        while not at_end:
            page = self.read(aggregate_id, from_version=from_version)
            loaded += [recorded.event for recorded in page.events]
            from_version, at_end = page.next_version, page.at_end
        return loaded
