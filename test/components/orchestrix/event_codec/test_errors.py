import copy
import pickle
import re

import pytest

import orchestrix.event_codec
from orchestrix.event_codec import (
    AmbiguousEventType,
    CodecError,
    UnreadableEvent,
    UnstorableClass,
    UnstorableEvent,
    UpcasterError,
    UpcasterException,
    errors,
)
from orchestrix.messaging import OrchestrixError

SENTENCES: list[tuple[CodecError, str]] = [
    (
        AmbiguousEventType("opened", "bank.Opened", "shop.Opened"),
        "the event type 'opened' belongs to bank.Opened and to shop.Opened; "
        'name one of them otherwise: class Name(Event, type="another-name")',
    ),
    (
        UnstorableClass("bank.Opened", "owner", "complex is not a kind of data"),
        "bank.Opened, field 'owner': complex is not a kind of data; give the field a type of the "
        "standard library that is data (texts, numbers, times, enums, dataclasses and lists, "
        "tuples, sets or dicts of them)",
    ),
    (
        UnstorableEvent("7", "opened", "field 'owner' holds nan; use None"),
        "event '7' of type 'opened': field 'owner' holds nan; use None",
    ),
    (
        UnreadableEvent("opened", 1, "its class has version 2; register an upcaster"),
        "an event of type 'opened' stored in version 1 cannot be read: "
        "its class has version 2; register an upcaster",
    ),
    (UpcasterError("remove one"), "remove one"),
    (
        UpcasterException("Cannot downcast opened v2->v1", "opened", 2, 1),
        "Cannot downcast opened v2->v1",
    ),
]
ERRORS = [error for error, _ in SENTENCES]


def by_class(error: Exception) -> str:
    return type(error).__name__


def classes() -> dict[str, type[CodecError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, CodecError)
    }


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_an_error_says_which_thing_and_what_to_do_next(error: CodecError, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("error", ERRORS, ids=by_class)
def test_an_error_survives_pickling_and_copying(error: CodecError) -> None:
    for restored in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - made here
        assert type(restored) is type(error)
        assert str(restored) == str(error)
        assert restored.__dict__ == error.__dict__


@pytest.mark.parametrize("error", ERRORS, ids=by_class)
def test_one_except_catches_every_error(error: CodecError) -> None:
    assert isinstance(error, CodecError)
    assert isinstance(error, OrchestrixError)


@pytest.mark.parametrize(
    ("kind", "also"),
    [(UnstorableClass, TypeError), (UnstorableEvent, ValueError), (UpcasterError, ValueError)],
)
def test_a_bug_of_the_caller_is_also_an_error_of_python(
    kind: type[Exception], also: type[Exception]
) -> None:
    assert issubclass(kind, also)


def test_what_a_store_holds_is_no_bug_of_the_caller() -> None:
    assert not issubclass(UnreadableEvent, ValueError | TypeError)
    assert not issubclass(UpcasterException, ValueError | TypeError)


def test_each_error_has_its_attributes() -> None:
    assert [vars(error) for error in ERRORS] == [
        {"event_type": "opened", "first": "bank.Opened", "second": "shop.Opened"},
        {"cls": "bank.Opened", "field": "owner", "problem": "complex is not a kind of data"},
        {"event_id": "7", "event_type": "opened", "problem": "field 'owner' holds nan; use None"},
        {
            "event_type": "opened",
            "schema_version": 1,
            "problem": "its class has version 2; register an upcaster",
        },
        {},
        {
            "event_type": "opened",
            "source_version": 2,
            "target_version": 1,
        },
    ]


def test_whoever_raises_an_upcaster_exception_may_give_a_text_only() -> None:
    error = UpcasterException("no")

    assert str(error) == "no"
    assert (error.event_type, error.source_version, error.target_version) == ("", None, None)


def test_the_tree_in_the_docstring_lists_every_error() -> None:
    tree = re.findall(r"^ *\* (\w+)", errors.__doc__ or "", re.MULTILINE)

    assert tree[:2] == ["OrchestrixError", "CodecError"]
    assert sorted(tree[1:]) == sorted(classes())


def test_the_tree_in_the_docstring_says_which_are_errors_of_python_too() -> None:
    said = dict(re.findall(r"\* (\w+) .*\(also a (\w+)\)", errors.__doc__ or ""))
    true = {
        name: base.__name__
        for name, cls in classes().items()
        for base in cls.__bases__
        if base in {ValueError, TypeError}
    }

    assert said == true


def test_every_error_is_in_the_interface_and_tested_here() -> None:
    assert classes().keys() <= set(orchestrix.event_codec.__all__)
    assert {type(error) for error in ERRORS} | {CodecError} == set(classes().values())
