"""Keeping one projection's state in whatever store there is, and what that lets us promise."""

import inspect
from enum import Enum

from orchestrix.eventsourcing.projections.handlers import is_coroutine_function
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ManagedStateStore,
    ProjectionState,
    ProjectionStateStore,
    TransactionalProjectionStateStore,
)


class Promise(Enum):
    """How often a handler's effect on the read model happens for each event."""

    EXACTLY_ONCE = "exactly once, for what is written with the transaction"
    EXACTLY_ONCE_IN_PROCESS = "exactly once, for the life of the process"
    AT_LEAST_ONCE = "at least once: after a crash, events since the last saved state come again"


def check_state_store(store: object) -> None:
    """Raise ValueError unless `store` has the coroutine methods that an engine calls."""
    for name in ("load_state", "save_state"):
        method = inspect.unwrap(getattr(store, name, None))  # pyright: ignore[reportArgumentType] - None has no wrapper
        is_plain = inspect.isroutine(method) and not is_coroutine_function(method)
        if isinstance(store, type) or not callable(method) or is_plain:
            raise ValueError(
                "state_store needs the coroutine methods load_state and save_state, "
                f"found {store!r}"
            )


class StateKeeper:
    """The last state saved for one projection.

    An in-memory store is asked at each call, so several engines may take turns on one state; a
    plain store is asked once, and then this engine's own memory is ahead of it.

    Attributes:
        transactional: The store, when it has transactions that are to be used.
        shared: The store, when it is the in-memory one, in which engines share their states.
    """

    def __init__(
        self, projection_id: str, store: ProjectionStateStore, *, transactional: bool = True
    ) -> None:
        self._projection_id = projection_id
        self._store = store
        self.shared = store if type(store) is InMemoryProjectionStateStore else None
        can = store if isinstance(store, TransactionalProjectionStateStore) else None
        self.transactional = can if transactional else None
        self._is_asked_again = can is not None and not transactional
        self._latest: ProjectionState | None = None
        self._stored: int | None = None  # the revision that the store had when we knew it last
        self._is_stored = False  # whether the store ever had a state

    @property
    def store(self) -> ProjectionStateStore:
        """Where the state is kept."""
        return self._store

    @property
    def promise(self) -> Promise:
        """What the store lets an engine promise."""
        if self.shared is not None:
            return Promise.EXACTLY_ONCE_IN_PROCESS
        return Promise.AT_LEAST_ONCE if self.transactional is None else Promise.EXACTLY_ONCE

    def known(self) -> ProjectionState | None:
        """Return the state as far as it is known without waiting."""
        if self.shared is not None:
            return self.shared.get(self._projection_id)
        return self._latest if self._is_stored else None

    def is_current(self, progress: Progress) -> bool:
        """Say whether nobody else can have moved on from `progress`; False when in doubt."""
        if self.shared is not None:
            return self.shared.is_kept(self._projection_id, progress)
        return self._latest is not None and self.transactional is None

    async def load(self) -> ProjectionState | None:
        """Return the state, None when there is none yet. Raises what the store raises."""
        if self.shared is None and self._latest is None:
            self.remember(await self._store.load_state(self._projection_id))
        return self.known()

    async def moved_on(self, progress: Progress) -> ProjectionState | None:
        """Return what is stored, if somebody else has moved on from what we saved last.

        A store is asked that other processes use, too, although its transactions are not. What is
        ahead of it in our own memory stays, as long as it is ours to save.
        """
        if not self._is_asked_again:
            return None
        stored = await self._store.load_state(self._projection_id)
        found = None if stored is None else stored.revision
        if stored is None or found in (self._stored, progress.revision()):
            return None
        self.remember(stored)
        return stored

    async def clear_parked(self) -> None:
        """Forget what an engine has set aside that used the store's transactions."""
        if self._is_asked_again and isinstance(self._store, ManagedStateStore):
            async with self._store.transaction(self._projection_id) as transaction:
                await transaction.parked.clear()

    def remember(self, state: ProjectionState | None) -> None:
        """Take note of what was saved or loaded elsewhere."""
        self._latest, self._is_stored = state, state is not None
        self._stored = None if state is None else state.revision

    def hold(self, state: ProjectionState) -> None:
        """Take note of where the engine is, although the store may not know it."""
        self._latest = state

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
        state = progress.make_state()
        self.hold(state)
        await self._store.save_state(state)
        self._stored = state.revision
        self._is_stored, progress.is_dirty = True, False
