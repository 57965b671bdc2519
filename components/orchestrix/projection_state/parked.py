"""Parked keys: the part of a projection that waits because an event failed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

KeyStatus = Literal["retrying", "parked"]
"""`retrying`: tried again by itself; `parked`: only when somebody asks for it."""

KeyRequest = Literal["retry", "discard"]
"""What somebody may ask for: that a key is tried anew, or that its events are given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParkedKey:
    """A key whose events are set aside, in their order, since one of them failed.

    Attributes:
        projection_id: The projection.
        key: What the events have in common; without a key function their stream.
        position: Of the first event that is set aside.
        since: When the first one failed; UTC.
        attempts: How often the event at `position` has failed, at least 0: nobody has tried it
            since it came to be the first, or since somebody asked for another try.
        error: Class and text of the last failure.
        failed_at: When that was; UTC.
        delay: Seconds from then to the next attempt, at least 0; None: there is none by itself.
        events: How many are set aside, at least 1; counted by stores, which ignore it in
            what they are given.
        request: What somebody has asked for and is not done; set by
            :meth:`ManagedStateStore.request` only.
        reason: Why the events are to be discarded.
    """

    projection_id: str
    key: str
    position: int
    since: datetime
    attempts: int
    error: str
    failed_at: datetime
    delay: float | None
    events: int = 1
    request: KeyRequest | None = None
    reason: str | None = None

    @property
    def status(self) -> KeyStatus:
        """Whether it is tried again by itself."""
        return "parked" if self.delay is None else "retrying"

    def is_due(self, now: datetime) -> bool:
        """Say whether it is to be tried; also when the clock went back behind the failure."""
        if self.delay is None:
            return False
        return not 0 <= (now - self.failed_at).total_seconds() < self.delay


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscardedEvent:
    """An event that a projection was told to give up.

    Attributes:
        projection_id: The projection.
        key: The key that it was parked with.
        position: The event.
        reason: Why.
        discarded_at: When; UTC.
    """

    projection_id: str
    key: str
    position: int
    reason: str
    discarded_at: datetime
