"""The order in which a bank booked the transactions of one account's day."""

from decimal import Decimal
from typing import NamedTuple

from orchestrix.projection_demo.balance_chain import EXACTLY, WITHIN_ROUNDING, balance_chain
from orchestrix.projection_demo.steps import Agreement, Booking, Steps, steps_of

EFFORT = 5000
"""How many rows of a day a search may try, at most: enough for all orders of 6 rows."""


class BookedOrder(NamedTuple):
    """The bookings of one account's day in order.

    Attributes:
        bookings: All of them.
        is_best: No other order agrees better. False: that is not known, not all were tried.
    """

    bookings: list[Booking]
    is_best: bool


def booked_order(previous: Decimal, day: list[Booking]) -> BookedOrder:
    """Return the bookings of one account's day in an order in which their balances chain.

    The file tells the day but not the hour. Each row, though, tells the balance that it left
    behind, so the row before it is one that left this balance less its change. `previous` is
    the last balance of the day before. An order in which all steps are exact is always found.
    Where there is none, others are tried, within `EFFORT`: best is the order with the fewest
    rows that do not follow, among those the one with the fewest that were rounded.

    Nothing is made to fit: amounts and balances stay as they are, and a day that has no such
    order shows it in its steps. The same rows in the same order give the same answer.
    """
    if len(day) == 1:
        return BookedOrder(day, is_best=True)
    search = _Search(previous, day)
    search.extend([], previous, 0, frozenset(range(len(day))))
    return BookedOrder(search.best, search.is_complete)


class _Search:
    """Depth first, best row first, cut off where it cannot become better than the best so far."""

    def __init__(self, previous: Decimal, day: list[Booking]) -> None:
        self._day = day
        self._costs = {Agreement.EXACT: 0, Agreement.ROUNDED: 1, Agreement.OFF: len(day) + 1}
        lines = [balance_chain(previous, day, each) for each in (EXACTLY, WITHIN_ROUNDING)]
        self.best = min(lines, key=lambda line: self._cost(steps_of(previous, line)))
        self._best_cost = self._cost(steps_of(previous, self.best))
        self.is_complete = True
        self._effort = EFFORT

    def extend(
        self, chain: list[Booking], balance: Decimal, cost: int, left: frozenset[int]
    ) -> None:
        """Try to complete a chain that ends at `balance` with the rows that are left."""
        if cost >= self._best_cost:
            return
        if not left:
            self.best, self._best_cost = chain, cost
            return
        if self._effort < len(left):
            self.is_complete = False
            return
        self._effort -= len(left)
        for agreement, index in sorted((self._day[each].follows(balance), each) for each in left):
            row, more = self._day[index], self._costs[agreement]
            self.extend([*chain, row], row.balance, cost + more, left - {index})

    def _cost(self, steps: Steps) -> int:
        return sum(self._costs[each] * steps[each] for each in steps)
