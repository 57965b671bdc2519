"""When to try again after a failure, and how long to wait before.

Attempts count from 1: attempt n is the n-th failed call, or the n-th retry that follows it.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from random import Random
from typing import Any, TypeVar

from orchestrix.messaging.handler import is_async, is_awaitable, name_of

ResultT = TypeVar("ResultT")


class RetryPolicy(ABC):
    """How often and when to retry. Keeps no state between calls, so one serves many."""

    @abstractmethod
    def should_retry(self, attempt: int) -> bool:
        """Say whether to call again after the `attempt`-th failure."""

    @abstractmethod
    def get_delay(self, attempt: int) -> float:
        """Return the seconds to wait before retry number `attempt`; 0 for none or less."""


class NoRetry(RetryPolicy):
    """The first failure is the last."""

    def should_retry(self, attempt: int) -> bool:  # noqa: ARG002 - the policy's signature
        return False

    def get_delay(self, attempt: int) -> float:  # noqa: ARG002 - the policy's signature
        return 0.0


class _LimitedRetry(RetryPolicy):
    def __init__(self, max_retries: int) -> None:
        _require_numbers(max_retries=max_retries)
        _require(max_retries >= 0, "max_retries must be >= 0", max_retries)
        self.max_retries = max_retries

    def should_retry(self, attempt: int) -> bool:
        return attempt <= self.max_retries


class ExponentialBackoff(_LimitedRetry):
    """Each delay is `multiplier` times the one before, up to `max_delay`.

    With jitter a delay is drawn evenly between half of that and all of it, so that callers
    who failed together do not return together, even at `max_delay`.

    Args:
        max_retries: Retries after the first call; at least 0.
        initial_delay: Seconds before the first retry, above 0.
        max_delay: Seconds that no delay exceeds; at least `initial_delay`.
        multiplier: Above 0.
        jitter: Whether to draw at random.
        random: Where to draw from; seeded, the delays repeat.
    """

    def __init__(
        self,
        max_retries: int = 3,
        initial_delay: float = 1.0,
        max_delay: float = 60.0,
        multiplier: float = 2.0,
        jitter: bool = True,
        *,
        random: Random | None = None,
    ) -> None:
        super().__init__(max_retries)
        _require_delays(initial_delay, max_delay)
        _require_numbers(multiplier=multiplier)
        _require(multiplier > 0, "multiplier must be > 0", multiplier)
        self.initial_delay = initial_delay
        self.max_delay = max_delay
        self.multiplier = multiplier
        self.jitter = jitter
        self._random = random or Random()  # noqa: S311 - spreads load, guards no secret

    def get_delay(self, attempt: int) -> float:
        if attempt <= 0:
            return 0.0
        delay = self._without_jitter(attempt)
        return self._random.uniform(delay / 2, delay) if self.jitter else delay

    def _without_jitter(self, attempt: int) -> float:
        try:
            return min(self.initial_delay * self.multiplier ** (attempt - 1), self.max_delay)
        except OverflowError:
            return self.max_delay


class LinearBackoff(_LimitedRetry):
    """Each delay is `increment` seconds longer than the one before, up to `max_delay`.

    Args:
        max_retries: Retries after the first call; at least 0.
        initial_delay: Seconds before the first retry, above 0.
        increment: Seconds, at least 0.
        max_delay: Seconds that no delay exceeds; at least `initial_delay`.
    """

    def __init__(
        self,
        max_retries: int = 3,
        initial_delay: float = 1.0,
        increment: float = 1.0,
        max_delay: float = 60.0,
    ) -> None:
        super().__init__(max_retries)
        _require_delays(initial_delay, max_delay)
        _require_numbers(increment=increment)
        _require(increment >= 0, "increment must be >= 0", increment)
        self.initial_delay = initial_delay
        self.increment = increment
        self.max_delay = max_delay

    def get_delay(self, attempt: int) -> float:
        if attempt <= 0:
            return 0.0
        return min(self.initial_delay + self.increment * (attempt - 1), self.max_delay)


class FixedDelay(_LimitedRetry):
    """Every delay is the same number of seconds, at least 0."""

    def __init__(self, max_retries: int = 3, delay: float = 1.0) -> None:
        super().__init__(max_retries)
        _require_numbers(delay=delay)
        _require(delay >= 0, "delay must be >= 0", delay)
        self.delay = delay

    def get_delay(self, attempt: int) -> float:
        return self.delay if attempt > 0 else 0.0


def retry_sync(
    func: Callable[..., ResultT],
    *args: Any,
    policy: RetryPolicy | None = None,
    sleep: Callable[[float], None] = time.sleep,
    **kwargs: Any,
) -> ResultT:
    """Call `func` until it returns, and return its result; raise its last error unwrapped.

    Retries after every ``Exception``, and so only what may safely run twice.

    Args:
        func: Called with `args` and `kwargs`.
        args: For `func`.
        policy: ``ExponentialBackoff()`` if None.
        sleep: Waits that many seconds, in the caller's thread.
        kwargs: For `func`; it cannot be given a ``policy`` or ``sleep`` of its own.

    Raises:
        TypeError: `func` cannot be called, or is async; found before the call if possible.
    """
    if not callable(func):
        raise TypeError(f"retry_sync: needs a function to call, found {func!r}")
    if is_async(func):
        raise _async_error(func, "is async")
    policy = policy or ExponentialBackoff()
    attempt = 1
    while True:
        try:
            result = func(*args, **kwargs)
        except Exception:
            if not policy.should_retry(attempt):
                raise
        else:
            if is_awaitable(result):
                raise _async_error(func, "returned an awaitable")
            return result
        sleep(policy.get_delay(attempt))
        attempt += 1


def _async_error(func: Callable[..., object], problem: str) -> TypeError:
    return TypeError(
        f"retry_sync: {name_of(func)!r} {problem}, so that its failures come later and nothing "
        "is retried; await it in a loop that asks policy.should_retry and policy.get_delay"
    )


def _require_numbers(**named: object) -> None:
    for name, found in named.items():
        if isinstance(found, bool) or not isinstance(found, Real):
            raise ValueError(f"{name} must be a number, found {found!r}")


def _require(is_valid: bool, rule: str, found: float) -> None:
    if not is_valid:
        raise ValueError(f"{rule}, found {found!r}")


def _require_delays(initial_delay: float, max_delay: float) -> None:
    _require_numbers(initial_delay=initial_delay, max_delay=max_delay)
    _require(initial_delay > 0, "initial_delay must be > 0", initial_delay)
    _require(max_delay >= initial_delay, "max_delay must be >= initial_delay", max_delay)
