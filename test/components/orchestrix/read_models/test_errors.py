import copy
import pickle

import pytest

from orchestrix.messaging import OrchestrixError
from orchestrix.read_models import (
    CrossSegmentWrite,
    NoBatch,
    NoTableStore,
    QueryError,
    ReadModelError,
    RowError,
    SchemaChanged,
    TableDeclarationError,
    TableTaken,
    UnreadableRow,
)

ERRORS = {
    TableDeclarationError("t", "no key"): "table 't': no key",
    NoTableStore("t", "Plain"): (
        "table 't' needs a state store that keeps tables: open_sqlite_projections(file) or "
        "InMemoryProjections(); found Plain"
    ),
    NoBatch("t"): (
        "table 't' is used outside a batch; use it in a handler of an engine that declares it in "
        "tables=[...], before that batch ends, or read it with store.table(...).get(...)"
    ),
    QueryError("t", "no index"): "table 't': no index",
    RowError("t", "'a'", "n", "expected int"): "table 't', row 'a', column 'n': expected int",
    RowError("t", "'a'", None, "no"): "table 't', row 'a': no",
    UnreadableRow("t", "'a'", "n", "expected int"): (
        "table 't', row 'a', column 'n' cannot be read back: expected int; mend the stored value, "
        "or raise the engine's version and replay"
    ),
    SchemaChanged("t", ["one", "two"]): (
        "table 't' is stored in another shape: one; two. Raise the engine's version and replay"
    ),
    TableTaken("t", "p", "q"): (
        "table 't' belongs to projection 'p', and 'q' declares one of that name; give one of them "
        "another name=..., or keep them in two stores"
    ),
    CrossSegmentWrite("t", "'a'", "one", "two"): (
        "table 't': row 'a' belongs to segment key 'one', and an event of 'two' writes it; let "
        "rows be written by events of one key, or give the engine a key function that puts these "
        "events together"
    ),
}


@pytest.mark.parametrize(("error", "sentence"), ERRORS.items(), ids=lambda x: type(x).__name__)
def test_an_error_is_a_sentence_and_survives_a_trip_to_another_process(
    error: ReadModelError, sentence: str
) -> None:
    for each in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert str(each) == sentence
        assert vars(each) == vars(error)
        assert isinstance(each, ReadModelError)
        assert isinstance(each, OrchestrixError)


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        (TableDeclarationError, TypeError),
        (TableDeclarationError, ValueError),
        (NoTableStore, ValueError),
        (NoBatch, RuntimeError),
        (QueryError, ValueError),
        (RowError, ValueError),
    ],
)
def test_a_bug_of_the_caller_is_a_builtin_error_too(cls: type, base: type) -> None:
    assert issubclass(cls, base)
