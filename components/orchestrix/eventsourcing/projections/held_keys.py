"""The keys whose events are set aside, as an engine remembers them from batch to batch."""

from collections.abc import Callable, Sequence

from orchestrix.eventsourcing.projections.errors import NoKey
from orchestrix.eventsourcing.projections.keys import Keys
from orchestrix.eventsourcing.projections.progress import Progress
from orchestrix.eventsourcing.projections.recorded_feed import check_order
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import ParkedEvents

Aside = dict[int, tuple[str, RecordedEvent]]
"""Events to be set aside, by position: each with its key."""


class HeldKeys:
    """What is set aside changes with the revision of the state, so it is asked for once each."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._held: frozenset[str] = frozenset()
        self._revision: int | None = None
        self._is_known = False

    async def know(self, parked: ParkedEvents, revision: int | None) -> None:
        """Find out which keys are held, unless it is known for this revision."""
        if not (self._is_known and revision == self._revision):
            self._is_known = False
            self._held = frozenset([each.key for each in await parked.keys()])
            self._revision, self._is_known = revision, True

    def follow(self, before: int | None, after: int | None) -> None:
        """Take note that a batch that held nothing and released nothing was committed."""
        if before == self._revision:
            self._revision = after

    def forget(self) -> None:
        """Ask anew."""
        self._is_known = False

    def sort_out(
        self,
        records: Sequence[RecordedEvent],
        progress: Progress,
        hears: Callable[[Event], bool],
    ) -> tuple[list[RecordedEvent], Aside]:
        """Return which of new events are to be handled, and which to be set aside.

        Raises:
            NoKey: An event that has handlers may belong to a key that is held.
            OutOfOrder: Positions descend.
        """
        if not self._held:
            return list(records), {}
        check_order(progress.began_with.projection_id, records)
        kept: list[RecordedEvent] = []
        aside: Aside = {}
        for recorded in records:
            key = self._key_of(recorded, hears)
            if key is not None and key in self._held:
                aside[recorded.position] = key, recorded
            else:
                kept.append(recorded)
        return kept, aside

    def _key_of(self, recorded: RecordedEvent, hears: Callable[[Event], bool]) -> str | None:
        try:
            return self._keys.of(recorded)
        except NoKey:
            if hears(recorded.event):
                raise
            return None
