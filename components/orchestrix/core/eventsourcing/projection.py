"""Projections, from the ``eventsourcing`` and ``projection_state`` bricks."""

from orchestrix.eventsourcing import Projection, ProjectionContext, ProjectionEngine, on
from orchestrix.projection_state import (
    InMemoryProjectionStateStore,
    ProjectionState,
    ProjectionStateStore,
)

__all__ = [
    "InMemoryProjectionStateStore",
    "Projection",
    "ProjectionContext",
    "ProjectionEngine",
    "ProjectionState",
    "ProjectionStateStore",
    "on",
]
