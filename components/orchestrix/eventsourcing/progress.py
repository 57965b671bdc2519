"""Progress: a projection's state while it is being worked on."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from orchestrix.eventsourcing.applied import weight_of_ids, weight_of_run, weights_added
from orchestrix.eventsourcing.projection_context import ProjectionContext
from orchestrix.eventsourcing.projection_errors import MixedFeed
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import (
    EventIds,
    Feed,
    PartlyApplied,
    ProjectionState,
    StateTransaction,
)


class Progress:
    """The mutable side of one :class:`ProjectionState`, from which the next one is made.

    Attributes:
        state: The state this began with, or the last one made.
        position: The checkpoint now.
        event_id: The last event handled or passed over.
        partly: Handlers that returned, for each event that failed half-way.
        failed_position: The recorded event that must come next.
        has_failed: Whether the present chunk was ended by a handler, or by what had none.
        is_refused: Whether the present chunk was ended by what was wrong with the feed.
        highest: The highest position met in the present call.
        transaction: The transaction that handlers write with, when there is one.
        seen: Bare feed: the ids that were taken.
    """

    def __init__(self, state: ProjectionState, window: int | None) -> None:
        self.state = state
        self.position = state.last_processed_position
        self.event_id = state.last_processed_event_id
        self.partly = {each.event_id: each.returned for each in state.partly_applied}
        self.failed_position = state.failed_position
        self.highest = 0
        self.transaction: StateTransaction | None = None
        self.has_failed = False
        self.is_refused = False
        self.seen = set(state.event_ids)
        self._window = window
        self._fresh: list[str] = []
        self._count = state.applied_count
        self._weight = state.applied_hash
        self._feed = state.feed

    def context(
        self, position: int, recorded: RecordedEvent | None, *, replaying: bool
    ) -> ProjectionContext:
        """Return what a handler may know about the event at `position`."""
        return ProjectionContext(
            self.state.projection_id, position, recorded, replaying, self.transaction
        )

    def check_feed(self, feed: Feed) -> None:
        """Raise MixedFeed when the kind of feed is fixed to the other one."""
        if self._feed not in (None, feed):
            raise MixedFeed(self.state.projection_id, str(self._feed), feed)

    def begin_feed(self, feed: Feed) -> None:
        """Fix the kind of feed."""
        self._feed = feed
        self.has_failed = self.is_refused = False

    def applied_run(self, start: int, stop: int) -> None:
        """Count the recorded events from position `start` to `stop`, exclusive, as applied."""
        if start < stop:
            self._count += stop - start
            self._weight += weight_of_run(start, stop)

    def applied_ids(self, taken: Collection[str], passed: Collection[str]) -> None:
        """Count bare events as applied: those `taken`, without those that had no handler."""
        self._count += len(taken) - len(passed)
        self._weight += weight_of_ids(taken) - weight_of_ids(passed)

    def took_ids(self, event_ids: list[str]) -> None:
        """Remember bare events, handled or passed over."""
        self.seen.update(event_ids)
        self.position += len(event_ids)
        self._fresh += event_ids

    def reach(self, position: int) -> None:
        """Move the checkpoint up to the recorded event at `position`."""
        if position > self.position:
            self.position = position
            self.highest = max(self.highest, position)
            self.failed_position = None

    def is_moved(self) -> bool:
        """Say whether there is more than the last state tells."""
        return (
            self.position != self.state.last_processed_position
            or self._count != self.state.applied_count
            or self._feed != self.state.feed
        )

    def make_state(self, **changes: object) -> ProjectionState:
        """Return the state as it is now, with `changes`."""
        self.state = self.state.changed(
            last_processed_position=self.position,
            last_processed_event_id=self.event_id,
            updated_at=datetime.now(UTC),
            applied_count=self._count,
            applied_hash=weights_added(self._weight),
            feed=self._feed,
            failed_position=self.failed_position,
            partly_applied=_partly(self.partly.items()),
            event_ids=self._remembered(),
            **changes,
        )
        return self.state

    def _remembered(self) -> EventIds:
        ids = self.state.event_ids
        if not self._fresh:
            return ids
        ids = ids.plus(self._fresh)
        self._fresh = []
        if self._window is not None and len(ids) > 2 * self._window:
            ids = ids.newest(self._window)
            self.seen = set(ids)
        return ids


def _partly(items: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[PartlyApplied, ...]:
    return tuple(PartlyApplied(event_id, returned) for event_id, returned in items)
