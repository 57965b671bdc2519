"""What an engine was told when it was made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestrix.projection_state import ProjectionState


@dataclass(frozen=True, slots=True)
class Settings:
    """What an engine was told at construction; see there."""

    projection_id: str
    version: int
    window: int | None
    start: Literal["beginning"] | int | datetime
    batch_size: int

    def first_state(self) -> ProjectionState:
        """Return the state that the projection begins with, and each replay too."""
        return ProjectionState(
            projection_id=self.projection_id,
            version=self.version,
            last_processed_position=self.start if isinstance(self.start, int) else 0,
        )
