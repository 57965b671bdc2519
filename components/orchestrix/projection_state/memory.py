"""Projection state in this process's memory."""

from orchestrix.projection_state.state import ProjectionState
from orchestrix.projection_state.store import ProjectionStateStore


class InMemoryProjectionStateStore(ProjectionStateStore):
    """States that live as long as the process, like the read models they belong to.

    With it an engine promises *exactly once for the life of the process*. States are immutable
    values: what was loaded never changes when another is saved.
    """

    def __init__(self) -> None:
        self._states: dict[str, ProjectionState] = {}

    async def load_state(self, projection_id: str) -> ProjectionState | None:
        return self.get(projection_id)

    async def save_state(self, state: ProjectionState) -> None:
        self.put(state)

    def get(self, projection_id: str) -> ProjectionState | None:
        """Return the state saved last, None if there is none."""
        return self._states.get(projection_id)

    def put(self, state: ProjectionState) -> None:
        """Keep `state`, in place of an older one."""
        self._states[state.projection_id] = state
