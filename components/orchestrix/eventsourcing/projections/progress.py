"""Progress: a projection's state while it is being worked on."""

from collections.abc import Collection
from datetime import UTC, datetime
from time import time
from typing import Literal

from orchestrix.eventsourcing.projections.applied import weight_kept, weight_of_ids, weight_of_run
from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.errors import FeedError, MixedFeed
from orchestrix.eventsourcing.projections.feed import Origin
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_state import (
    EventIds,
    Feed,
    PartlyApplied,
    ProjectionState,
    StateTransaction,
)

Fault = Literal["none", "handler", "feed"]

LONGEST_ERROR = 1000
"""Characters of an exception's text that the state keeps."""


class Progress:
    """The mutable side of one :class:`ProjectionState`, which is made when it is asked for.

    Attributes named like those of the state are the same, now. The others:

        began_with: The state that this began with.
        is_dirty: Whether there is anything that was not saved.
        has_moved: Whether the present chunk moved anything.
        partly: Handlers that returned, for each event that failed half-way.
        fault: What ended the present chunk: a handler (or an event that has none), or what was
            wrong with the feed.
        highest: The highest position met in the present call.
        transaction: The transaction that handlers write with, when there is one.
        seen: Bare feed: the ids that were taken.
    """

    def __init__(self, state: ProjectionState, window: int | None) -> None:
        self.began_with = self._made = state
        self.position = state.last_processed_position
        self.event_id = state.last_processed_event_id
        self.error_count = state.error_count
        self.is_healthy = state.is_healthy
        self.last_error = state.last_error
        self.status = state.status
        self.feed: Feed | None = state.feed
        self.store_id: str | None = state.store_id
        self.fingerprint: str | None = state.fingerprint
        self.failed_position = state.failed_position
        self.replay_until: int = state.replay_until
        self.partly = {each.event_id: each.returned for each in state.partly_applied}
        self.seen = set(state.event_ids)
        self.is_dirty = self.has_moved = False
        self.fault: Fault = "none"
        self.highest = 0
        self.transaction: StateTransaction | None = None
        self._window = window
        self._fresh: list[str] = []
        self._fresh_passed: list[str] = []
        self._count = state.applied_count
        self._weight = state.applied_hash
        ids = state.event_ids  # a store may give them back as a list
        self._event_ids = ids if isinstance(ids, EventIds) else EventIds(ids)  # pyright: ignore[reportUnnecessaryIsInstance] - stores may be untyped
        self._updated_at: float | None = None

    def context(
        self, position: int, recorded: RecordedEvent | None, *, replaying: bool
    ) -> ProjectionContext:
        """Return what a handler may know about the event at `position`."""
        return ProjectionContext(
            self.began_with.projection_id, position, recorded, replaying, self.transaction
        )

    def check_feed(self, feed: Feed) -> None:
        """Raise MixedFeed when the kind of feed is fixed to the other one."""
        if self.feed not in (None, feed):
            raise MixedFeed(self.began_with.projection_id, str(self.feed), feed)

    def begin_chunk(self, origin: Origin, fingerprint: str, replay_until: int) -> None:
        """Begin a chunk: fix the kind of feed and the store, as far as they are known by it."""
        is_new_store = self.store_id is None and origin.store_id is not None
        is_same = fingerprint == self.fingerprint and replay_until == self.replay_until
        if self.feed is None or is_new_store or not is_same or self.partly:
            self.make_state()  # who asks during the chunk shall see how it was before
            self.feed = self.feed or origin.feed
            self.fingerprint, self.replay_until = fingerprint, replay_until
        if is_new_store:
            self.store_id, self.is_dirty = origin.store_id, True
        self.fault = "none"
        self.has_moved = False

    def applied_run(self, start: int, stop: int) -> None:
        """Count the recorded events from position `start` to `stop`, exclusive, as applied.

        Not while handlers are called: who asks then shall see how it was before.
        """
        if start < stop:
            self._count += stop - start
            self._weight += weight_of_run(start, stop)
            self.is_dirty = self.has_moved = True

    def reach(self, position: int) -> None:
        """Move the checkpoint up to the recorded event at `position`."""
        if position > self.position:
            self.position = position
            self.highest = max(self.highest, position)
            if self.failed_position is not None and position >= self.failed_position:
                self.failed_position = None
            self.is_dirty = self.has_moved = True

    def pass_over(self, failed: RecordedEvent) -> None:
        """Move the checkpoint over the event that failed. Raises FeedError for any other."""
        if failed.position != self.failed_position:
            raise FeedError(
                f"projection {self.began_with.projection_id!r} cannot pass position "
                f"{failed.position} over: what failed last is at {self.failed_position}"
            )
        self.make_state()  # who asks before this is saved shall see how it was
        self.partly.pop(failed.id, None)
        self.event_id = failed.id
        self.reach(failed.position)
        self.succeed()

    def took_ids(self, event_ids: list[str], passed: Collection[str]) -> None:
        """Count bare events, which `seen` has already, as applied but for those that `passed`."""
        if not event_ids:
            return
        self._fresh += event_ids
        self.position += len(event_ids)
        self._count += len(event_ids) - len(passed)
        self._fresh_passed += passed
        self.event_id = event_ids[-1]
        self.is_dirty = self.has_moved = True
        if self._window is not None and len(self.seen) > 2 * self._window:
            self._event_ids = self._remembered().newest(self._window)
            self.seen = set(self._event_ids)

    def has_applied(self) -> bool:
        """Say whether any event was applied since the beginning, or that of a replay."""
        return self._count > 0

    def is_replayed(self) -> bool:
        """Say whether a replay has reached the checkpoint that bounds it."""
        return self.status == "replaying" and self.position >= self.replay_until

    def end_replay(self) -> None:
        """Let what comes from now on be new."""
        self.status, self.replay_until = "live", min(self.replay_until, self.position)

    def succeed(self) -> None:
        """Be healthy, if anything was tried: it succeeded."""
        if self.has_moved:
            self.is_healthy, self.last_error = True, None

    def fail(self, error: BaseException) -> None:
        """Count a failure."""
        self.error_count += 1
        self.is_healthy = False
        self.last_error = sentence(error)

    def touch(self) -> None:
        """Let the next state be made anew, and dated now."""
        self._updated_at = time()

    def make_state(self) -> ProjectionState:
        """Return the state as it was when it was touched last."""
        if self._updated_at is not None:
            self._made = self._make(datetime.fromtimestamp(self._updated_at, UTC))
            self._updated_at = None
        return self._made

    def revision(self) -> int:
        """Return the revision of the state made last."""
        return self._made.revision

    def _make(self, updated_at: datetime) -> ProjectionState:
        event_ids = self._remembered()
        return self._made.changed(
            last_processed_position=self.position,
            last_processed_event_id=self.event_id,
            updated_at=updated_at,
            revision=self._made.revision + 1,
            error_count=self.error_count,
            is_healthy=self.is_healthy,
            last_error=self.last_error,
            status=self.status,
            store_id=self.store_id,
            fingerprint=self.fingerprint,
            applied_count=self._count,
            applied_hash=weight_kept(self._weight),
            feed=self.feed,
            failed_position=self.failed_position,
            partly_applied=tuple(PartlyApplied(*each) for each in self.partly.items()),
            replay_until=self.replay_until,
            event_ids=event_ids,
        )

    def _remembered(self) -> EventIds:
        """Return the ids taken so far, the fresh ones weighed and among them now."""
        if self._fresh:
            self._weight += weight_of_ids(self._fresh) - weight_of_ids(self._fresh_passed)
            self._event_ids = self._event_ids.plus(self._fresh)
            self._fresh, self._fresh_passed = [], []
        return self._event_ids


def sentence(error: BaseException) -> str:
    """Return the class and the text of an exception, as any store can keep it."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - a handler's exception may be broken itself
        text = f"(its text cannot be had: {type(broken).__name__})"
    # Lone surrogates are no text, and a subclass of str may encode in ways of its own.
    storable = str.encode(text, errors="backslashreplace").decode()
    return f"{type(error).__name__}: {storable}"[:LONGEST_ERROR]
