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
    """How far one projection came.

    Attributes:
        projection_id: The projection.
        from_position, to_position: Up to where the log was handled, before and after.
        handled_now: Events that this run handled.
        handled_by_others: Events that other processes handled meanwhile.
        handled_in_all: Events that were handled since the beginning.
    """

    projection_id: str
    from_position: int
    to_position: int
    handled_now: int
    handled_by_others: int
    handled_in_all: int


@dataclass(frozen=True)
class Kept:
    """The file, before and after.

    Attributes:
        file: Its path, as it was given.
        before: When the run began.
        after: When it had caught up.
        new_events: How many this run appended.
        handled: How many events this run handled, by projection.
    """

    file: Path
    before: Standing
    after: Standing
    new_events: int
    handled: Mapping[str, int]

    @property
    def events(self) -> int:
        """How many there are."""
        return self.after.events

    @property
    def others_events(self) -> int:
        """How many other processes appended meanwhile."""
        return self.after.events - self.before.events - self.new_events

    @property
    def projections(self) -> Sequence[ProjectionMove]:
        """How far each came in this run."""
        return [self._move(name) for name in self.after.positions]

    def _move(self, name: str) -> ProjectionMove:
        handled, in_all = self.handled[name], self.after.handled[name]
        return ProjectionMove(
            name,
            self.before.positions[name],
            self.after.positions[name],
            handled,
            in_all - self.before.handled[name] - handled,
            in_all,
        )


async def standing(bank: Bank) -> Standing:
    """Return how far everything is now, whoever brought it there."""
    positions, handled = dict[str, int](), dict[str, int]()
    for status in await bank.runner.status():
        state = await bank.states.load_state(status.projection_id)
        positions[status.projection_id] = state.last_processed_position if state else 0
        handled[status.projection_id] = state.applied_count if state else 0
    return Standing(await bank.store.head(), positions, handled)
