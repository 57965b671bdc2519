"""The bank's files: lines of ``;``-separated columns under a header."""

import lzma
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BufferedIOBase
from pathlib import Path
from typing import TypeVar

from orchestrix.projection_demo.bank_line import LONGEST_LINE, columns_of
from orchestrix.projection_demo.header import header_fault
from orchestrix.projection_demo.problems import Problems, UnusableFile, UnusableRow

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class Format:
    """What a file holds, and its columns in order."""

    noun: str
    columns: Sequence[str]

    def __str__(self) -> str:
        return f"{self.noun} under the header {';'.join(self.columns)}"


@dataclass(frozen=True)
class BankFile:
    """A file with the right header. The first of `lines` is line 2."""

    name: str
    columns: Sequence[str]
    lines: Sequence[bytes]

    def rows(self, parse: Callable[[int, list[str]], RowT], problems: Problems) -> Iterator[RowT]:
        """Yield each usable row, made by `parse` from its line number and columns."""
        for line, content in enumerate(self.lines, start=2):
            if not content.strip():
                continue
            try:
                yield parse(line, self._columns_of(content))
            except UnusableRow as unusable:
                problems.add(self.name, line, str(unusable))

    def _columns_of(self, content: bytes) -> list[str]:
        columns, expected = columns_of(content), len(self.columns)
        if len(columns) != expected:
            cut = "; is the line cut off?" if len(columns) < expected else ""
            raise UnusableRow(f"expected {expected} columns, found {len(columns)}{cut}")
        return columns


def open_file(path: Path, format_: Format) -> BankFile:
    """Read a file that the user named, or raise UnusableFile."""
    try:
        with path.open("rb") as file:
            return _read(file, str(path), format_)
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror}; expected {format_}") from error
    except ValueError as error:  # a name that no file can have, such as one with a NUL
        raise UnusableFile(f"{path}: {error}; expected {format_}") from error


def shipped_file(name: str, format_: Format) -> BankFile:
    """Read a file that comes with the demo."""
    packed = files("orchestrix.projection_demo") / "data" / f"{name}.xz"
    with packed.open("rb") as raw, lzma.open(raw) as file:
        return _read(file, name, format_)


def _read(file: BufferedIOBase, name: str, format_: Format) -> BankFile:
    beginning = file.read(LONGEST_LINE).removeprefix(BOM_UTF8)  # spreadsheets put it there
    if not beginning:
        raise UnusableFile(f"{name}: the file is empty; expected {format_}")
    if fault := header_fault(beginning.splitlines()[0], format_.columns):
        raise UnusableFile(f"{name}: {fault}; expected {format_}")
    lines = (beginning + file.read()).splitlines()[1:]
    if not any(map(bytes.strip, lines)):
        raise UnusableFile(f"{name}: nothing follows the header; expected {format_}")
    return BankFile(name, format_.columns, lines)
