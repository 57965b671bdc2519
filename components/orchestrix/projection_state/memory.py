"""Projection state in this process's memory."""

from typing import Protocol

from orchestrix.projection_state.state import ProjectionState
from orchestrix.projection_state.store import ProjectionStateStore


class StateSource(Protocol):
    """Something that can tell a projection's state as it was when it was kept last."""

    def make_state(self) -> ProjectionState:
        """Return that state; the same one until it is kept again."""
        ...


class InMemoryProjectionStateStore(ProjectionStateStore):
    """States that live as long as the process, like the read models they belong to.

    With it an engine promises *exactly once for the life of the process*. States are immutable
    values: what was loaded never changes when another is saved.
    """

    def __init__(self) -> None:
        self._kept: dict[str, ProjectionState | StateSource] = {}

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        return self.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        self._kept[state.projection_id] = state

    def get(self, projection_id: str) -> ProjectionState | None:
        """Return the state saved last, None if there is none."""
        kept = self._kept.get(projection_id)
        return kept if kept is None or isinstance(kept, ProjectionState) else kept.make_state()

    def keep(self, projection_id: str, source: StateSource) -> None:
        """Keep the state that `source` has now, without making it until somebody asks.

        An engine saves after every call, and hardly any of these states is ever looked at.
        """
        self._kept[projection_id] = source

    def is_kept(self, projection_id: str, source: StateSource) -> bool:
        """Say whether `source` was the last to be kept."""
        return self._kept.get(projection_id) is source
