"""Setting aside what fails, so that the rest can go on, and coming back to it."""

from collections.abc import Sequence

from orchestrix.eventsourcing.projections.call import in_turn
from orchestrix.eventsourcing.projections.errors import FeedError
from orchestrix.eventsourcing.projections.managed_work import DelayAfter, ManagedWork
from orchestrix.eventsourcing.projections.turn import Turn
from orchestrix.messaging import RecordedEvent


class Parking:
    """What an engine does with keys that are set aside; calls queue with those of the engine.

    An event of a key that is set aside is not handled when it is fed: it is set aside, too,
    behind the others, in the transaction that moves the checkpoint over it. So the events of a
    key are handled in their order, whatever happens to them.
    """

    def __init__(self, turn: Turn, work: ManagedWork) -> None:
        self._turn = turn
        self._work = work

    async def set_aside(
        self, failed: RecordedEvent, cause: BaseException, delay: float | None
    ) -> None:
        """Set the event that failed last aside, and its key: the others can be fed now.

        Args:
            failed: The event at ``failed_position`` of the state.
            cause: What it failed with.
            delay: Seconds until it is to be tried again, by whoever runs the projection, at
                least 0; None: it is parked, until somebody asks for it.

        Raises:
            FeedError: Another one failed, or none; nothing is set aside.
            NoKey: It has no key, so nobody knows what must wait for it; nothing is set aside.
        """
        await in_turn(self._turn, self._work, lambda: self._work.set_aside(failed, cause, delay))

    async def retry(
        self, key: str, events: Sequence[RecordedEvent], delay_after: DelayAfter
    ) -> None:
        """Handle the first events that are set aside with a key; it is free after the last one.

        When one fails, those before it are handled, and it is kept how often it failed; but when
        a store fails, nothing of both. Nothing happens when the first of `events` is not the first
        of the key any more: somebody else was at work.

        Args:
            key: The key.
            events: The first ones, none left out, in their order; at least one.
            delay_after: How long to wait after how many attempts; None: not to be tried again.

        Raises:
            FeedError: There are no events, or they do not ascend.
            Exception: What a handler raised.
        """
        positions = [each.position for each in events]
        if not positions or sorted(set(positions)) != positions:
            raise FeedError(
                f"a key is tried again with its events in the order of the log; found {positions}"
            )
        await in_turn(self._turn, self._work, lambda: self._work.retry(key, events, delay_after))

    async def discard(self, key: str, reason: str) -> int:
        """Give up the events that are set aside with a key, and free it; return how many."""
        return await in_turn(self._turn, self._work, lambda: self._work.discard(key, reason))
