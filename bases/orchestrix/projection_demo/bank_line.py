"""A line of the bank's files becomes columns, or a reason why it cannot."""

import csv

from orchestrix.projection_demo.problems import UnusableRow

LONGEST_LINE = 10_000
"""Bytes; usual are less than 100. A binary file may have no line end at all."""


def columns_of(line: bytes) -> list[str]:
    """Return the columns between ``;``, their quotes taken off."""
    if len(line) > LONGEST_LINE:
        raise UnusableRow(f"expected a line of at most {LONGEST_LINE:,} bytes, found {len(line):,}")
    try:
        return next(csv.reader([line.decode()], delimiter=";", strict=True))
    except UnicodeDecodeError as error:
        raise UnusableRow(f"expected UTF-8 text, found {error.object[error.start]:#x}") from error
    except csv.Error as error:
        is_open = line.count(b'"') % 2
        fault = "is not closed; is the line cut off?" if is_open else "stands inside a column"
        raise UnusableRow(f"a quote {fault}") from error
