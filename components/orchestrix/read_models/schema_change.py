"""What differs between a stored table and the declared one, and whether that can be made good."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrix.read_models.definition import ColumnDefinition, TableDefinition


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """The way from a stored definition to the declared one.

    Attributes:
        relation: ``same``: there is nothing to do. ``extended``: add what is below to the stored
            table and drop the indexes. ``changed``: only a replay makes the one from the other.
        added: Columns to add, each with a default.
        added_indexes: Indexes to add.
        dropped_indexes: Indexes to drop.
        differences: What makes it ``changed``, each as a phrase.
    """

    relation: Literal["same", "extended", "changed"]
    added: tuple[ColumnDefinition, ...] = ()
    added_indexes: tuple[tuple[str, ...], ...] = ()
    dropped_indexes: tuple[tuple[str, ...], ...] = ()
    differences: tuple[str, ...] = ()


def schema_change(stored: TableDefinition, declared: TableDefinition) -> SchemaChange:
    """Compare a stored definition with the declared one of the same table.

    The order of columns does not count, since they are stored by name, nor do defaults, which
    are for columns that are added.
    """
    before = {each.name for each in stored.columns}
    added = tuple(each for each in declared.columns if each.name not in before)
    added_indexes = tuple(each for each in declared.indexes if each not in stored.indexes)
    dropped_indexes = tuple(each for each in stored.indexes if each not in declared.indexes)
    differences = tuple(_differences(stored, declared, added))
    if differences:
        return SchemaChange("changed", differences=differences)
    if added or added_indexes or dropped_indexes:
        return SchemaChange("extended", added, added_indexes, dropped_indexes)
    return SchemaChange("same")


def _differences(
    stored: TableDefinition, declared: TableDefinition, added: tuple[ColumnDefinition, ...]
) -> Iterator[str]:
    if stored.key != declared.key:
        yield f"its key is ({', '.join(stored.key)}), declared is ({', '.join(declared.key)})"
    for column in added:
        if not column.default:
            yield f"column {column.name!r} is new and has no default"
    columns = {each.name: each for each in declared.columns}
    for column in stored.columns:
        other = columns.get(column.name)
        if other is None:
            yield f"column {column.name!r} is stored and no longer declared"
        elif _type_of(column) != _type_of(other):
            yield f"column {column.name!r} holds {_type_of(column)}, declared is {_type_of(other)}"


def _type_of(column: ColumnDefinition) -> str:
    return f"{column.kind} or None" if column.optional else column.kind
