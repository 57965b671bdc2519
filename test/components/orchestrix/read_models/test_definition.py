"""Definitions as values: JSON and back, and what differs between two."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.read_models import ColumnDefinition, SchemaChange, TableDefinition, schema_change

DEFAULTS: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.integers(0, 1),
    "bytes": st.binary(),
    "json": st.just('{"a": [1]}'),
}


@st.composite
def columns(draw: st.DrawFn) -> ColumnDefinition:
    kind = draw(st.sampled_from(sorted(DEFAULTS)))
    default = draw(st.one_of(st.just(()), st.tuples(st.none() | DEFAULTS[kind])))
    name = draw(st.from_regex("[a-z]{1,3}", fullmatch=True))
    return ColumnDefinition(name, kind, draw(st.booleans()), default)  # type: ignore[arg-type]


@given(st.lists(columns(), min_size=1, max_size=5))
def test_a_definition_comes_back_from_json(made: list[ColumnDefinition]) -> None:
    names = tuple(each.name for each in made)
    definition = TableDefinition("things", tuple(made), names[:1], (names, names[-1:]))

    back = TableDefinition.from_json(definition.to_json())

    assert back == definition
    assert repr(back) == repr(definition), "0 is not 0.0"
    assert hash(back) == hash(definition)


ID = ColumnDefinition("id", "str")
N = ColumnDefinition("n", "int", default=(0,))
NOTE = ColumnDefinition("note", "str", optional=True, default=(None,))
BASE = TableDefinition("things", (ID, N), ("id",), (("n",),))


def shaped(
    *made: ColumnDefinition, key: tuple[str, ...] = ("id",), indexes: Any = (("n",),)
) -> Any:
    return TableDefinition("things", made, key, indexes)


@pytest.mark.parametrize(
    ("declared", "change"),
    [
        (BASE, SchemaChange("same")),
        (shaped(N, ID), SchemaChange("same")),
        (shaped(ID, ColumnDefinition("n", "int", default=(7,))), SchemaChange("same")),
        (shaped(NOTE, ID, N), SchemaChange("extended", added=(NOTE,))),
        (
            shaped(ID, N, indexes=(("n", "id"),)),
            SchemaChange("extended", added_indexes=(("n", "id"),), dropped_indexes=(("n",),)),
        ),
        (shaped(ID, N, indexes=()), SchemaChange("extended", dropped_indexes=(("n",),))),
        (
            shaped(ID, ColumnDefinition("n", "float"), ColumnDefinition("x", "str"), key=("n",)),
            SchemaChange(
                "changed",
                differences=(
                    "its key is (id), declared is (n)",
                    "column 'x' is new and has no default",
                    "column 'n' holds int, declared is float",
                ),
            ),
        ),
        (
            shaped(ID, NOTE),
            SchemaChange("changed", differences=("column 'n' is stored and no longer declared",)),
        ),
        (
            shaped(ID, ColumnDefinition("n", "int", optional=True)),
            SchemaChange("changed", differences=("column 'n' holds int, declared is int or None",)),
        ),
    ],
)
def test_a_change_of_schema_says_what_differs(
    declared: TableDefinition, change: SchemaChange
) -> None:
    assert schema_change(BASE, declared) == change


def test_a_definition_finds_its_columns_and_keys() -> None:
    definition = shaped(ID, N, key=("n", "id"))

    assert definition.column("n") is N
    assert definition.key_of(("a", 1, "segment")) == (1, "a")
    with pytest.raises(KeyError):
        definition.column("nobody")
