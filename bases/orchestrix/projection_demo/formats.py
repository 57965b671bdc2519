"""Tables, amounts and numbers of things, as the demo prints them."""

from collections.abc import Iterator
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text


class UnbrokenTable(Table):
    """A table that breaks no word and no number: where it does not fit, rows become lists."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for column in self.columns:
            words = f"{column.header} {' '.join(map(str, column.cells))}".split()
            column.min_width = max(map(len, words), default=0)
        drawn = list(super().__rich_console__(console, options))
        lines = Segment.split_lines(each for each in drawn if isinstance(each, Segment))
        is_fitting = all(Segment.get_line_length(each) <= options.max_width for each in lines)
        yield from drawn if is_fitting else self._stacked()

    def _stacked(self) -> Iterator[Text]:
        names = [str(each.header) for each in self.columns[1:]]
        longest = max(map(len, names), default=0)
        cells = zip(*(each.cells for each in self.columns), strict=True)
        for row, (name, *values) in zip(self.rows, cells, strict=True):
            yield Text(str(name), style=row.style or "")
            for header, value in zip(names, values, strict=True):
                if value:
                    yield Text(f"  {header:<{longest}} {value}", style=row.style or "")


def table(*columns: str) -> Table:
    """Return an empty table; its first column is text, the others are numbers."""
    made = UnbrokenTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left")
    return made


def crowns(amount: Decimal) -> str:
    """Return an amount with two decimals and thousands set apart."""
    return f"{amount:,.2f}"


def counted(number: int, noun: str) -> str:
    """Return how many of something there are: "1 row", "30,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """Escape what a terminal would obey in place of showing it: a file's name may be anything."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
