import copy
import pickle

import pytest

from orchestrix.messaging import (
    HandlerError,
    NoHandler,
    OrchestrixError,
    SubscriptionError,
    TooManyHandlers,
)

ERRORS = [
    HandlerError("Opened", "all_handlers", ExceptionGroup("all", [ValueError("one")])),
    NoHandler("Open"),
    TooManyHandlers("Open", ["first", "second"]),
    SubscriptionError("Opened", "handler", "is async; use another bus"),
]

SENTENCES = [
    "handler 'all_handlers' failed for message type 'Opened': all: ValueError('one'); "
    "see .original_error for the whole of it, mend it and publish again",
    "no handler for command 'Open'; subscribe one to its class before sending",
    "command 'Open' has 2 handlers (first, second) and needs exactly one; "
    "unsubscribe the others, or publish an event if several must hear it",
    "handler 'handler' for 'Opened' is async; use another bus",
]


def by_class(error: Exception) -> str:
    return type(error).__name__


@pytest.mark.parametrize("error", ERRORS, ids=by_class)
def test_one_except_catches_every_error(error: Exception) -> None:
    assert isinstance(error, OrchestrixError)


@pytest.mark.parametrize(("error", "sentence"), list(zip(ERRORS, SENTENCES, strict=True)))
def test_an_error_says_what_to_do_next(error: Exception, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("error", ERRORS, ids=by_class)
def test_an_error_survives_pickling_and_copying(error: Exception) -> None:
    for restored in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - made here
        assert type(restored) is type(error)
        assert str(restored) == str(error)
        assert restored.__dict__.keys() == error.__dict__.keys()


def test_the_names_of_several_handlers_may_come_from_a_generator() -> None:
    error = TooManyHandlers("Open", (name for name in ("first", "second")))

    assert pickle.loads(pickle.dumps(error)).handler_names == ("first", "second")  # noqa: S301 - made here


def test_a_handler_of_the_wrong_kind_is_also_a_type_error() -> None:
    assert issubclass(SubscriptionError, TypeError)


class Unspeakable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no words")


MANY = [ValueError(f"no. {number}") for number in range(5)]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (OSError("disk full"), ": OSError('disk full'); see"),
        (
            ExceptionGroup("all", MANY),
            ": all: ValueError('no. 0'), ValueError('no. 1'), ValueError('no. 2') and 2 more; see",
        ),
        (ExceptionGroup("all", MANY[:3]), "ValueError('no. 2'); see"),
        (ExceptionGroup("all", [ExceptionGroup("in", [KeyError("id")])]), "KeyError('id')"),
        (ValueError("x" * 1000), "xxx...xxx"),
        (ExceptionGroup("all", [Unspeakable(), KeyError("id")]), ", KeyError('id'); see"),
    ],
    ids=["one", "five", "three", "nested", "long", "unspeakable"],
)
def test_the_error_of_handlers_names_the_causes_in_short(cause: Exception, text: str) -> None:
    sentence = str(HandlerError("Opened", "all_handlers", cause))

    assert text in sentence
    assert len(sentence) < 300
