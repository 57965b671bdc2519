"""Leases: which runner a projection belongs to."""

from dataclasses import dataclass, replace


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

    def is_held_as(self, other: "Lease") -> bool:
        """Say whether who has `other` has this one still, however often it was renewed."""
        mine, others = ((each.projection_id, each.holder, each.token) for each in (self, other))
        return bool(self.holder) and mine == others

    def renewed(self) -> "Lease":
        """Return this lease, renewed once more."""
        return replace(self, beat=self.beat + 1)

    def given_back(self) -> "Lease":
        """Return this lease as nobody's, with the token that the next one counts on from."""
        return replace(self, holder="")


def next_lease(projection_id: str, holder: str, seconds: float, *, after: Lease | None) -> Lease:
    """Return the lease of who takes it `after` that one; None: of the first who ever does."""
    token = 1 if after is None else after.token + 1
    return Lease(projection_id=projection_id, holder=holder, token=token, beat=0, seconds=seconds)
