"""What the errors of the stores say, and that they survive a journey between processes."""

import copy
import pickle

import pytest

from orchestrix.eventsourcing import (
    ConcurrencyError,
    DuplicateEvent,
    EventStoreError,
    InvalidAppend,
    InvalidRange,
)
from orchestrix.messaging import OrchestrixError

ERRORS = [
    ConcurrencyError("account-1", 3, 5),
    DuplicateEvent("e-1", "account-1", "stands twice in this append"),
    InvalidAppend("a stream id is a text, not empty; found ''"),
    InvalidRange("limit is a whole number from 1 on, found 0"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_and_copying(error: EventStoreError) -> None:
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own bytes
        assert type(copied) is type(error)
        assert (str(copied), vars(copied), copied.args) == (str(error), vars(error), error.args)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_one_except_catches_whatever_a_store_raises(error: EventStoreError) -> None:
    assert isinstance(error, EventStoreError)
    assert isinstance(error, OrchestrixError)


def test_a_bug_of_the_caller_is_also_a_value_error() -> None:
    assert [isinstance(error, ValueError) for error in ERRORS] == [False, False, True, True]


def test_a_concurrency_error_says_who_expected_what_and_what_to_do() -> None:
    error = ConcurrencyError("account-1", -1, 5)

    assert (error.aggregate_id, error.expected_version, error.actual_version) == (
        "account-1", -1, 5,
    )  # fmt: skip
    assert str(error) == (
        "stream 'account-1': expected version -1, found 5 (-1 means no stream); "
        "reload the stream and retry"
    )


def test_a_duplicate_says_which_event_where_and_what_to_do() -> None:
    error = DuplicateEvent("e-1", "account-2", "is in stream 'account-1'")

    assert (error.event_id, error.stream_id) == ("e-1", "account-2")
    assert error.found == "is in stream 'account-1'"
    assert str(error) == (
        "append to stream 'account-2': event id 'e-1' is in stream 'account-1'; "
        "repeat an append whole and in its order, and give new events new ids"
    )
