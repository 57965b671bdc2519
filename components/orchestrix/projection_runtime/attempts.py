"""What becomes of an event that fails, by the policy."""

import logging

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.messaging import RecordedEvent
from orchestrix.projection_runtime.errors import sentence, trace_of
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.management import Management

logger = logging.getLogger("orchestrix.runtime")


class GivenUp(Exception):
    """The projection is to stop, since its event failed for the last time."""


class Attempts:
    """Counts the failures of the event that a projection stands before.

    Attributes:
        failed_at: Its position, until it succeeds or is passed over.
    """

    def __init__(
        self, engine: ProjectionEngine, management: Management | None, policy: FailurePolicy
    ) -> None:
        self.failed_at: int | None = None
        self._count = 0
        self._engine = engine
        self._management = management
        self._policy = policy

    @property
    def sets_aside(self) -> bool:
        """Whether what fails is set aside, so that nothing stands before it."""
        can_park = self._management is not None and self._management.can_park
        return can_park and self._policy.action in (None, "park")

    def count(self, failed: RecordedEvent) -> None:
        """Count a failure, unless the event is to be set aside."""
        if not self.sets_aside:
            self._count = self._count + 1 if failed.position == self.failed_at else 1
            self.failed_at = failed.position

    def end(self) -> None:
        """Begin anew: something succeeded."""
        self.failed_at, self._count = None, 0

    async def answer(self, failed: RecordedEvent, error: Exception) -> float | None:
        """Set the event aside or pass it over, and return None; or the seconds to wait.

        Raises:
            GivenUp: The projection is to stop.
        """
        if self._management is not None and self.sets_aside:
            await self._management.set_aside(failed, error)
            return None
        delay = self._policy.delay_after(self._count)
        name, position = self._engine.projection_id, failed.position
        if delay is not None:
            logger.warning(
                "projection %r failed at position %d and tries again in %.1f seconds: %s",
                name, position, delay, sentence(error), exc_info=trace_of(error),
            )  # fmt: skip
            return delay
        if self._policy.action != "skip":
            raise GivenUp from error
        await self._engine.skip(failed)
        logger.error(
            "projection %r passes position %d over, after %d failures: %s",
            name, position, self._count, sentence(error),
        )  # fmt: skip
        return None
