"""Errors: one root, a sentence each, and fit to be sent to another process."""

import copy
import pickle

import pytest

import orchestrix.process_manager
from orchestrix.messaging import OrchestrixError
from orchestrix.process_manager import (
    CompensationError,
    InvalidArguments,
    InvalidSaga,
    SagaError,
    SagaFailed,
    SagaInUse,
    SagaMismatch,
    UnstorableValue,
)

SENTENCES = {
    InvalidSaga("saga 'order' has no steps"): "saga 'order' has no steps",
    InvalidArguments("1", ["a", "b"], "rename them"): "saga '1', arguments 'a', 'b': rename them",
    SagaMismatch("1", "'x' with the steps 'a'", "'y' with the steps 'a'"): (
        "saga '1' was begun as 'x' with the steps 'a', and this one is 'y' with the steps 'a'; "
        "give it the type and the steps that it was begun with, or a new id"
    ),
    SagaInUse("1"): "saga '1' is executed already; wait for the end of that call",
    SagaFailed("1", "ValueError: no"): (
        "saga '1' has failed (ValueError: no) and is not run again; mend what hindered it and "
        "execute a saga with a new id"
    ),
    CompensationError("1", ValueError("no"), {"b": OSError("gone"), "a": KeyError("x")}): (
        "saga '1' failed, and so did the compensation of 'b', 'a': what these steps did stands; "
        "see .failures, mend it and execute the saga again to try them again"
    ),
    UnstorableValue("1", "argument 'lock'"): (
        "saga '1': argument 'lock' cannot be copied, so it cannot be kept; use plain values, and "
        "let actions find connections and locks by themselves"
    ),
}


def by_class(error: object) -> str:
    return type(error).__name__ if isinstance(error, Exception) else ""


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.items(), ids=by_class)
def test_an_error_says_what_to_do_next(error: Exception, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("error", SENTENCES, ids=by_class)
def test_an_error_survives_pickling_and_copying(error: Exception) -> None:
    for restored in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - made here
        assert type(restored) is type(error)
        assert str(restored) == str(error)
        assert repr(vars(restored)) == repr(vars(error))


def test_one_except_catches_every_error() -> None:
    offered = map(vars(orchestrix.process_manager).get, orchestrix.process_manager.__all__)
    errors = {each for each in offered if isinstance(each, type) and issubclass(each, Exception)}

    assert errors == {SagaError, *map(type, SENTENCES)}
    assert all(issubclass(each, SagaError) for each in errors)
    assert issubclass(SagaError, OrchestrixError)
