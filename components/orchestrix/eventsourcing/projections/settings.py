"""What an engine was told when it was made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """What an engine was told at construction; see there."""

    projection_id: str
    version: int
    window: int | None
    start: Literal["beginning"] | int | datetime
    batch_size: int
