"""The columns of a row class."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from orchestrix.read_models.column_form import form_of
from orchestrix.read_models.definition import ColumnDefinition, Plain
from orchestrix.read_models.errors import TableDeclarationError
from orchestrix.read_models.sql_name import problem_of
from orchestrix.read_models.value_form import Misfit, ValueForm


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a row class, and how its values are stored."""

    name: str
    form: ValueForm
    optional: bool
    default: tuple[Plain, ...]

    @property
    def definition(self) -> ColumnDefinition:
        """What a store keeps of this column."""
        return ColumnDefinition(self.name, self.form.kind, self.optional, self.default)

    def encode(self, value: Any) -> Plain:
        """Return the stored form of any value, or raise Misfit."""
        return None if value is None and self.optional else self.form.encode(value)

    def decode(self, stored: Any) -> Any:
        """Return the value of any stored form; raises whatever it likes."""
        return None if stored is None and self.optional else self.form.decode(stored)


def columns_of(cls: type, table: str) -> tuple[Column, ...]:
    """Return the columns of a row class.

    Raises:
        TableDeclarationError: It is no dataclass, or has a field that no column can hold.
    """
    if not isinstance(cls, type) or not is_dataclass(cls):  # pyright: ignore[reportUnnecessaryIsInstance] - users may be untyped
        raise TableDeclarationError(table, f"a row is a dataclass, found {cls!r}")
    _check_parameters(cls, table)
    hints = _hints_of(cls, table)
    columns = tuple(_column(each, hints[each.name], table) for each in fields(cls))
    if not columns:
        raise TableDeclarationError(table, f"{cls.__qualname__} has no field")
    lower = [each.name.lower() for each in columns]
    for each in lower:
        if lower.count(each) > 1:
            raise TableDeclarationError(
                table,
                f"two fields are called {each!r} in any case, which databases do not tell apart",
            )
    return columns


def _check_parameters(cls: type, table: str) -> None:
    names = {each.name for each in fields(cls)}
    parameters = inspect.signature(cls).parameters.values()
    taken = {each.name for each in parameters}
    foreign = {
        each.name
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    } - names
    if foreign or not names <= taken:
        wrong = sorted(foreign | (names - taken))
        raise TableDeclarationError(
            table,
            f"rows are read back by {cls.__qualname__}(...), which has to take its fields and "
            f"nothing else; look at {', '.join(wrong)}",
        )


def _hints_of(cls: type, table: str) -> dict[str, Any]:
    try:
        return get_type_hints(cls)
    except Exception as error:
        raise TableDeclarationError(
            table,
            f"the types of {cls.__qualname__} are not known here ({error}); declare them above it, "
            "at the top of a module",
        ) from error


def _column(field: Field[Any], hint: Any, table: str) -> Column:
    if problem := problem_of(field.name):
        raise TableDeclarationError(table, f"field {field.name!r}: {problem}")
    try:
        form, optional = form_of(hint)
    except Exception as error:
        raise TableDeclarationError(
            table, f"field {field.name!r} is of a type that no column can hold ({error})"
        ) from error
    column = Column(field.name, form, optional, ())
    try:
        default = tuple(_default(field, column))
    except Misfit as error:
        raise TableDeclarationError(
            table, f"the default of field {field.name!r}: {error}"
        ) from error
    return Column(field.name, form, optional, default)


def _default(field: Field[Any], column: Column) -> Iterator[Plain]:
    """Yield the stored default, if there is one; a factory that gives two values has none."""
    if field.default is not MISSING:
        yield column.encode(field.default)
    elif field.default_factory is not MISSING:
        made = [column.encode(field.default_factory()) for _ in range(2)]
        if made[0] == made[1]:
            yield made[0]
