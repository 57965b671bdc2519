"""Tables, amounts and numbers of things, as the demo prints them."""

from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table


def table(*columns: str) -> Table:
    """Return an empty table; its first column is text, the others are numbers."""
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left", overflow="fold")
    return made


def crowns(amount: Decimal) -> str:
    """Return an amount with two decimals and thousands set apart."""
    return f"{amount:,.2f}"


def counted(number: int, noun: str) -> str:
    """Return how many of something there are: "1 row", "30,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
