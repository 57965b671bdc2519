"""Words of the command line become values, or a reason why they cannot."""

import re
from argparse import ArgumentTypeError
from decimal import Decimal
from math import isfinite
from pathlib import Path

from orchestrix.projection_demo import fields
from orchestrix.projection_demo.problems import UnusableRow

_TOO_FINE = re.compile(r"-?[0-9]+\.[0-9]{3,}")


def file_name(text: str) -> Path:
    """Return a path."""
    if not text:
        raise ArgumentTypeError("expected the name of a file, found nothing")
    return Path(text)


def amount(text: str) -> Decimal:
    """Return crowns that come in, or below 0, that go out."""
    if _TOO_FINE.fullmatch(text):
        raise ArgumentTypeError(
            f"expected at most two digits after the point, found {fields.shown(text)}"
        )
    try:
        crowns = fields.balance("AMOUNT", text)
    except UnusableRow as unusable:
        raise ArgumentTypeError(str(unusable).removeprefix("AMOUNT: ")) from unusable
    if not crowns:
        raise ArgumentTypeError("expected crowns that move, such as 700.00 or -700.00, found 0")
    return crowns


def seconds(text: str) -> float:
    """Return a time to wait."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not (isfinite(found) and found >= 0):
        raise ArgumentTypeError(f"expected seconds such as 5, found {fields.shown(text)}")
    return found
