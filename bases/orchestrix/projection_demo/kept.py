"""What a run found in its file, and what it did there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrix.projection_demo.bank import Bank


@dataclass(frozen=True)
class Standing:
    """How far everything is at one moment.

    Attributes:
        events: How many the log holds, which is the position of the last.
        positions: Up to where each projection has handled the log.
        handled: How many events each has handled since its beginning, those that it has no
            handler for not counted.
    """

    events: int
    positions: Mapping[str, int]
    handled: Mapping[str, int]


@dataclass(frozen=True)
class ProjectionMove:
    """How far one projection came: positions, and events handled now and since its beginning."""

    projection_id: str
    from_position: int
    to_position: int
    handled_now: int
    handled_in_all: int


@dataclass(frozen=True)
class Kept:
    """The file, before and after.

    Attributes:
        file: Its path, as it was given.
        before: When the run began.
        after: When it had caught up.
    """

    file: Path
    before: Standing
    after: Standing

    @property
    def events(self) -> int:
        """How many there are."""
        return self.after.events

    @property
    def new_events(self) -> int:
        """How many came in this run."""
        return self.after.events - self.before.events

    @property
    def projections(self) -> Sequence[ProjectionMove]:
        """How far each came in this run."""
        return [
            ProjectionMove(
                name,
                self.before.positions[name],
                self.after.positions[name],
                self.after.handled[name] - self.before.handled[name],
                self.after.handled[name],
            )
            for name in self.after.positions
        ]


async def standing(bank: Bank) -> Standing:
    """Return how far everything is now, whoever brought it there."""
    positions, handled = dict[str, int](), dict[str, int]()
    for status in await bank.runner.status():
        state = await bank.states.load_state(status.projection_id)
        positions[status.projection_id] = state.last_processed_position if state else 0
        handled[status.projection_id] = state.applied_count if state else 0
    return Standing(await bank.store.head(), positions, handled)
