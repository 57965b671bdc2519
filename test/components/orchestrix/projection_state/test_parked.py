"""When a key that was set aside is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrix.projection_state import NotParked, ParkedKey

FAILED = datetime(2026, 11, 1, tzinfo=UTC)


def parked(delay: float | None) -> ParkedKey:
    return ParkedKey(
        projection_id="balances", key="account-1", position=7, since=FAILED, attempts=1,
        error="ValueError: no", failed_at=FAILED, delay=delay,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "due"), [(0, False), (9.9, False), (10, True), (1e6, True), (-1, True)]
)
def test_a_key_is_due_after_its_delay_or_when_the_clock_went_back(
    seconds: float, due: bool
) -> None:
    key = parked(delay=10)

    assert key.status == "retrying"
    assert key.is_due(FAILED + timedelta(seconds=seconds)) is due


def test_without_a_delay_a_key_is_due_at_once() -> None:
    assert parked(delay=0).is_due(FAILED)


def test_a_key_that_waits_for_somebody_is_never_due() -> None:
    key = parked(delay=None)

    assert key.status == "parked"
    assert not key.is_due(FAILED + timedelta(days=1000))


def test_who_asks_for_a_key_that_is_not_set_aside_is_told() -> None:
    error = NotParked("balances", "account-1")

    assert "has set no event with the key 'account-1' aside" in str(error)
