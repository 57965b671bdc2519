"""One account's day, in the order of the file and as the bank booked it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrix.projection_demo.booked_order import BookedOrder, booked_order
from orchestrix.projection_demo.steps import Agreement, Booking, Steps, steps_of


@dataclass
class AccountDay:
    """The transactions of one account's day, and the bank's balance before them."""

    account_id: str
    day: date
    opening: Decimal
    bookings: list[Booking] = field(default_factory=list[Booking])

    def in_booked_order(self) -> BookedOrder:
        """Return the transactions as the bank will have booked them."""
        return booked_order(self.opening, self.bookings)

    def is_put_right_by(self, booked: list[Booking]) -> bool:
        """Say whether steps are off in the file, and none in this order."""
        return (
            bool(self.steps(self.bookings)[Agreement.OFF])
            and not (self.steps(booked)[Agreement.OFF])
        )

    def steps(self, bookings: list[Booking]) -> Steps:
        """Count the steps of this day, its transactions taken in this order."""
        return steps_of(self.opening, bookings)
