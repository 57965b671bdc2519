"""Columns of the bank's files: text becomes a value, or a reason why it cannot."""

import re
from datetime import date
from decimal import Decimal

from orchestrix.projection_demo.problems import UnusableRow

_NUMBER = re.compile(r"[0-9]{1,12}")
_DAY = re.compile(r"[0-9]{6}")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")  # no sign, no exponent, no NaN
_BALANCE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")


def number(column: str, text: str) -> str:
    """Return an identifying number as it stands."""
    return _checked(_NUMBER, column, text, "a number of up to 12 digits")


def day(column: str, text: str) -> date:
    """Return the day of YYMMDD, a year of the 1900s."""
    expected = "a day as YYMMDD, such as 930131"
    _checked(_DAY, column, text, expected)
    try:
        return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise _unusable(column, text, expected) from None


def amount(column: str, text: str) -> Decimal:
    """Return crowns, at least 0."""
    return Decimal(_checked(_AMOUNT, column, text, "crowns such as 700.00, without a sign"))


def balance(column: str, text: str) -> Decimal:
    """Return crowns, below 0 for an overdrawn account."""
    return Decimal(_checked(_BALANCE, column, text, "crowns such as 700.00 or -700.00"))


def one_of(column: str, text: str, allowed: tuple[str, ...]) -> str:
    """Return the text if it is allowed."""
    if text not in allowed:
        raise _unusable(column, text, " or ".join(allowed))
    return text


def _checked(pattern: re.Pattern[str], column: str, text: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise _unusable(column, text, expected)
    return text


def _unusable(column: str, text: str, expected: str) -> UnusableRow:
    return UnusableRow(f"{column}: expected {expected}, found {shown(text)}")


def shown(text: str) -> str:
    """Return the beginning of a text in quotes, with escapes for all that is not ASCII."""
    return ascii(text if len(text) <= 40 else text[:40] + "...") if text else "nothing"
