"""What can be declared as a table, and what is refused in words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, Generic, NewType, TypeVar
from uuid import UUID, uuid4

import pytest

from orchestrix.memory_store import InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import Event
from orchestrix.projection_state import InMemoryProjectionStateStore
from orchestrix.read_models import (
    ColumnDefinition,
    NoTableStore,
    Table,
    TableDeclarationError,
    TableDefinition,
)

AccountId = NewType("AccountId", str)


class Mood(Enum):
    GOOD = 1.5
    BAD = 2.5


class Rights(Flag):
    READ = 1
    WRITE = 2


@dataclass
class HTTPRequestLog:
    id: AccountId
    at: datetime | None = None
    mood: Mood = Mood.GOOD
    tags: list[str] = field(default_factory=list)
    token: UUID = field(default_factory=uuid4)
    ratio: float = 0
    rights: Rights = Rights.READ
    choice: int | str | None = 1


def test_a_declaration_is_what_stores_are_told() -> None:
    table = Table(HTTPRequestLog, key="id", indexes=["at", ("mood", "at"), "id", ["at"]])

    assert table.definition == TableDefinition(
        "http_request_log",
        (
            ColumnDefinition("id", "str"),
            ColumnDefinition("at", "datetime", True, (None,)),
            ColumnDefinition("mood", "str", False, ("GOOD",)),
            ColumnDefinition("tags", "json", False, ("[]",)),
            ColumnDefinition("token", "uuid"),
            ColumnDefinition("ratio", "float", False, (0.0,)),
            ColumnDefinition("rights", "int", False, (1,)),
            ColumnDefinition("choice", "json", True, ("1",)),
        ),
        ("id",),
        (("at",), ("mood", "at")),
    )
    assert repr(table) == "Table(HTTPRequestLog, name='http_request_log')"


@pytest.mark.parametrize(
    ("cls", "name"),
    [("Balance", "balance"), ("AccountBalance", "account_balance"), ("Top10List", "top10_list")],
)
def test_a_table_is_named_by_its_class(cls: str, name: str) -> None:
    assert Table(make_dataclass(cls, [("id", str)]), key="id").name == name


@pytest.mark.parametrize("name", ["a", "_", "Balance_2", "x" * 48])
def test_a_sound_name_is_taken(name: str) -> None:
    assert Table(make_dataclass("Row", [("id", str)]), key="id", name=name).name == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "ASCII letters, digits and underscores"),
        ("9lives", "does not begin with a digit; found '9lives'"),
        ("a-b", "found 'a-b'; give it a name="),
        ("straße", "found 'straße'"),
        ("a\n", "found"),
        ("x" * 49, "at most 48 characters"),
        ("sqlite_x", "names that begin with sqlite_, orchestrix_, pg_ are reserved"),
        ("Orchestrix_x", "reserved, found 'Orchestrix_x'"),
        (7, "a name is a text, found 7"),
    ],
)
def test_an_unsound_name_is_refused_in_words(name: Any, words: str) -> None:
    with pytest.raises(TableDeclarationError, match=words):
        Table(make_dataclass("Row", [("id", str)]), key="id", name=name)


ROW = make_dataclass(
    "Row",
    [
        ("id", str),
        ("other", int),
        ("amount", Decimal),
        ("ratio", float),
        ("blob", bytes),
        ("tags", list[str]),
        ("note", str | None),
        ("many", Decimal | None),
    ],
)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"key": "nobody"}, "key names 'nobody', and the columns are id, other, amount"),
        ({"key": ()}, "key names one or more columns, each once"),
        ({"key": ("id", "id")}, "each once; found"),
        ({"key": "note"}, "key column 'note' may be None; a key has all of its values"),
        ({"key": "amount"}, "key column 'amount' holds decimal, whose stored form is not found or"),
        ({"key": "ratio"}, "'ratio' holds float"),
        ({"key": "blob"}, "'blob' holds bytes"),
        ({"key": "tags"}, "'tags' holds json"),
        ({"key": "id", "indexes": ["amount"]}, "index column 'amount' holds decimal"),
        ({"key": "id", "indexes": ["many"]}, "index column 'many' holds decimal"),
        ({"key": "id", "indexes": [("id", "nobody")]}, "index names 'nobody'"),
        ({"key": "id", "indexes": "note"}, "indexes is a list of columns, found the text 'note'"),
        ({"key": "id", "cached_rows": 0}, "cached_rows is a whole number from 1 on, found 0"),
        ({"key": "id", "cached_rows": True}, "found True"),
        ({"key": "id", "prefetch": {str: len}}, "prefetch is by class of events, found <class"),
        ({"key": "id", "prefetch": {Event: "id"}}, "prefetch of Event is a function, found 'id'"),
    ],
)
def test_columns_that_cannot_serve_are_refused_in_words(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(TableDeclarationError, match=words):
        Table(ROW, **options)


def test_an_index_may_be_of_columns_that_may_be_none() -> None:
    assert Table(ROW, key=["id", "other"], indexes=["note"]).definition.indexes == (("note",),)


def row_of(hint: Any, **options: Any) -> type:
    return make_dataclass("Row", [("id", str), ("value", hint, field(**options))])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (dict, "a row is a dataclass, found <class 'dict'>"),
        ("Row", "a row is a dataclass, found 'Row'"),
        (make_dataclass("Row", []), "has no field"),
        (row_of(object), "'value' is of a type that no column can hold"),
        (row_of(Callable[[], int]), "'value' is of a type that no column can hold"),
        (row_of(InMemoryEventStore), "InMemoryEventStore is not a kind of data"),
        (row_of(list[InMemoryEventStore]), "InMemoryEventStore is not a kind of data"),
        (row_of(int, default="x"), "the default of field 'value': expected int, found 'x'"),
        (row_of(int, default=1, init=False), "to take its fields and nothing else; look at value"),
        (row_of(InitVar[int]), "look at value"),
        (make_dataclass("Row", [("id", str), ("straße", int)]), "field 'straße': a name has ASCII"),
        (make_dataclass("Row", [("id", str), ("ID", int)]), "two fields are called 'id' in any"),
        (make_dataclass("Row", [("id", str), ("orchestrix_x", int)]), "are reserved"),
        (make_dataclass("Row", [("id", str), ("x", "Nowhere")]), "name 'Nowhere' is not defined"),
    ],
    ids=str,
)
def test_a_class_that_cannot_be_a_row_is_refused_in_words(row: Any, words: str) -> None:
    with pytest.raises(TableDeclarationError, match=words):
        Table(row, key="id", name="row")


def test_a_row_may_be_generic_and_have_keyword_only_fields() -> None:
    T = TypeVar("T")

    @dataclass(kw_only=True, slots=True, frozen=True)
    class Row(Generic[T]):
        b: int
        id: str = ""

    codec = Table(Row, key="id").codec

    assert codec.decode(codec.encode(Row(b=1, id="x"), None)) == Row(b=1, id="x")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is of Python 3.12")
def test_a_type_statement_stands_for_its_type() -> None:
    names: dict[str, Any] = {}
    exec("type Id = str", names)  # noqa: S102 - Python 3.11 cannot read it

    assert Table(row_of(names["Id"]), key="value").definition.column("value").kind == "str"


def test_a_default_that_is_another_each_time_is_none() -> None:
    table = Table(row_of(UUID, default_factory=uuid4), key="id")

    assert table.definition.column("value").default == ()


def test_a_state_store_without_tables_is_refused_in_words() -> None:
    table = Table(ROW, key="id", name="balances")

    with pytest.raises(NoTableStore) as caught:
        table.opened("p", InMemoryProjectionStateStore())

    assert str(caught.value) == (
        "table 'balances' needs a state store that keeps tables: open_sqlite_projections(file) or "
        "InMemoryProjections(); found InMemoryProjectionStateStore"
    )
    assert isinstance(caught.value, ValueError)
    table.opened("p", InMemoryProjections())


def test_dates_and_times_are_told_apart() -> None:
    row = make_dataclass("Row", [("id", date), ("at", datetime)])
    codec = Table(row, key="id").codec
    value = row(date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC))

    assert codec.decode(codec.encode(value, None)) == value
