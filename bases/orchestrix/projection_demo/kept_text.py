"""What a run found in its file and did there, for people, and how to look at it."""

import shlex
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from orchestrix.projection_demo.formats import counted, table
from orchestrix.projection_demo.kept import Kept
from orchestrix.projection_demo.screen import Screen

_QUERY = "SELECT account_id, transactions, balance FROM balances ORDER BY transactions DESC LIMIT 5"


def show_kept(kept: Kept, screen: Screen) -> None:
    """Print what became of the file, a query to paste, and the command that goes on."""
    file = shlex.quote(str(kept.file))
    screen.show(Text("All of it is in one file", style="bold"))
    screen.say(f"{kept.file}: {_events(kept)}", "")
    screen.show(_moves(kept), *_others(kept))
    screen.say(
        "To look at it, and to go on with it:",
        "",
        f'  sqlite3 {file} "{_QUERY}"',
        f"  projection-demo --store {file} --follow",
        "",
    )


def _events(kept: Kept) -> str:
    new = f"{kept.new_events:,}" if kept.new_events else "none"
    told = f"{counted(kept.events, 'event')}, {new} of them new"
    if not kept.others_events:
        return told
    return f"{told}; another process appended {kept.others_events:,} meanwhile"


def _others(kept: Kept) -> Sequence[str]:
    found = [
        f"{each.handled_by_others:,} for {each.projection_id}"
        for each in kept.projections
        if each.handled_by_others
    ]
    return ["", f"Events that another process handled meanwhile: {', '.join(found)}."] * bool(found)


def _moves(kept: Kept) -> Table:
    moves = table("projection", "was at", "is at", "handled now", "in all")
    for each in kept.projections:
        moves.add_row(
            each.projection_id,
            f"{each.from_position:,}",
            f"{each.to_position:,}",
            f"{each.handled_now:,}",
            f"{each.handled_in_all:,}",
        )
    return moves
