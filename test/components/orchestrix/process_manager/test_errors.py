"""Errors: one root, a sentence each, and fit to be sent to another process."""

import copy
import pickle

import pytest

import orchestrix.process_manager
from orchestrix.messaging import OrchestrixError
from orchestrix.process_manager import (
    CommandsUnanswered,
    CompensationError,
    HandlerCancelled,
    InvalidArguments,
    InvalidProcess,
    InvalidSaga,
    OutcomeNotFollowed,
    ProcessError,
    ProcessNotEnded,
    SagaError,
    SagaFailed,
    SagaInUse,
    SagaMismatch,
    UnknownProcess,
    UnstorableValue,
    WrongStatus,
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
    InvalidProcess("why"): "why",
    HandlerCancelled("why"): "why",
    OutcomeNotFollowed("orders", "7"): (
        "process manager 'orders': what became of a step of process '7' is in the log, and its row "
        "does not follow; look at the parked keys of projection 'process:orders'"
    ),
    UnknownProcess("orders", "7"): (
        "process manager 'orders' knows no process '7'; look at the id, and let the runner catch "
        "up with the event that starts it"
    ),
    WrongStatus("7", "completed", "one that is running can be asked for that"): (
        "process '7' is completed; only one that is running can be asked for that"
    ),
    CommandsUnanswered({"7": OSError("away"), "8": OSError("gone")}): (
        "process '7', and 1 more: its command was neither taken nor refused (OSError: away); "
        "mend that and run the processes again"
    ),
    ProcessNotEnded("7", "after 2 seconds: it is running"): (
        "process '7' has not ended after 2 seconds: it is running"
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

    assert errors == {SagaError, ProcessError, *map(type, SENTENCES)}
    assert all(issubclass(each, (SagaError, ProcessError)) for each in errors)
    assert issubclass(SagaError, OrchestrixError)
    assert issubclass(ProcessError, OrchestrixError)
