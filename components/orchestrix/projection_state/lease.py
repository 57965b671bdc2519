"""Leases: which runner a projection belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right of one runner to a projection, for as long as it renews it.

    Who wants it watches it: once it has not been renewed for `seconds` by the watcher's own
    clock, it may be taken. So no two machines need the same time.

    Attributes:
        projection_id: The projection.
        holder: The runner's name; empty when it was given back.
        token: Grows with every holder, from 1 on: who has an older one has lost it.
        beat: How often this holder has renewed it.
        seconds: How long it lasts without being renewed, above 0.
    """

    projection_id: str
    holder: str
    token: int
    beat: int
    seconds: float
