"""How something is at present: a picture that changes on a terminal, lines of news elsewhere."""

from collections.abc import Callable, Generator, Hashable, Mapping
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live

from orchestrix.projection_demo.formats import printable

Lines = Mapping[Hashable, str]
"""Lines, each by what makes it news: one whose key was there the last time is not shown again."""

Show = Callable[[RenderableType, Lines], None]
"""Takes the picture, which a terminal gets, and the lines that anything else gets."""


@contextmanager
def live_view(console: Console) -> Generator[Show]:
    """Yield what shows a picture, or lines that say the same."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda picture, _lines: live.update(picture, refresh=True)
    else:
        shown = set[Hashable]()

        def show_news(_picture: RenderableType, lines: Lines) -> None:
            for each in lines:
                if each not in shown:
                    console.print(printable(lines[each]), soft_wrap=True)
            shown.clear()
            shown.update(lines)

        yield show_news
