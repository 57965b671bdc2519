"""Snapshots: an aggregate's state at a version, a cache that may be dropped."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Snapshot:
    """An aggregate's state after some of its events.

    Attributes:
        aggregate_id: The stream.
        aggregate_type: The aggregate's class, by name.
        version: Version of the last event the state contains, from 0.
        state: The state; a store keeps a copy of it.
        timestamp: When it was taken, UTC.
    """

    aggregate_id: str
    aggregate_type: str
    version: int
    state: dict[str, Any]
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
