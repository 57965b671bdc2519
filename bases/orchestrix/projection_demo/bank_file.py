"""The bank's files: lines of ``;``-separated columns under a header."""

import csv
import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BufferedIOBase
from pathlib import Path
from typing import TypeVar

from orchestrix.projection_demo.problems import Problems, UnusableFile, UnusableRow

RowT = TypeVar("RowT")

_LONGEST_HEADER = 1000  # bytes; a binary file may have no line end at all
_SPREADSHEET_MARK = b"\xef\xbb\xbf"


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
        columns, expected = _split(content), len(self.columns)
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


def shipped_file(name: str, format_: Format) -> BankFile:
    """Read a file that comes with the demo."""
    packed = files("orchestrix.projection_demo") / "data" / f"{name}.xz"
    with packed.open("rb") as raw, lzma.open(raw) as file:
        return _read(file, name, format_)


def _read(file: BufferedIOBase, name: str, format_: Format) -> BankFile:
    header = file.readline(_LONGEST_HEADER).removeprefix(_SPREADSHEET_MARK)
    if not header:
        raise UnusableFile(f"{name}: the file is empty; expected {format_}")
    if not _is_header(header, format_):
        raise UnusableFile(f"{name}: it begins with {_shown(header)}; expected {format_}")
    lines = file.read().splitlines()
    if not any(map(bytes.strip, lines)):
        raise UnusableFile(f"{name}: nothing follows the header; expected {format_}")
    return BankFile(name, format_.columns, lines)


def _is_header(header: bytes, format_: Format) -> bool:
    try:
        return _split(header) == list(format_.columns)
    except UnusableRow:
        return False


def _shown(header: bytes) -> str:
    text = header[:40].decode(errors="replace").strip()
    return repr(text) if text.isascii() and text.isprintable() else "something else"


def _split(content: bytes) -> list[str]:
    try:
        return next(csv.reader([content.decode()], delimiter=";", strict=True))
    except UnicodeDecodeError as error:
        raise UnusableRow(f"expected UTF-8 text, found {error.object[error.start]:#x}") from error
    except csv.Error as error:
        is_open = content.count(b'"') % 2
        fault = "is not closed; is the line cut off?" if is_open else "stands inside a column"
        raise UnusableRow(f"a quote {fault}") from error
