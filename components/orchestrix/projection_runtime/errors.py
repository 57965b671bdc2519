"""Everything a runner may raise of its own.

* OrchestrixError
  * RunnerError
    * InvalidRunner        projections that cannot be run together (also a ValueError)
    * UnknownProjection    a name that the runner was not given (also a ValueError)
    * CheckpointAboveHead  a projection that has handled more than there is
    * ProjectionPaused     somebody paused it
    * HandlerCancelled     what a handler waited for was cancelled, and nobody ended the runner
    * TooManyKeys          so many keys are set aside that it is not the events
    * InvalidWait          what cannot be waited for (also a ValueError)
    * NotManaged           a state store that keeps states and nothing else (also a TypeError)
    * ProjectionsStopped   projections that do not go on, each with its cause
    * NotProcessed         a write that is not in a read model, and why
      * NotInTime          (also a TimeoutError) it may still come
"""

from collections.abc import Mapping

from orchestrix.messaging import OrchestrixError


class RunnerError(OrchestrixError):
    """A runner could not do what it was asked."""


class InvalidRunner(RunnerError, ValueError):
    """What was given to a runner cannot be run as it is."""


class UnknownProjection(RunnerError, ValueError):
    """A name that no projection of the runner has.

    Attributes:
        projection_id: The name.
        known: Those there are.
    """

    def __init__(self, projection_id: str, known: tuple[str, ...]) -> None:
        super().__init__(projection_id, known)
        self.projection_id = projection_id
        self.known = known

    def __str__(self) -> str:
        return f"no projection {self.projection_id!r} in this runner, only {', '.join(self.known)}"


class CheckpointAboveHead(RunnerError):
    """A projection has handled more than its store holds, so it was fed another log.

    Attributes:
        projection_id: The projection.
        checkpoint: Up to where it has handled a log.
        head: The position of the store's newest event.
    """

    def __init__(self, projection_id: str, checkpoint: int, head: int) -> None:
        super().__init__(projection_id, checkpoint, head)
        self.projection_id = projection_id
        self.checkpoint = checkpoint
        self.head = head

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} has handled the log up to position "
            f"{self.checkpoint}, and the store ends at {self.head}; give it its own store (was an "
            "older copy restored?), or replay it"
        )


class ProjectionPaused(RunnerError):
    """A projection does not go on, because somebody paused it.

    Attributes:
        projection_id: The projection.
    """

    def __init__(self, projection_id: str) -> None:
        super().__init__(projection_id)
        self.projection_id = projection_id

    def __str__(self) -> str:
        return f"projection {self.projection_id!r} is paused; resume it to go on"


class HandlerCancelled(RunnerError):
    """A handler ended in CancelledError, although nobody ends the runner. The event failed."""


class TooManyKeys(RunnerError):
    """A projection stops rather than set one more key aside."""


class InvalidWait(RunnerError, ValueError):
    """What was given to ``wait_for`` cannot be waited for."""


class NotManaged(RunnerError, TypeError):
    """A projection whose state store keeps no parked keys and no wishes.

    Attributes:
        projection_id: The projection.
        store: The class of its state store.
    """

    def __init__(self, projection_id: str, store: str) -> None:
        super().__init__(projection_id, store)
        self.projection_id = projection_id
        self.store = store

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} keeps its state in {self.store}, which keeps "
            "nothing else; parking, pausing and the like need InMemoryProjections() or "
            "open_sqlite_projections(file)"
        )


class ProjectionsStopped(RunnerError):
    """Some projections do not go on; the others are where they were asked to be.

    Attributes:
        causes: What stopped each of them.
    """

    def __init__(self, causes: Mapping[str, Exception]) -> None:
        super().__init__(dict(causes))
        self.causes = dict(causes)

    def __str__(self) -> str:
        each = "; ".join(f"{name!r}: {sentence(error)}" for name, error in self.causes.items())
        return f"stopped: {each}"


class NotProcessed(RunnerError):
    """What was waited for will not be in a read model by waiting alone.

    Attributes:
        projection_id: The projection.
        position: What it should have passed.
        problem: Why it has not.
    """

    def __init__(self, projection_id: str, position: int, problem: str) -> None:
        super().__init__(projection_id, position, problem)
        self.projection_id = projection_id
        self.position = position
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"projection {self.projection_id!r} has not passed position {self.position}: "
            f"{self.problem}"
        )


class NotInTime(NotProcessed, TimeoutError):
    """It had not come when the time was over; it may still come."""


def sentence(error: BaseException) -> str:
    """Return the class and the text of an exception, whatever its ``__str__`` does."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as broken:  # noqa: BLE001 - a handler's exception may be broken itself
        return f"{type(error).__name__} (its text cannot be had: {type(broken).__name__})"


def trace_of(error: BaseException) -> BaseException | None:
    """Return what a log is to show of an error beside its sentence: ours say all themselves."""
    return None if isinstance(error, OrchestrixError) else error
