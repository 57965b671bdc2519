"""A table as it is declared: the row class, the key, the indexes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from orchestrix.messaging import Event
from orchestrix.read_models.column import Column, columns_of
from orchestrix.read_models.definition import TableDefinition
from orchestrix.read_models.errors import TableDeclarationError
from orchestrix.read_models.prefetch import KeyFunction, Prefetch
from orchestrix.read_models.row_codec import RowCodec
from orchestrix.read_models.sql_name import problem_of, snake_case

RowT = TypeVar("RowT")


class TableDeclaration(Generic[RowT]):
    """What is known of a table without any store.

    Attributes:
        row_class: The dataclass of its rows.
        name: The table's name.
        definition: What stores are told.
        codec: Rows to stored rows and back.
        prefetch: Which keys the handlers of an event will ask for.
        cached_rows: The most rows to keep in memory between two slices of a batch, at least 1.
    """

    def __init__(
        self,
        row_class: type[RowT],
        *,
        key: str | Sequence[str],
        name: str | None = None,
        indexes: Sequence[str | Sequence[str]] = (),
        prefetch: Mapping[type[Event], KeyFunction] | None = None,
        cached_rows: int = 10_000,
    ) -> None:
        self.row_class = row_class
        self.name = snake_case(getattr(row_class, "__name__", "?")) if name is None else name
        if problem := problem_of(self.name):
            raise TableDeclarationError(f"{self.name}", f"{problem}; give it a name=...")
        columns = columns_of(row_class, self.name)
        keys = self._group("key", columns, key)
        if isinstance(indexes, str):
            raise self._problem(f"indexes is a list of columns, found the text {indexes!r}")
        groups = tuple(self._group("index", columns, each) for each in indexes)
        self._check_cached_rows(cached_rows)
        self.definition = TableDefinition(
            self.name,
            tuple(each.definition for each in columns),
            keys,
            tuple(dict.fromkeys(each for each in groups if each != keys)),
        )
        self.codec = RowCodec(row_class, self.name, columns, keys)
        self.prefetch = Prefetch(prefetch or {}, len(keys), self.name)
        self.cached_rows = cached_rows

    def _group(
        self, what: str, columns: Sequence[Column], names: str | Sequence[str]
    ) -> tuple[str, ...]:
        group = (names,) if isinstance(names, str) else tuple(names)
        by_name = {each.name: each for each in columns}
        if not group or len(set(group)) < len(group):
            raise self._problem(f"{what} names one or more columns, each once; found {group!r}")
        for each in group:
            if each not in by_name:
                listed = ", ".join(by_name)
                raise self._problem(f"{what} names {each!r}, and the columns are {listed}")
            for problem in _problems(what, by_name[each]):
                raise self._problem(problem)
        return group

    def _check_cached_rows(self, found: object) -> None:
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise self._problem(f"cached_rows is a whole number from 1 on, found {found!r}")

    def _problem(self, problem: str) -> TableDeclarationError:
        return TableDeclarationError(self.name, problem)


def _problems(what: str, column: Column) -> Iterator[str]:
    if not column.form.is_key:
        yield (
            f"{what} column {column.name!r} holds {column.form.kind}, whose stored form is not "
            "found or ordered as its values are; use str, int, bool, UUID, date, datetime or Enum"
        )
    if what == "key" and column.optional:
        yield f"key column {column.name!r} may be None; a key has all of its values"
