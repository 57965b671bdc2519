"""The reconciliation for people: two orders side by side, and one day to see why."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table

from orchestrix.projection_demo.account_day import AccountDay
from orchestrix.projection_demo.formats import counted, crowns, table
from orchestrix.projection_demo.reconciliation import BookedSteps, Reconciliation
from orchestrix.projection_demo.steps import Agreement, Booking, Steps

_WORDS = {
    Agreement.EXACT: "exact",
    Agreement.ROUNDED: "within 0.1",
    Agreement.OFF: "not at all",
}


def reconciliation_text(reconciliation: Reconciliation) -> Sequence[RenderableType]:
    """Return the counted steps, why the orders differ, and an example, if there is one."""
    booked = reconciliation.in_booked_order()
    both = table("steps", *_WORDS.values())
    _add_steps(both, "in file order", reconciliation.in_file_order)
    _add_steps(both, "in booked order", booked.steps)
    why = (
        "A step is the bank's previous balance of the account plus or minus the amount. The file "
        "tells the day of a row but not the hour, and lists the rows of a day in another order "
        "than the bank booked them. In booked order they stand so that their balances chain. "
        "The file's amounts are rounded to 0.1, so a true step may be off by that much."
    )
    told: list[RenderableType] = [both, "", _verdict(booked), "", why]
    return [*told, *_example(reconciliation.example)] if reconciliation.example else told


def _verdict(booked: BookedSteps) -> str:
    off, steps, days = booked.steps[Agreement.OFF], booked.steps.total(), booked.uncertain_days
    if not off:
        found = f"In booked order, all {steps:,} steps agree."
    else:
        order = "In the best order that was found" if days else "Even in booked order"
        found = f"{order}, {off:,} of {steps:,} steps do not agree."
    if not days:
        return found
    return (
        f"{found} {counted(days, 'day')} had too many orders to try all; another may agree better."
    )


def _add_steps(both: Table, order: str, steps: Steps) -> None:
    both.add_row(order, *(f"{steps[each]:,}" for each in _WORDS))


def _example(day: AccountDay) -> Sequence[RenderableType]:
    opening = f"its balance was {crowns(day.opening)} before"
    told = f"For example account {day.account_id} on {day.day}; {opening}:"
    booked = day.in_booked_order().bookings
    in_file_order = _differences(day.opening, day.bookings)
    in_booked_order = _differences(day.opening, booked)
    rows = table("line", "change", "bank's balance", "in the file", "booked", "as booked")
    for each in day.bookings:
        rows.add_row(
            str(each.line),
            crowns(each.change),
            crowns(each.balance),
            in_file_order[each],
            f"no. {booked.index(each) + 1}",
            in_booked_order[each],
        )
    return ["", told, "", rows]


def _differences(previous: Decimal, bookings: Sequence[Booking]) -> Mapping[Booking, str]:
    found: dict[Booking, str] = {}
    for each in bookings:
        difference = each.balance - previous - each.change
        found[each] = f"off by {crowns(difference)}" if difference else "exact"
        previous = each.balance
    return found
