"""How the values of one Python type are stored and read back.

The usual value takes the short way: a few expressions that :mod:`row_codec` puts into one function
for the whole row. Whatever is unusual (a subclass, text beyond ASCII, a time in another zone, a
wrong type) takes the careful one.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from orchestrix.read_models.definition import Kind, Plain

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
"""What 64 bits hold."""

_short = reprlib.Repr()
_short.maxother = _short.maxstring = 80


class Misfit(ValueError):
    """A value that does not fit its column: what was expected, and what was found."""


@dataclass(frozen=True, slots=True)
class ValueForm:
    """The two directions of one type.

    Attributes:
        kind: How values are stored.
        cls: The class whose values take the short way; None: no value does.
        test: What besides must hold for the short way, as an expression over ``{v}``.
        short: The stored form of such a value, as an expression over ``{v}``.
        encode: The careful way, right for every value. Raises Misfit.
        decode: From the stored form, right for every value. Raises whatever it likes.
        stored: The class of stored values that are values already; None: they are decoded.
        is_key: Whether equal values have equal stored forms that sort as the values do.
    """

    kind: Kind
    cls: type | None
    test: str
    short: str
    encode: Callable[[Any], Plain]
    decode: Callable[[Any], Any]
    stored: type | None = None
    is_key: bool = False


def refuse(expected: str, found: object) -> NoReturn:
    """Raise Misfit in words."""
    raise Misfit(f"expected {expected}, found {_short.repr(found)} ({type(found).__name__})")


def encode_str(value: Any) -> str:
    """Return text as it is stored, or raise Misfit."""
    if not isinstance(value, str):
        refuse("str", value)
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        refuse("text without lone surrogates", value)
    return text


def _encode_int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        refuse("int", value)
    if not INT_MIN <= value <= INT_MAX:
        refuse("an int of 64 bits", value)
    return int.__add__(value, 0)


def _encode_float(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        refuse("float", value)
    try:
        number = float(value) + 0.0  # there is one zero: databases forget its sign
    except OverflowError:
        refuse("a number that float can hold", value)
    if number != value:
        refuse("a number, which NaN is not" if value != value else "a number float can hold", value)
    return number


def _encode_bool(value: Any) -> int:
    return int(value) if isinstance(value, bool) else refuse("bool", value)


def _encode_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        refuse("bytes", value)
    return bytes.__add__(value, b"")


def _encode_decimal(value: Any) -> str:
    if not isinstance(value, Decimal):
        refuse("Decimal", value)
    if not value.is_finite():
        refuse("a finite Decimal", value)
    return Decimal.__str__(value)


def _encode_datetime(value: Any) -> str:
    if not isinstance(value, datetime):
        refuse("datetime", value)
    if value.utcoffset() is None:
        refuse("a datetime with an offset, as datetime.now(UTC) has", value)
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        refuse("a datetime within the years 1 to 9999 of UTC", value)
    return datetime.isoformat(utc, " ", "microseconds")


def _encode_date(value: Any) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        refuse("date", value)
    return date.isoformat(value)


def _encode_uuid(value: Any) -> str:
    return UUID.__str__(value) if isinstance(value, UUID) else refuse("UUID", value)


def _decode_as(cls: type) -> Callable[[Any], Any]:
    def decode(stored: Any) -> Any:
        return stored if type(stored) is cls else refuse(cls.__name__, stored)

    return decode


def _decode_float(stored: Any) -> float:
    return float(stored) if type(stored) in (int, float) else refuse("float", stored)


def _decode_bool(stored: Any) -> bool:
    return stored == 1 if type(stored) is int and stored in (0, 1) else refuse("0 or 1", stored)


def _decode_decimal(stored: Any) -> Decimal:
    number = Decimal(stored) if type(stored) is str else refuse("a decimal as text", stored)
    return number if number.is_finite() else refuse("a finite decimal", stored)


def _decode_datetime(stored: Any) -> datetime:
    time = datetime.fromisoformat(stored)
    if time.tzinfo is UTC:
        return time
    return refuse("a time with its offset", stored) if time.tzinfo is None else time.astimezone(UTC)


ENUM_FREE: dict[type, ValueForm] = {
    str: ValueForm(
        "str", str, "{v}.isascii()", "{v}", encode_str, _decode_as(str), str, is_key=True
    ),
    int: ValueForm(
        "int",
        int,
        f"{INT_MIN} <= {{v}} <= {INT_MAX}",
        "{v}",
        _encode_int,
        _decode_as(int),
        int,
        is_key=True,
    ),
    float: ValueForm(
        "float", float, "{v} == {v}", "{v} + 0.0", _encode_float, _decode_float, float
    ),
    bool: ValueForm(
        "bool", bool, "True", "1 if {v} else 0", _encode_bool, _decode_bool, is_key=True
    ),
    bytes: ValueForm("bytes", bytes, "True", "{v}", _encode_bytes, _decode_as(bytes), bytes),
    Decimal: ValueForm(
        "decimal", Decimal, "{v}.is_finite()", "str({v})", _encode_decimal, _decode_decimal
    ),
    datetime: ValueForm(
        "datetime",
        datetime,
        "{v}.tzinfo is UTC",
        '{v}.isoformat(" ", "microseconds")',
        _encode_datetime,
        _decode_datetime,
        is_key=True,
    ),
    date: ValueForm(
        "date", date, "True", "{v}.isoformat()", _encode_date, date.fromisoformat, is_key=True
    ),
    UUID: ValueForm("uuid", UUID, "True", "str({v})", _encode_uuid, UUID, is_key=True),
}
"""The types with a form of their own, but for enums, each of which makes one."""
