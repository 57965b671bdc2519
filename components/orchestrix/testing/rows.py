"""How the rows of a table differ."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from orchestrix.read_models import TableDeclaration
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.texts import expected_and_found, joined, shown

RowT = TypeVar("RowT")


def difference(
    table: TableDeclaration[RowT], expected: Sequence[RowT], found: Sequence[RowT]
) -> str:
    """Return how `found` differs from `expected`, in any order; an empty text when it does not."""
    one, other = _by_key(table, expected), _by_key(table, found)
    lines: list[str] = []
    for key, row in one.items():
        if key not in other:
            lines.append(f"- row {_name(key)}, expected and missing: {shown(row)}")
        elif (row,) != (other[key],):
            lines += [f"  row {_name(key)}: {type(row).__qualname__}", *_fields(row, other[key])]
    for key, row in other.items():
        if key not in one:
            lines.append(f"+ row {_name(key)}, found and not expected: {shown(row)}")
    title = f"other rows than expected in table {table.name!r}: {len(one)} expected, "
    return joined(f"{title}{len(other)} found", lines) if lines else ""


def _by_key(table: TableDeclaration[RowT], rows: Sequence[RowT]) -> dict[tuple[Any, ...], RowT]:
    found: dict[tuple[Any, ...], RowT] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, table.row_class):
            raise InvalidScenario(
                f"then_rows: number {number} is {shown(row)}, which is no "
                f"{table.row_class.__qualname__}, a row of table {table.name!r}; write the rows "
                "one by one, or *rows"
            )
        key = tuple(getattr(row, name) for name in table.definition.key)
        if key in found:
            raise InvalidScenario(f"then_rows: two rows have the key {_name(key)}; leave out one")
        found[key] = row
    return found


def _name(key: tuple[Any, ...]) -> str:
    return shown(key[0] if len(key) == 1 else key)


def _fields(one: Any, other: Any) -> list[str]:
    lines = [
        line
        for each in fields(one)
        if (getattr(one, each.name),) != (getattr(other, each.name),)
        for line in expected_and_found(
            each.name, getattr(one, each.name), getattr(other, each.name)
        )
    ]
    return lines or expected_and_found("it", one, other)
