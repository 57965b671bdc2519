"""What an engine needs of a read model that it opens, flushes and empties itself."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from orchestrix.messaging import Event
from orchestrix.projection_state import ProjectionStateStore


class OpenReadModel(Protocol):
    """A read model in use by one engine, whose batches come one after the other.

    A batch is :meth:`begin`, then for each slice of its events :meth:`prefetch`, the handlers and
    :meth:`settle`, then :meth:`flush`, and :meth:`end` once the transaction is over. Whatever
    raises on the way, or is cancelled: roll the transaction back and call ``end(None)``.
    """

    @property
    @abstractmethod
    def segment_key(self) -> str | None:
        """The segment key of the event that is handled now; None: its writes are not checked.

        Set by an engine that has a key function, before each event, and by no other: who never
        sets it has no owners of rows, and those of rows that are put without being read are lost.
        """
        ...

    @segment_key.setter
    @abstractmethod
    def segment_key(self, key: str | None) -> None: ...

    @abstractmethod
    async def begin(self, transaction: Any, revision: int | None) -> None:
        """Begin a batch: handlers called from here may use the read model.

        The store is not asked before the read model is used, so that a replay can empty one that
        cannot be opened any more.

        Args:
            transaction: The store's transaction.
            revision: Of the state that is stored; None: there is none. When it is not the one
                that the last batch ended with, whatever was remembered of the rows is dropped.
        """
        ...

    @abstractmethod
    async def prefetch(self, events: Sequence[Event]) -> None:
        """Load what the handlers of these events are known to ask for, in one go."""
        ...

    @abstractmethod
    async def settle(self) -> None:
        """Between two slices: write what is more than may be kept in memory.

        Rows that a handler of the slice before was given must not be used any more.
        """
        ...

    @abstractmethod
    async def flush(self) -> None:
        """Write what was changed; from here on the read model cannot be used."""
        ...

    @abstractmethod
    async def empty(self) -> None:
        """Empty the read model, before a replay, whatever shape it is stored in."""
        ...

    @abstractmethod
    def end(self, revision: int | None) -> None:
        """End the batch; harmless where none was begun.

        Args:
            revision: Of the state that was committed; None: rolled back, or perhaps not committed.
        """
        ...


class ReadModel(Protocol):
    """A declared read model, which engines open.

    Attributes:
        name: Tells it from the others of an engine, whatever its case.
    """

    name: str

    @abstractmethod
    def opened(self, projection_id: str, state_store: ProjectionStateStore) -> OpenReadModel:
        """Return it opened for one engine; several engines may open one.

        Raises:
            ValueError: The state store cannot keep it.
        """
        ...
