"""Rows to stored rows and back: one compiled function for each direction.

The functions are written for a row class as :mod:`dataclasses` writes its methods, since a loop
over columns would cost three times as much.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any, Generic, TypeVar

from orchestrix.read_models.column import Column
from orchestrix.read_models.definition import Plain, StoredKey, StoredRow
from orchestrix.read_models.errors import QueryError, RowError, UnreadableRow
from orchestrix.read_models.value_form import Misfit

RowT = TypeVar("RowT")


class RowCodec(Generic[RowT]):
    """The two directions of one row class.

    A stored row is read back by calling the class, so ``__init__`` and ``__post_init__`` run.

    Args:
        cls: The class.
        table: The table's name, for errors.
        columns: Its columns.
        key: Names of the key's columns.

    Attributes:
        table: The table's name.
    """

    def __init__(
        self, cls: type[RowT], table: str, columns: Sequence[Column], key: Sequence[str]
    ) -> None:
        self._cls = cls
        self.table = table
        self._columns = tuple(columns)
        by_name = {each.name: each for each in columns}
        self._key = tuple(by_name[name] for name in key)
        self._places = tuple(self._columns.index(each) for each in self._key)
        self._encode = _encoder(self._columns)
        self._decode = _decoder(cls, self._columns)
        self._encode_key = _key_encoder(self._key)
        self._encode_key_of = _key_encoder(self._key, of_row=True)

    def encode(self, row: RowT, segment_key: str | None) -> StoredRow:
        """Return the stored form of `row`.

        Raises:
            RowError: One of its values cannot be stored.
        """
        try:
            return self._encode(row, segment_key)
        except Exception as error:
            raise self._row_error(row, self._columns, error) from error

    def decode(self, stored: StoredRow) -> RowT:
        """Return a new row.

        Raises:
            UnreadableRow: The class does not take it.
        """
        try:
            return self._decode(stored)
        except Exception as error:
            raise self._unreadable(stored, error) from error

    def key(self, values: Sequence[Any]) -> StoredKey:
        """Return the stored form of a key.

        Raises:
            QueryError: It has another number of values than the key has columns.
            RowError: One of them cannot be stored.
        """
        try:
            return self._encode_key(values)
        except Exception as error:
            raise self._key_error(values, error) from error

    def key_of_row(self, row: RowT) -> StoredKey:
        """Return the stored form of a row's key, or raise RowError."""
        if type(row) is not self._cls:
            found = f"expected a {self._cls.__qualname__}, found {row!r:.80}"
            raise RowError(self.table, "?", None, f"{found} ({type(row).__qualname__})")
        try:
            return self._encode_key_of(row)
        except Exception as error:
            raise self._row_error(row, self._key, error) from error

    def key_of(self, stored: StoredRow) -> StoredKey:
        """Return the key of a stored row."""
        return tuple([stored[place] for place in self._places])

    def value(self, name: str, value: Any) -> Plain:
        """Return the stored form of a value of one column, or raise RowError."""
        column = next(each for each in self._columns if each.name == name)
        try:
            return column.encode(value)
        except Misfit as error:
            raise RowError(self.table, "?", name, str(error)) from error

    def shown(self, key: StoredKey) -> str:
        """Return a key for people."""
        return shown(key)

    def _row_error(self, row: RowT, columns: Sequence[Column], error: Exception) -> RowError:
        key = shown([getattr(row, each.name, "?") for each in self._key])
        for column in columns:
            try:
                column.encode(getattr(row, column.name))
            except Misfit as misfit:
                return RowError(self.table, key, column.name, str(misfit))
            except Exception as cause:  # noqa: BLE001 - it is the one that is looked for
                return RowError(self.table, key, column.name, f"it cannot be encoded: {cause!r}")
        return RowError(self.table, key, None, f"it cannot be encoded: {error!r}")

    def _key_error(self, values: Sequence[Any], error: Exception) -> QueryError | RowError:
        if len(values) != len(self._key):
            names = ", ".join(each.name for each in self._key)
            return QueryError(
                self.table, f"its key is ({names}), found {len(values)} values: {shown(values)}"
            )
        for column, value in zip(self._key, values, strict=True):
            try:
                column.encode(value)
            except Misfit as misfit:
                return RowError(self.table, shown(values), column.name, str(misfit))
        return RowError(self.table, shown(values), None, f"it cannot be encoded: {error!r}")

    def _unreadable(self, stored: StoredRow, error: Exception) -> UnreadableRow:
        key = shown(self.key_of(stored))
        for column, value in zip(self._columns, stored, strict=False):
            try:
                column.decode(value)
            except Exception as cause:  # noqa: BLE001 - it is the one that is looked for
                problem = (
                    str(cause) if isinstance(cause, Misfit) else f"{cause!r} for {value!r:.80}"
                )
                return UnreadableRow(self.table, key, column.name, problem)
        return UnreadableRow(self.table, key, None, f"{self._cls.__qualname__} raised {error!r}")


def shown(key: Sequence[object]) -> str:
    """Return a key for people: a text for one column, a tuple for several."""
    return f"{key[0]!r:.200}" if len(key) == 1 else f"{tuple(key)!r:.200}"


def _encoder(columns: Sequence[Column]) -> Callable[[Any, str | None], StoredRow]:
    lines = ["def made(row, segment_key):"]
    names = _names("c", columns)
    for name, column in names:
        lines.append(f"    {name} = row.{column.name}")
        lines += _encoding(name, column)
    lines.append(f"    return ({_listed(names)}segment_key,)")
    return _compiled(lines, columns)


def _key_encoder(key: Sequence[Column], *, of_row: bool = False) -> Callable[[Any], StoredKey]:
    names = _names("c", key)
    lines = ["def made(row):"]
    if of_row:
        lines += [f"    {name} = row.{column.name}" for name, column in names]
    else:
        lines.append(f"    {_listed(names)} = row")
    for name, column in names:
        lines += _encoding(name, column)
    lines.append(f"    return ({_listed(names)})")
    return _compiled(lines, key)


def _decoder(cls: type[RowT], columns: Sequence[Column]) -> Callable[[StoredRow], RowT]:
    names = _names("c", columns)
    lines = ["def made(stored):", f"    {_listed(names)} segment_key = stored"]
    for name, column in names:
        lines += _decoding(name, column)
    lines.append(f"    return cls({', '.join(_arguments(cls, names))})")
    return _compiled(lines, columns, cls=cls)


def _encoding(name: str, column: Column) -> Iterator[str]:
    form, slow = column.form, f"{name} = encode_{name}({name})"
    if form.cls is None:
        yield f"    {slow}"
        return
    short = form.short.format(v=name)
    test = "" if form.test == "True" else f" and {form.test.format(v=name)}"
    yield f"    if {name}.__class__ is class_{name}{test}: {name} = {short}"
    yield f"    elif {name} is not None: {slow}" if column.optional else f"    else: {slow}"


def _decoding(name: str, column: Column) -> Iterator[str]:
    slow, unless = f"{name} = decode_{name}({name})", f"if {name} is not None: "
    if column.form.stored is not None:
        yield f"    if {name}.__class__ is not stored_{name}: {slow}"
    else:
        yield f"    {unless if column.optional else ''}{slow}"


def _arguments(cls: type, names: Sequence[tuple[str, Column]]) -> Iterator[str]:
    parameters = list(inspect.signature(cls).parameters.values())
    by_place = True
    for place, (name, column) in enumerate(names):
        parameter = parameters[place] if place < len(parameters) else None
        by_place = by_place and (
            parameter is not None
            and parameter.name == column.name
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        )
        yield name if by_place else f"{column.name}={name}"


def _names(prefix: str, columns: Sequence[Column]) -> list[tuple[str, Column]]:
    return [(f"{prefix}{place}", column) for place, column in enumerate(columns)]


def _listed(names: Sequence[tuple[str, Column]]) -> str:
    return "".join(f"{name}, " for name, _ in names)


def _compiled(lines: Sequence[str], columns: Sequence[Column], **more: object) -> Any:
    """Return the function that `lines` define; nothing in them but names of fields is foreign."""
    known: dict[str, Any] = {"UTC": UTC, **more}
    for name, column in _names("c", columns):
        known |= {
            f"class_{name}": column.form.cls,
            f"stored_{name}": column.form.stored,
            f"encode_{name}": column.encode,
            f"decode_{name}": column.decode if column.form.stored else column.form.decode,
        }
    exec("\n".join(lines), known)  # noqa: S102 - of our own text; names of fields are checked
    return known["made"]
