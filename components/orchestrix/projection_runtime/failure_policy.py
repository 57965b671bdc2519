"""What a runner does when a handler fails."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from orchestrix.messaging import ExponentialBackoff, RetryPolicy
from orchestrix.projection_runtime.errors import InvalidRunner

Action = Literal["stop", "skip"]
"""What follows the last attempt: the projection stops there, or passes the event over."""


def _usual_retry() -> RetryPolicy:
    return ExponentialBackoff(max_retries=5, initial_delay=0.1, max_delay=10.0)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How often an event that fails is tried again, and what follows the last attempt.

    Between two attempts no transaction is open. What is not the event's fault (a store that
    cannot be reached, a full disk) is tried again for as long as it lasts, whatever this says.

    Attributes:
        action: What follows the last attempt.
        retry: How often, and how long to wait. Usual: five retries within about six seconds.

    Raises:
        InvalidRunner: There is no such action, or `retry` is no RetryPolicy.
    """

    action: Action = "stop"
    retry: RetryPolicy = field(default_factory=_usual_retry)

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise InvalidRunner(
                f"a failure policy's action is one of {', '.join(get_args(Action))}; "
                f"found {self.action!r}"
            )
        if not isinstance(self.retry, RetryPolicy):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidRunner(
                f"a failure policy retries by a RetryPolicy, as in ExponentialBackoff(max_retries="
                f"5); found {self.retry!r}"
            )
