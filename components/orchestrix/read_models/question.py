"""Questions to a table, checked and in stored form."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrix.read_models.definition import Plain, StoredKey, TableDefinition
from orchestrix.read_models.errors import QueryError
from orchestrix.read_models.row_codec import RowCodec


class Question(NamedTuple):
    """What ``TableRows.find`` is asked."""

    where: Mapping[str, Plain]
    after: StoredKey | None
    limit: int | None


def question(
    definition: TableDefinition,
    codec: RowCodec[Any],
    where: Mapping[str, Any] | None,
    limit: int | None,
    after: Any,
) -> Question:
    """Return a question in stored form.

    Raises:
        QueryError: Columns without an index, a limit or a key that are none.
        RowError: A value of the wrong type.
    """
    asked = dict(where or {})
    _check_columns(definition, asked)
    if limit is not None and (type(limit) is not int or limit < 0):
        raise QueryError(definition.name, f"limit is a whole number from 0 on, found {limit!r}")
    values = {name: codec.value(name, value) for name, value in asked.items()}
    key = None if after is None else codec.key(_key_values(after))
    return Question(values, key, limit)


def _check_columns(definition: TableDefinition, asked: Mapping[str, Any]) -> None:
    declared = (definition.key, *definition.indexes)
    if any(set(asked) == set(each[: len(asked)]) for each in declared):
        return
    listed = ", ".join(f"({', '.join(each)})" for each in declared)
    raise QueryError(
        definition.name,
        f"it cannot be searched by ({', '.join(map(str, asked))}); it is by the beginnings of "
        f"{listed}: declare that in indexes=[...]",
    )


def _key_values(key: Any) -> list[Any]:
    """Return the values of a key given as one object: a tuple for a key of several columns."""
    return [*key] if isinstance(key, tuple) else [key]
