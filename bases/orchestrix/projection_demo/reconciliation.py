"""Read model: do the bank's balances follow from one another?"""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrix.eventsourcing import Projection, on
from orchestrix.projection_demo.bank_events import TransactionBooked
from orchestrix.projection_demo.booked_order import BookedOrder, booked_order
from orchestrix.projection_demo.steps import Agreement, Booking, Steps, steps_of

LONGEST_EXAMPLE = 10
"""Transactions of the day that is shown."""


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


@dataclass
class BookedSteps:
    """The steps in booked order.

    Attributes:
        steps: How many agreed how well.
        uncertain_days: Account days of which not all orders were tried: another order than the
            counted one may agree better.
    """

    steps: Steps = field(default_factory=Steps)
    uncertain_days: int = 0

    def add(self, day: AccountDay) -> BookedOrder:
        """Count the steps of one more day, and return the order that they were counted in."""
        order = day.in_booked_order()
        self.steps += day.steps(order.bookings)
        self.uncertain_days += not order.is_best
        return order


class Reconciliation(Projection):
    """The steps between the bank's balances, in file order and in booked order.

    The log is in file order, so a step in file order is counted at once. Booked order is known
    when an account's day is complete, so each account's latest day is kept until the account
    has a transaction on another day. A question asked before that takes the day as it is.

    Attributes:
        in_file_order: The steps as the log has them.
        example: The first day whose order matters: out of order in the file, right as booked,
            and short enough to be shown.
    """

    def __init__(self) -> None:
        self.in_file_order = Steps()
        self.example: AccountDay | None = None
        self._settled = BookedSteps()
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

    def in_booked_order(self) -> BookedSteps:
        """Return the steps of all days, the latest ones included."""
        booked = deepcopy(self._settled)
        for day in self._days.values():
            booked.add(day)
        return booked

    def _day_of(self, event: TransactionBooked) -> AccountDay:
        day = self._days.get(event.account_id)
        if day is None or day.day != event.booked_on:
            opening = Decimal(0) if day is None else self._settle(day)
            day = AccountDay(event.account_id, event.booked_on, opening)
            self._days[event.account_id] = day
        return day

    def _settle(self, day: AccountDay) -> Decimal:
        """Count a complete day, and return the balance that it left."""
        booked = self._settled.add(day).bookings
        if self.example is None and len(booked) <= LONGEST_EXAMPLE:
            self.example = day if day.is_put_right_by(booked) else None
        return booked[-1].balance
