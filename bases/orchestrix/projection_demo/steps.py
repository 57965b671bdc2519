"""Steps: does the bank's balance follow from the one before it?"""

from collections import Counter
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

ROUNDING = Decimal("0.1")
"""Amounts and balances are rounded to 0.1 crowns, so a true step may be off by this much."""


class Agreement(IntEnum):
    """How well a step agrees; smaller is better."""

    EXACT = 0
    ROUNDED = 1
    OFF = 2


class Booking(NamedTuple):
    """What a step needs of a transaction: the line it came from, its change, the bank's balance."""

    line: int
    change: Decimal
    balance: Decimal

    def follows(self, previous: Decimal) -> Agreement:
        """Compare the bank's balance with its `previous` one plus the change."""
        difference = abs(previous + self.change - self.balance)
        if not difference:
            return Agreement.EXACT
        return Agreement.ROUNDED if difference <= ROUNDING else Agreement.OFF


Steps = Counter[Agreement]
"""How many steps agreed how well."""


def steps_of(previous: Decimal, bookings: list[Booking]) -> Steps:
    """Count the steps of `bookings`, taken in this order, from the balance before the first."""
    counted = Steps()
    for each in bookings:
        counted[each.follows(previous)] += 1
        previous = each.balance
    return counted
