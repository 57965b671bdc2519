"""The ports of projection state: where checkpoints are kept.

Which one a store implements decides what a projection engine can promise.
"""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from orchestrix.projection_state.state import ProjectionState


class ProjectionStateStore(Protocol):
    """A plain pair of methods: the read model is elsewhere, and a crash may fall between the two.

    With it an engine promises *at least once*: after a crash, the events since the last saved
    state are applied again.
    """

    @abstractmethod
    async def load_state(self, projection_id: str) -> ProjectionState | None:
        """Return the state saved last, None if there is none."""
        ...

    @abstractmethod
    async def save_state(self, state: ProjectionState) -> None:
        """Keep `state` under its projection id, all of its fields, in place of an older one.

        Once this returns, the state survives whatever the store promises to survive. When it
        raises, either the old or the new state is kept, never a mixture.
        """
        ...


class StateTransaction(Protocol):
    """One open transaction of a :class:`TransactionalProjectionStateStore`."""

    @property
    @abstractmethod
    def connection(self) -> Any:
        """The store's own connection; what handlers write with it commits with the state.

        A store that locks for writing may wait with it until this is asked for.
        """
        ...

    @abstractmethod
    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        """Keep `state` when the transaction commits.

        Args:
            state: The state after what this transaction does.
            replacing: The revision that is stored now, as far as the caller knows; None: no
                state is stored.

        Raises:
            StateConflict: Another revision is stored; somebody else was at work.
        """
        ...


@runtime_checkable
class TransactionalProjectionStateStore(ProjectionStateStore, Protocol):
    """A store that commits the read model and the state together.

    With it an engine promises *exactly once*.
    """

    @abstractmethod
    def transaction(self, projection_id: str) -> AbstractAsyncContextManager[StateTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises at the end of the block when the commit failed or its answer was lost; then all of
        it is kept or nothing, and :meth:`load_state` tells which.
        """
        ...
