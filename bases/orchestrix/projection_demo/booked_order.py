"""The order in which a bank booked the transactions of one account's day."""

from decimal import Decimal

from orchestrix.projection_demo.steps import Agreement, Booking

LONGEST_DAY = 100
"""Days with more transactions keep their order."""

EFFORT = 500
"""How often a search may look for the next row of a day, at most; the shipped data needs 5."""

_COST = {Agreement.EXACT: 0, Agreement.ROUNDED: 1, Agreement.OFF: LONGEST_DAY + 1}


def booked_order(previous: Decimal, day: list[Booking]) -> list[Booking]:
    """Return the bookings of one account's day in an order in which their balances chain.

    The file tells the day but not the hour. Each row, though, tells the balance that it left
    behind, so the row before it is one that left this balance less its change. The search
    begins at `previous`, the last balance of the day before, and always tries the row that
    follows best: exactly, then within rounding, then not at all; of equals, the one that comes
    first in the file. When it arrives at a row that does not follow, it goes back and tries
    others. It returns the order with the fewest rows that do not follow, among those the one
    with the fewest that were rounded, as far as it was found within `EFFORT`.

    Nothing is made to fit: amounts and balances stay as they are, and a day that has no such
    order shows it in its steps. The same rows in the same order give the same answer.
    """
    if not 1 < len(day) <= LONGEST_DAY:
        return day
    search = _Search(day)
    search.extend([], previous, 0, frozenset(range(len(day))))
    return search.best


class _Search:
    """Depth first, best row first, cut off where it cannot become better than the best so far."""

    def __init__(self, day: list[Booking]) -> None:
        self.best = day
        self._best_cost: int | None = None
        self._day = day
        self._effort = EFFORT

    def extend(
        self, chain: list[Booking], balance: Decimal, cost: int, left: frozenset[int]
    ) -> None:
        """Try to complete a chain that ends at `balance` with the rows that are left."""
        if self._best_cost is not None and (cost >= self._best_cost or self._effort <= 0):
            return
        if not left:
            self.best, self._best_cost = chain, cost
            return
        self._effort -= 1
        for agreement, index in sorted((self._day[each].follows(balance), each) for each in left):
            row = self._day[index]
            self.extend([*chain, row], row.balance, cost + _COST[agreement], left - {index})
