"""Keeping one projection's state in whatever store there is, and what that lets us promise."""

from enum import Enum

from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
    TransactionalProjectionStateStore,
)


class Promise(Enum):
    """How often a handler's effect on the read model happens for each event."""

    EXACTLY_ONCE = "exactly once, for what is written with the transaction"
    EXACTLY_ONCE_IN_PROCESS = "exactly once, for the life of the process"
    AT_LEAST_ONCE = "at least once: after a crash, events since the last saved state come again"


class StateKeeper:
    """The last state saved for one projection.

    An in-memory store is asked at each call, so several engines may take turns on one state; a
    plain store is asked once, and then this engine's own memory is ahead of it.

    Attributes:
        transactional: The store, when it has transactions.
        shared: The store, when it is the in-memory one, in which engines share their states.
    """

    def __init__(self, projection_id: str, store: ProjectionStateStore) -> None:
        self._projection_id = projection_id
        self._store = store
        self.shared = store if type(store) is InMemoryProjectionStateStore else None
        self.transactional = store if isinstance(store, TransactionalProjectionStateStore) else None
        self._loaded: ProjectionState | None = None

    @property
    def promise(self) -> Promise:
        """What the store lets an engine promise."""
        if self.shared is not None:
            return Promise.EXACTLY_ONCE_IN_PROCESS
        return Promise.AT_LEAST_ONCE if self.transactional is None else Promise.EXACTLY_ONCE

    def known(self) -> ProjectionState | None:
        """Return the state as far as it is known without waiting."""
        return self._loaded if self.shared is None else self.shared.get(self._projection_id)

    def is_current(self, progress: Progress) -> bool:
        """Say whether nobody else can have moved on from `progress`; False when in doubt."""
        if self.shared is not None:
            return self.shared.is_kept(self._projection_id, progress)
        return self._loaded is not None and self.transactional is None

    async def load(self) -> ProjectionState | None:
        """Return the state, None when there is none yet. Raises what the store raises."""
        if self.shared is None and self._loaded is None:
            self._loaded = await self._store.load_state(self._projection_id)
        return self.known()

    def remember(self, state: ProjectionState | None) -> None:
        """Take note of what was saved or loaded elsewhere."""
        self._loaded = state

    def keep(self, progress: Progress) -> bool:
        """Keep the state of `progress` without waiting; return False where that cannot be."""
        progress.touch()
        if self.shared is None:
            return False
        self.shared.keep(self._projection_id, progress)
        progress.is_dirty = False
        return True

    async def save(self, progress: Progress) -> None:
        """Keep the state of `progress`; when the store raises, `progress` remains unsaved."""
        if self.keep(progress):
            return
        progress.is_dirty = True
        self._loaded = progress.make_state()
        await self._store.save_state(self._loaded)
        progress.is_dirty = False
