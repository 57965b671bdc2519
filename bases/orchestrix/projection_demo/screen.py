"""What the demo prints on: a terminal, a narrow one, a pipe, or nothing."""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from typing import NoReturn, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestrix.projection_demo.formats import printable
from orchestrix.projection_demo.live_view import Show, live_view

NARROWEST, WIDEST = 20, 100
"""Columns of a line; one that is longer is hard to read, and so is one that is shorter."""


class Screen:
    """Standard output and standard error, for people.

    Args:
        out: Where results and explanations go; None when the user has closed it.
        err: Where warnings go; None when the user has closed it.
        is_quiet: Leave out explanations and progress.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None, *, is_quiet: bool) -> None:
        self._out = _console(out)
        self._err = _console(err)
        self._is_quiet = is_quiet

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 without one."""
        return self._out.width

    @property
    def is_ascii(self) -> bool:
        """Whether the terminal has letters only, no lines and blocks."""
        return self._out.options.ascii_only

    def title(self, text: str) -> None:
        """Begin a part of the explanation."""
        self.tell(Text(text, style="bold"))

    def tell(self, *lines: RenderableType) -> None:
        """Explain."""
        if not self._is_quiet:
            self.show(*lines)

    def show(self, *lines: RenderableType) -> None:
        """Print a part of the result, and an empty line."""
        for line in lines:
            self._out.print(_safe(line), crop=False)  # a table may be wider than the terminal
        self._out.print()

    def say(self, *lines: str) -> None:
        """Print lines that are to be copied, or stand alone: each as one, however long."""
        for line in lines:
            self._out.print(_safe(line), soft_wrap=True)

    def write(self, text: str) -> None:
        """Print text as it is, for programs."""
        self._out.out(text, highlight=False)

    def warn(self, lines: Iterable[str]) -> None:
        """Print to standard error, one line each however long."""
        for line in lines:
            self._err.print(_safe(line), soft_wrap=True)

    def live(self) -> AbstractContextManager[Show]:
        """Return what shows how something is at present, called again and again."""
        return live_view(self._out)

    @contextmanager
    def progress(self, text: str, total: int) -> Generator[Callable[[int], None]]:
        """Show a bar on a terminal, a line elsewhere; yields what to call as work is done."""
        if self._is_quiet:
            yield _nothing
        elif not (self._out.is_terminal and total):
            self._out.print(text)
            yield _nothing
        else:
            with _bar(self._out) as bar:
                task = bar.add_task(text, total=total)
                yield lambda done: bar.advance(task, done)
                bar.update(task, completed=total)  # unusable rows are done with, too


class _PlainConsole(Console):
    """A console that lets its user decide what a closed pipe means."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _console(stream: TextIO | None) -> Console:
    _never_fail(stream)
    console = _PlainConsole(
        file=stream, quiet=stream is None, highlight=False, markup=False, emoji=False
    )
    console.width = max(NARROWEST, min(console.width, WIDEST))
    return console


def _never_fail(stream: TextIO | None) -> None:
    """Write what the encoding does not have as an escape: a file's name may be anything."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _safe(line: RenderableType) -> RenderableType:
    return printable(line) if isinstance(line, str) else line


def _bar(console: Console) -> Progress:
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=console)


def _nothing(_done: int) -> None:
    pass
