"""What a runner does when a handler fails."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from orchestrix.messaging import ExponentialBackoff, RetryPolicy
from orchestrix.projection_runtime.errors import InvalidRunner

Action = Literal["park", "stop", "skip"]
"""What follows a failure.

`park`: the event's key is set aside at once and tried again beside the others, at last parked.
`stop` and `skip`: the projection waits for the attempts; then it stops, or passes the event over.
"""


def _usual_retry() -> RetryPolicy:
    return ExponentialBackoff(max_retries=5, initial_delay=0.1, max_delay=10.0)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How often an event that fails is tried again, and what becomes of it and of the others.

    Between two attempts no transaction is open. What is not the event's fault (a store that
    cannot be reached, a full disk) is tried again for as long as it lasts, whatever this says.

    Attributes:
        action: What follows a failure. None: park, where the state store can, else stop.
        retry: How often, and how long to wait. Usual: five retries within two or three seconds.
        most_keys: The most keys that are set aside before a projection stops rather than sets
            aside one more, at least 1: when all fail, it is not the events.

    Raises:
        InvalidRunner: There is no such action, `retry` is no RetryPolicy, or `most_keys` is below
            1.
    """

    action: Action | None = None
    retry: RetryPolicy = field(default_factory=_usual_retry)
    most_keys: int = 1000

    def delay_after(self, attempts: int) -> float | None:
        """Return the seconds to wait after so many attempts; None: it was the last one."""
        return self.retry.get_delay(attempts) if self.retry.should_retry(attempts) else None

    def __post_init__(self) -> None:
        if self.action not in (None, *get_args(Action)):
            raise InvalidRunner(
                f"a failure policy's action is one of {', '.join(get_args(Action))}; "
                f"found {self.action!r}"
            )
        if not isinstance(self.retry, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidRunner(
                f"a failure policy retries by a RetryPolicy, as in ExponentialBackoff(max_retries="
                f"5); found {self.retry!r}"
            )
        _check_count(self.most_keys)


def _check_count(most_keys: object) -> None:
    if not isinstance(most_keys, int) or isinstance(most_keys, bool) or most_keys < 1:
        raise InvalidRunner(
            f"a failure policy's most_keys is a whole number from 1 on; found {most_keys!r}"
        )
