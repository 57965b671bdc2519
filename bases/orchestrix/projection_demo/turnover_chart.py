"""Monthly turnover as bars in the terminal, drawn by plotext."""

from collections.abc import Sequence
from typing import Any

import plotext  # pyright: ignore[reportMissingTypeStubs] - it comes without types
from rich.text import Text

from orchestrix.projection_demo.turnover import MonthTurnover, month_after

_plot: Any = plotext

_COLUMNS = 5  # of a month: two for what came in, two for what went out, and a gap
_ROWS = 16
_LABEL = 6  # columns, left of the frame
_STEPS = [digit * 10**zeros for zeros in range(30) for digit in (1, 2, 5)]
_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def shown_months(months: Sequence[MonthTurnover], width: int) -> Sequence[MonthTurnover]:
    """Return the last months that fit into `width` columns, and never less than two.

    A single month is followed by the next one, empty: plotext cannot space out one bar.
    """
    room = (width - _LABEL - 1) // _COLUMNS
    shown = months[-max(2, room) :]
    return shown if len(shown) > 1 else [*shown, MonthTurnover(month_after(shown[-1].month))]


def bar_marks(*, is_ascii: bool) -> tuple[str, str]:
    """Return what bars are made of: for money that came in, and for money that went out."""
    return ("#", ".") if is_ascii else ("\N{FULL BLOCK}", "\N{LIGHT SHADE}")


def turnover_chart(months: Sequence[MonthTurnover], *, is_ascii: bool) -> Text:
    """Draw two bars per month; their heights are whole crowns. At least two months."""
    ins = [int(each.credits) for each in months]
    outs = [int(each.debits) for each in months]
    figure = _empty_figure(len(months), is_ascii=is_ascii)
    mark_in, mark_out = bar_marks(is_ascii=is_ascii)
    _draw(figure, ins, 0.5, _plot.colorize(mark_in, "green"))
    _draw(figure, outs, 2.5, _plot.colorize(mark_out, "red"))
    _label(figure, [f"{each.month:%b}" for each in months], max(*ins, *outs, 1))
    drawing = Text.from_ansi(figure.build().string())
    drawing.rstrip()
    return drawing


def _empty_figure(months: int, *, is_ascii: bool) -> Any:
    _plot.terminal.limit(width=False, height=False)  # else it asks the terminal it does not have
    figure = _plot.figure
    figure.clear()
    figure.theme("colorless")
    figure.axes(active=False)
    if not is_ascii:
        figure.axes(axis="x", side="lower")
        figure.axes(axis="y", side="left")
    figure.plot_size(_LABEL + (not is_ascii) + months * _COLUMNS, _ROWS)
    return figure


def _draw(figure: Any, heights: list[int], first_column: float, mark: Any) -> None:
    middles = [first_column + _COLUMNS * month for month in range(len(heights))]
    figure.draw(figure.bar(middles, heights, marker=mark, width=1 / _COLUMNS))


def _label(figure: Any, names: list[str], top: int) -> None:
    """Name months and heights, and say where the axes end: plotext's guesses are far off."""
    ends = _COLUMNS * len(names) - 1
    middles = [1 + _COLUMNS * month for month in range(len(names))]
    figure.ruler("x", "lower").lim(0, ends).ticks(middles, labels=names)
    step = next(each for each in _STEPS if top // each <= 5)
    heights = list(range(0, top + 1, step))
    figure.ruler("y", "left").lim(0, top).ticks(heights, labels=list(map(_height, heights)))


def _height(crowns: int) -> str:
    fitting = (each for each in _UNITS if crowns and crowns % each[0] == 0)
    unit, letter = next(fitting, (1, ""))
    return f"{crowns // unit}{letter} ".rjust(_LABEL)
