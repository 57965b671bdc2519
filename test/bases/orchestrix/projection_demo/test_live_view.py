"""What a pipe gets of something that changes."""

import io

from rich.console import Console

from orchestrix.projection_demo.live_view import live_view


def test_a_line_is_shown_when_it_is_news_and_again_when_it_comes_back():
    out = io.StringIO()
    with live_view(Console(file=out)) as show:
        show("", {"live": "live, 9 events/s", 2: "two"})
        show("", {"live": "live, 8 events/s"})
        show("", {"behind": "behind"})
        show("", {"live": "live, 7 events/s"})

    assert out.getvalue().splitlines() == ["live, 9 events/s", "two", "behind", "live, 7 events/s"]


def test_what_a_terminal_would_obey_is_escaped_and_no_line_is_broken():
    out = io.StringIO()
    with live_view(Console(file=out, width=20)) as show:
        show("", {1: "\x1b[31m" + "x" * 50})

    assert out.getvalue() == r"\x1b[31m" + "x" * 50 + "\n"
