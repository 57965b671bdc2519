"""Read model: do the bank's balances follow from one another?"""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrix.eventsourcing import Projection, on
from orchestrix.projection_demo.bank_events import TransactionBooked
from orchestrix.projection_demo.booked_order import booked_order
from orchestrix.projection_demo.steps import Agreement, Booking, Steps, steps_of


@dataclass
class AccountDay:
    """The transactions of one account's day, and the bank's balance before them."""

    account_id: str
    day: date
    opening: Decimal
    bookings: list[Booking] = field(default_factory=list[Booking])

    def in_booked_order(self) -> list[Booking]:
        """Return the transactions as the bank will have booked them."""
        return booked_order(self.opening, self.bookings)

    def steps(self, bookings: list[Booking]) -> Steps:
        """Count the steps of this day, its transactions taken in this order."""
        return steps_of(self.opening, bookings)


class Reconciliation(Projection):
    """The steps between the bank's balances, in file order and in booked order.

    The log is in file order, so a step in file order is counted at once. Booked order is known
    when an account's day is complete, so each account's latest day is kept until the account
    has a transaction on another day. A question asked before that takes the day as it is.

    Attributes:
        in_file_order: The steps as the log has them.
        example: The first day whose order matters: out of order in the file, right as booked.
    """

    def __init__(self) -> None:
        self.in_file_order = Steps()
        self.example: AccountDay | None = None
        self._settled = Steps()
        self._balances: dict[str, Decimal] = {}
        self._days: dict[str, AccountDay] = {}

    @on(TransactionBooked)
    def booked(self, event: TransactionBooked) -> None:
        """Count a step, and add it to its account's day."""
        booking = Booking(event.line, event.change, event.bank_balance)
        previous = self._balances.get(event.account_id, Decimal(0))
        self.in_file_order[booking.follows(previous)] += 1
        self._balances[event.account_id] = event.bank_balance
        self._day_of(event).bookings.append(booking)

    def in_booked_order(self) -> Steps:
        """Return the steps of all days, the latest ones included."""
        latest = (day.steps(day.in_booked_order()) for day in self._days.values())
        return sum(latest, self._settled.copy())

    def _day_of(self, event: TransactionBooked) -> AccountDay:
        day = self._days.get(event.account_id)
        if day is None or day.day != event.booked_on:
            opening = Decimal(0) if day is None else self._settle(day)
            day = AccountDay(event.account_id, event.booked_on, opening)
            self._days[event.account_id] = day
        return day

    def _settle(self, day: AccountDay) -> Decimal:
        """Count a complete day, and return the balance that it left."""
        ordered = day.in_booked_order()
        steps = day.steps(ordered)
        self._settled += steps
        if self.example is None and not steps[Agreement.OFF]:
            self.example = day if day.steps(day.bookings)[Agreement.OFF] else None
        return ordered[-1].balance
