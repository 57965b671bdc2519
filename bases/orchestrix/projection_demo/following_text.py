"""How the projections are at one moment, and what became of them."""

from collections.abc import Hashable, Mapping, Sequence

from rich.console import Group, RenderableType

from orchestrix.projection_demo.formats import counted, printable, table
from orchestrix.projection_demo.live_view import Lines
from orchestrix.projection_runtime import ProjectionStatus
from orchestrix.projection_state import ParkedKey

Parked = Mapping[str, Sequence[ParkedKey]]
"""What is set aside, by projection; those that have set nothing aside are not there."""


def picture_of(statuses: Sequence[ProjectionStatus], parked: Parked) -> RenderableType:
    """Return a table of them, and below it what is wrong."""
    shown = table("projection", "condition", "position", "lag", "in s", "events/s")
    for each in statuses:
        shown.add_row(
            each.projection_id,
            each.condition,
            f"{each.checkpoint:,}",
            _lag(each),
            f"{each.lag_seconds:.1f}",
            f"{each.throughput:,.0f}",
        )
    return Group(shown, *map(printable, troubles_of(statuses, parked).values()))


def lines_of(statuses: Sequence[ProjectionStatus], parked: Parked) -> Lines:
    """Return a line for each of them, and those of what is wrong, each by what is to be news."""
    lines: dict[Hashable, str] = {}
    for each in statuses:
        lines[each.projection_id, each.condition, each.checkpoint, each.head] = (
            f"{each.projection_id}: {each.condition}, at {each.checkpoint:,} of {each.head:,}, "
            f"lag {_lag(each)} ({each.lag_seconds:.1f} s), {each.throughput:,.0f} events/s"
        )
    return {**lines, **troubles_of(statuses, parked)}


def what_was_done(statuses: Sequence[ProjectionStatus], events: int, seconds: float) -> str:
    """Return the sentence at the end."""
    behind = [f"{each.projection_id} at {each.checkpoint:,}" for each in statuses if each.lag]
    place = ", ".join(behind) if behind else "every projection is at the end of the log"
    return (
        f"Followed for {seconds:.1f} seconds: {counted(events, 'event')} came, and {place}. "
        "Started again, it goes on from there."
    )


def troubles_of(statuses: Sequence[ProjectionStatus], parked: Parked) -> Lines:
    """Return what is wrong, and what is set aside, each by what is to be news."""
    troubles: dict[Hashable, str] = {}
    for each in statuses:
        name = each.projection_id
        if each.problem:
            troubles[name, each.problem] = f"  {name}: {each.problem}"
        for key in parked.get(name, ()):
            troubles[name, key.key, key.status, key.events] = (
                f"  {name} has set aside {key.key}, {counted(key.events, 'event')} from position "
                f"{key.position:,} on, {key.status}: {key.error}"
            )
    return troubles


def _lag(status: ProjectionStatus) -> str:
    return "?" if status.lag is None else f"{status.lag:,}"
