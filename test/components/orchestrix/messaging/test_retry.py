import asyncio
import functools
import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.messaging import (
    ExponentialBackoff,
    FixedDelay,
    LinearBackoff,
    NoRetry,
    RetryPolicy,
    retry_sync,
)

UNTYPED: Any = "1"


def delays(policy: RetryPolicy, attempts: int = 5) -> list[float]:
    return [policy.get_delay(attempt) for attempt in range(1, attempts + 1)]


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - guards no secret


# policies


@pytest.mark.parametrize(
    "policy",
    [ExponentialBackoff(max_retries=2), LinearBackoff(max_retries=2), FixedDelay(max_retries=2)],
    ids=lambda policy: type(policy).__name__,
)
def test_a_policy_retries_max_retries_times(policy: RetryPolicy) -> None:
    assert [policy.should_retry(attempt) for attempt in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    "policy",
    [ExponentialBackoff(), LinearBackoff(), FixedDelay(), NoRetry()],
    ids=lambda policy: type(policy).__name__,
)
@pytest.mark.parametrize("attempt", [0, -1])
def test_before_the_first_failure_there_is_no_delay(policy: RetryPolicy, attempt: int) -> None:
    assert policy.get_delay(attempt) == 0


def test_no_retry_never_retries() -> None:
    assert NoRetry().should_retry(1) is False


def test_exponential_delays_double_up_to_the_limit() -> None:
    assert delays(ExponentialBackoff(max_delay=10, jitter=False)) == [1, 2, 4, 8, 10]


def test_linear_delays_grow_by_the_increment_up_to_the_limit() -> None:
    assert delays(LinearBackoff(initial_delay=1, increment=2, max_delay=6)) == [1, 3, 5, 6, 6]


def test_fixed_delays_stay() -> None:
    assert delays(FixedDelay(delay=0.5), 3) == [0.5, 0.5, 0.5]


def test_an_attempt_too_large_for_a_float_waits_the_limit() -> None:
    assert ExponentialBackoff(jitter=False).get_delay(100_000) == 60


@given(attempt=st.integers(1, 5000), seed=st.integers())
def test_jitter_stays_between_half_the_delay_and_all_of_it(attempt: int, seed: int) -> None:
    exact = ExponentialBackoff(max_delay=10, jitter=False).get_delay(attempt)
    delay = ExponentialBackoff(max_delay=10, random=seeded(seed)).get_delay(attempt)

    assert exact / 2 <= delay <= exact <= 10


def test_jitter_spreads_delays_even_at_the_limit() -> None:
    policy = ExponentialBackoff(max_delay=10)

    assert len({policy.get_delay(9) for _ in range(100)}) > 90


def test_two_callers_with_jitter_do_not_wait_the_same() -> None:
    assert delays(ExponentialBackoff()) != delays(ExponentialBackoff())


def test_a_seed_repeats_the_delays() -> None:
    first, second = (ExponentialBackoff(random=seeded(7)) for _ in range(2))

    assert delays(first) == delays(second)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: ExponentialBackoff(max_retries=-1), "max_retries must be >= 0"),
        (lambda: LinearBackoff(max_retries=-1), "max_retries must be >= 0"),
        (lambda: FixedDelay(max_retries=-1), "max_retries must be >= 0"),
        (lambda: ExponentialBackoff(initial_delay=0), "initial_delay must be > 0"),
        (lambda: ExponentialBackoff(initial_delay=math.nan), "initial_delay must be > 0"),
        (lambda: LinearBackoff(initial_delay=0), "initial_delay must be > 0"),
        (lambda: ExponentialBackoff(max_delay=0.5), "max_delay must be >= initial_delay"),
        (lambda: LinearBackoff(max_delay=0.5), "max_delay must be >= initial_delay"),
        (lambda: ExponentialBackoff(multiplier=0), "multiplier must be > 0"),
        (lambda: LinearBackoff(increment=-1), "increment must be >= 0"),
        (lambda: FixedDelay(delay=-1), "delay must be >= 0"),
        (lambda: FixedDelay(delay=UNTYPED), "^delay must be a number, found '1'"),
        (lambda: FixedDelay(delay=True), "^delay must be a number, found True"),
        (lambda: FixedDelay(max_retries=UNTYPED), "^max_retries must be a number"),
        (lambda: LinearBackoff(increment=UNTYPED), "^increment must be a number"),
        (lambda: LinearBackoff(initial_delay=UNTYPED), "^initial_delay must be a number"),
        (lambda: ExponentialBackoff(max_delay=UNTYPED), "^max_delay must be a number"),
        (lambda: ExponentialBackoff(multiplier=UNTYPED), "^multiplier must be a number"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(make: Callable[[], Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        make()


def test_the_base_policy_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        RetryPolicy()  # pyright: ignore[reportAbstractUsage] - on purpose


# retry_sync


class Failing:
    """Fails so many times, then returns what it was given."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(f"failure {self.calls}")
        return args, kwargs


def test_the_result_of_the_call_is_returned() -> None:
    assert retry_sync(Failing(0), 1, key=2) == ((1,), {"key": 2})


def test_a_call_is_repeated_until_it_succeeds_with_the_delays_of_the_policy() -> None:
    slept: list[float] = []
    policy = LinearBackoff(max_retries=3)

    assert retry_sync(Failing(2), 1, policy=policy, sleep=slept.append) == ((1,), {})
    assert slept == [1, 2]


def test_the_last_error_is_raised_as_it_is() -> None:
    slept: list[float] = []

    with pytest.raises(OSError, match="failure 3"):
        retry_sync(Failing(9), policy=FixedDelay(2, 0.5), sleep=slept.append)
    assert slept == [0.5, 0.5]


def test_no_retry_calls_once_and_never_sleeps() -> None:
    call, slept = Failing(1), list[float]()

    with pytest.raises(OSError, match="failure 1"):
        retry_sync(call, policy=NoRetry(), sleep=slept.append)
    assert (call.calls, slept) == (1, [])


def test_without_a_policy_three_retries_are_made() -> None:
    call, slept = Failing(9), list[float]()

    with pytest.raises(OSError, match="failure 4"):
        retry_sync(call, sleep=slept.append)
    assert len(slept) == 3


def test_what_ends_the_program_is_not_retried() -> None:
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry_sync(interrupt, sleep=lambda _: None)
    assert len(calls) == 1


# retry_sync and async functions


async def fetch() -> str:
    raise OSError("down")


class Fetching:
    async def __call__(self) -> str:
        return await fetch()


@pytest.mark.parametrize("func", [fetch, functools.partial(fetch), Fetching()])
def test_an_async_function_is_refused_without_a_call(func: Callable[[], object]) -> None:
    name = "Fetching" if isinstance(func, Fetching) else "fetch"

    with pytest.raises(TypeError, match=f"'{name}' is async, .*policy.should_retry"):
        retry_sync(func)


def test_an_awaitable_result_is_refused_once_and_leaves_no_warning() -> None:
    calls: list[int] = []

    def hidden() -> Any:
        calls.append(1)
        return fetch()

    with pytest.raises(TypeError, match=r"hidden' returned an awaitable, .*nothing is retried"):
        retry_sync(hidden, sleep=lambda _: None)
    assert len(calls) == 1


async def test_a_future_is_refused_and_left_to_its_owner() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    with pytest.raises(TypeError, match="returned an awaitable"):
        retry_sync(lambda: future, sleep=lambda _: None)
    assert not future.cancelled()


@pytest.mark.parametrize("func", [None, 3, "fetch"])
def test_what_cannot_be_called_is_refused_without_a_retry(func: Any) -> None:
    slept: list[float] = []

    with pytest.raises(TypeError, match=f"needs a function to call, found {func!r}"):
        retry_sync(func, sleep=slept.append)
    assert slept == []
