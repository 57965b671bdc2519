"""The port of a store that keeps what running projections takes, beside their states."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from orchestrix.projection_state.lease import Lease
from orchestrix.projection_state.parked import DiscardedEvent, KeyRequest, ParkedKey
from orchestrix.projection_state.store import StateTransaction, TransactionalProjectionStateStore

DesiredStatus = Literal["running", "paused"]
"""What somebody wants a projection to do."""


class ParkedEvents(Protocol):
    """What one projection has set aside, as one transaction sees and changes it."""

    @abstractmethod
    async def keys(self) -> Sequence[ParkedKey]:
        """Return all keys that are set aside, by the positions of their first events."""
        ...

    @abstractmethod
    async def save(self, parked: ParkedKey) -> None:
        """Keep `parked` in place of what is known of its key, requests left as they are.

        A new key has no events yet; :meth:`add` them in the same transaction.

        Raises:
            InvalidArgument: It is a key of another projection, its times have no offset, or its
                numbers are out of their ranges.
        """
        ...

    @abstractmethod
    async def add(self, events: Collection[tuple[str, int]]) -> None:
        """Set events aside, each by key and position; one that is there already stays once.

        Raises:
            NotParked: A key is neither set aside nor saved before in this transaction.
        """
        ...

    @abstractmethod
    async def release(self, key: str, through: int) -> None:
        """Forget the events of a key up to a position, inclusive; and the key with the last.

        What is left begins with its first event: that is its position, its attempts are 0, and
        its delay, too, however few were forgotten; a request stays. Nothing happens to a key that
        is not set aside.
        """
        ...

    @abstractmethod
    async def answer(self, key: str, request: KeyRequest) -> None:
        """Take note that a request was met; another one, made meanwhile, stays.

        With the request goes its reason. Nothing happens to a key that is not set aside.

        Raises:
            InvalidArgument: Nobody can ask for that.
        """
        ...

    @abstractmethod
    async def discard(self, key: str, reason: str, at: datetime) -> int:
        """Move all events of a key to the discarded ones, forget the key; return how many.

        Args:
            key: The key; 0 events when it is not set aside.
            reason: Why, for those who look at them later.
            at: When, UTC.

        Raises:
            InvalidArgument: `at` has no offset.
        """
        ...

    @abstractmethod
    async def clear(self) -> None:
        """Forget all keys and events, discarded ones too: a replay meets them again."""
        ...


class ManagedTransaction(StateTransaction, Protocol):
    """An open transaction of a :class:`ManagedStateStore`."""

    @property
    @abstractmethod
    def parked(self) -> ParkedEvents:
        """What the projection has set aside."""
        ...


@runtime_checkable
class ManagedStateStore(TransactionalProjectionStateStore, Protocol):
    """A transactional store that knows who runs a projection, and what of it is set aside.

    Everything here is about any projection id, also of projections that have no state yet.
    Methods that only read answer with what is committed, inside a batch, too. Methods that change
    something are transactions of their own; inside a batch of the same store they are refused as
    a second batch is (``BatchInsideBatch`` of ``orchestrix.eventsourcing``), since a store with
    one write lock would wait for itself. Times come back in UTC.

    Every implementation passes ``orchestrix.testing.conformance.ManagedStateStoreConformance``, and
    calls the checks of :mod:`orchestrix.projection_state.managed_rules` before it does anything.
    """

    @abstractmethod
    def transaction(
        self, projection_id: str
    ) -> AbstractAsyncContextManager[ManagedTransaction]: ...

    @abstractmethod
    async def parked_keys(self, projection_id: str) -> Sequence[ParkedKey]:
        """Return all keys that are set aside, by the positions of their first events."""
        ...

    @abstractmethod
    async def parked_positions(
        self, projection_id: str, key: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[int]:
        """Return positions of events that are set aside with a key, ascending.

        Args:
            projection_id: The projection.
            key: The key; one that is not set aside has none.
            after_position: Exclusive.
            limit: The most that are returned, at least 1.

        Raises:
            InvalidArgument: `after_position` is below 0, or `limit` below 1.
        """
        ...

    @abstractmethod
    async def parked_between(self, projection_id: str, first: int, last: int) -> ParkedKey | None:
        """Return the key of the first event set aside from `first` to `last`, both inclusive.

        The first by position, of all keys; None: there is none, as when `last` is below `first`.
        """
        ...

    @abstractmethod
    async def discarded_events(
        self, projection_id: str, *, after_position: int = 0, limit: int = 1000
    ) -> Sequence[DiscardedEvent]:
        """Return events that were given up, by position; `after_position` is exclusive.

        Raises:
            InvalidArgument: `after_position` is below 0, or `limit` below 1.
        """
        ...

    @abstractmethod
    async def request(
        self, projection_id: str, key: str, request: KeyRequest, reason: str | None = None
    ) -> None:
        """Ask whoever runs the projection for something, in place of what was asked before.

        Raises:
            NotParked: No such key is set aside.
            InvalidArgument: Nobody can ask for that.
        """
        ...

    @abstractmethod
    async def desired_status(self, projection_id: str) -> DesiredStatus:
        """Return what the projection is to do; running, unless somebody said otherwise."""
        ...

    @abstractmethod
    async def set_desired_status(self, projection_id: str, status: DesiredStatus) -> None:
        """Say what the projection is to do from its next batch on, whoever runs it.

        Raises:
            InvalidArgument: It is no desired status.
        """
        ...

    @abstractmethod
    async def lease(self, projection_id: str) -> Lease | None:
        """Return the lease as it is; None: nobody ever had one."""
        ...

    @abstractmethod
    async def take_lease(
        self, projection_id: str, holder: str, seconds: float, *, seen: Lease | None
    ) -> Lease | None:
        """Take the lease from whoever has it, if it still is as it was seen.

        Args:
            projection_id: The projection.
            holder: Who takes it; not empty.
            seconds: How long it lasts without being renewed; above 0, finite.
            seen: What :meth:`lease` returned.

        Returns:
            The new lease, its token one higher, its beat 0; None: it is not as it was seen, since
            somebody else was faster, renewed it or gave it back.

        Raises:
            InvalidArgument: `holder` or `seconds` is none of those, or `seen` is the lease of
                another projection.
        """
        ...

    @abstractmethod
    async def renew_lease(self, lease: Lease) -> Lease | None:
        """Renew a lease, its beat one higher; None: somebody took it, or it was given back.

        It is the token that counts: a lease as it was before it was renewed can be renewed, as by
        a holder whom the answer did not reach.
        """
        ...

    @abstractmethod
    async def release_lease(self, lease: Lease) -> None:
        """Give a lease back: it is nobody's, so who reads it may take it at once.

        Its token stays, so that the next one is higher. Nothing happens when it was lost.
        """
        ...
