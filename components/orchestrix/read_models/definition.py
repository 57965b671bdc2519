"""What a stored table looks like, as a value that stores keep beside it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Plain: TypeAlias = str | int | float | bytes | None
"""What a store is given for one column of one row."""

StoredKey: TypeAlias = tuple[Plain, ...]
"""A key in the form that is stored: a value for each key column, in the key's order."""

StoredRow: TypeAlias = tuple[Plain, ...]
"""A value for each column, in the definition's order, then the row's segment key or None."""

Kind = Literal[
    "str", "int", "float", "bool", "bytes", "decimal", "datetime", "date", "uuid", "json"
]
"""How a column's values are stored: ``str``, ``decimal``, ``datetime``, ``date``, ``uuid`` and
``json`` as text, ``int`` and ``bool`` as integers of 64 bits, the others as they are."""


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One column.

    Attributes:
        name: The column's name, at most 48 ASCII letters, digits and underscores.
        kind: How its values are stored.
        optional: Whether None is a value.
        default: The value, in stored form, that rows get which were written before the column
            was there: a tuple of one; empty: there is none.
    """

    name: str
    kind: Kind
    optional: bool = False
    default: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """One table.

    Attributes:
        name: The table's name, at most 48 ASCII letters, digits and underscores. Two names that
            differ by case only are one.
        columns: The columns; one or more.
        key: Names of the columns that tell rows apart, and order them.
        indexes: Names of the columns of each index.
    """

    name: str
    columns: tuple[ColumnDefinition, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    def column(self, name: str) -> ColumnDefinition:
        """Return a column by its name; raises KeyError when there is none."""
        for each in self.columns:
            if each.name == name:
                return each
        raise KeyError(name)

    def key_of(self, row: Sequence[Plain]) -> StoredKey:
        """Return the key of a stored row."""
        places = {each.name: place for place, each in enumerate(self.columns)}
        return tuple(row[places[name]] for name in self.key)

    def to_json(self) -> str:
        """Return this as JSON, which :meth:`from_json` reads."""
        columns = [_column_as_json(each) for each in self.columns]
        return json.dumps(
            {"name": self.name, "columns": columns, "key": self.key, "indexes": self.indexes}
        )

    @classmethod
    def from_json(cls, text: str) -> "TableDefinition":
        """Return the definition whose :meth:`to_json` gave `text`."""
        found = json.loads(text)
        return cls(
            found["name"],
            tuple(_column_of_json(each) for each in found["columns"]),
            tuple(found["key"]),
            tuple(tuple(each) for each in found["indexes"]),
        )


def _column_as_json(column: ColumnDefinition) -> dict[str, Any]:
    default = [_default_as_json(each) for each in column.default]
    found = {"name": column.name, "kind": column.kind, "optional": column.optional}
    return found | ({"default": default} if default else {})


def _default_as_json(value: Plain) -> str | int | None:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return repr(value) if isinstance(value, float) else value  # JSON has no infinity


def _column_of_json(found: dict[str, Any]) -> ColumnDefinition:
    kind, default = found["kind"], found.get("default", ())
    values = tuple(_default_of_json(kind, each) for each in default)
    return ColumnDefinition(found["name"], kind, found["optional"], values)


def _default_of_json(kind: Kind, value: Any) -> Plain:
    if value is None:
        return None
    match kind:
        case "bytes":
            return b64decode(value)
        case "float":
            return float(value)
        case _:
            return value
