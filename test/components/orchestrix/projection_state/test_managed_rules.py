"""What may be asked of a managed state store: pure rules."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.messaging import OrchestrixError
from orchestrix.projection_state import (
    InvalidArgument,
    Lease,
    ParkedKey,
    check_desired_status,
    check_request,
    check_slice,
    check_taking,
    checked_parked,
    in_utc,
)

LEASE = Lease(projection_id="p", holder="one", token=1, beat=0, seconds=10)

zones = st.builds(
    lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-23 * 60, 23 * 60)
)
times = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - bounds have no offset
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - the same
    timezones=zones,
)
things = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(times)
def test_a_time_in_utc_is_the_same_moment(time: datetime) -> None:
    assert in_utc("at", time) == time
    assert in_utc("at", time).tzinfo is UTC


@given(times, times, st.none() | st.floats(0, 1e300), st.integers(0), st.integers(1))
def test_a_key_is_kept_as_it_is_its_times_in_utc(
    since: datetime, failed_at: datetime, delay: float | None, attempts: int, position: int
) -> None:
    parked = ParkedKey(
        projection_id="p", key="k", position=position, since=since, attempts=attempts,
        error="", failed_at=failed_at, delay=delay,
    )  # fmt: skip

    checked = checked_parked("p", parked)

    assert checked == parked
    assert checked.since.tzinfo is checked.failed_at.tzinfo is UTC
    assert checked_parked("p", checked) == checked


@given(things, things)
def test_a_slice_is_two_whole_numbers_from_0_and_1_on(after_position: Any, limit: Any) -> None:
    is_slice = (
        type(after_position) is int and after_position >= 0 and type(limit) is int and limit >= 1
    )
    if is_slice:
        check_slice(after_position, limit)
    else:
        with pytest.raises(InvalidArgument, match=r"is a whole number from [01] on, found"):
            check_slice(after_position, limit)


@given(things)
def test_a_lease_lasts_a_finite_time(seconds: Any) -> None:
    is_time = type(seconds) in (int, float) and 0 < seconds < float("inf")
    if is_time:
        check_taking("p", "one", seconds, None)
        check_taking("p", "one", seconds, LEASE)
    else:
        with pytest.raises(InvalidArgument, match="seconds is a finite number above 0, found"):
            check_taking("p", "one", seconds, None)


def test_a_number_that_no_float_can_say_is_not_finite() -> None:
    with pytest.raises(InvalidArgument, match="seconds is a finite number above 0"):
        check_taking("p", "one", 10**400, None)


def test_a_lease_is_somebodys_and_the_one_of_its_projection() -> None:
    for holder in ("", None, 1):
        with pytest.raises(InvalidArgument, match="holder is a text, not empty; found"):
            check_taking("p", holder, 1, None)  # type: ignore[arg-type] - on purpose
    with pytest.raises(InvalidArgument, match="'p' as it was read, or None; found that of 'q'"):
        check_taking("p", "one", 1, replace(LEASE, projection_id="q"))


def test_what_can_be_asked_for_is_named_to_who_asks_for_something_else() -> None:
    for request in ("retry", "discard"):
        check_request(request)
    for status in ("running", "paused"):
        check_desired_status(status)

    for wrong in ("Retry", "", None, "running"):
        with pytest.raises(InvalidArgument, match=f"is 'retry' or 'discard', found {wrong!r}"):
            check_request(wrong)  # type: ignore[arg-type] - on purpose
    with pytest.raises(InvalidArgument, match="is 'running' or 'paused', found 'retry'"):
        check_desired_status("retry")  # type: ignore[arg-type] - on purpose


def test_the_error_is_a_value_error_of_ours_and_survives_a_trip_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(InvalidArgument("limit is 1")))  # noqa: S301 - our own

    assert str(error) == "limit is 1"
    assert isinstance(error, OrchestrixError)
    assert isinstance(error, ValueError)
