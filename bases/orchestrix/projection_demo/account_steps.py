"""The steps between one account's balances: a row of the table `reconciliation`."""

from dataclasses import dataclass
from decimal import Decimal

from orchestrix.projection_demo.account_day import AccountDay
from orchestrix.projection_demo.bank_events import TransactionBooked
from orchestrix.projection_demo.steps import Agreement, Booking, Steps

LONGEST_EXAMPLE = 10
"""Transactions of the day that is shown."""


@dataclass
class AccountSteps:
    """One account's steps, in file order and in booked order.

    Its stream is in file order, so a step in file order is counted at once. Booked order is
    known when a day is complete, so the latest day is kept until a transaction of another day
    comes, and its steps in booked order are counted then.

    Attributes:
        account_id: The account.
        bank_balance: The bank's balance in the last row, in file order.
        latest: The latest day, so far.
        file_exact, file_rounded, file_off: Steps in file order.
        booked_exact, booked_rounded, booked_off: Steps of complete days, in booked order.
        uncertain_days: Complete days of which not all orders were tried: another order than the
            counted one may agree better.
        example: The first day whose order matters: out of order in the file, right as booked,
            and short enough to be shown.
    """

    account_id: str
    bank_balance: Decimal
    latest: AccountDay
    file_exact: int = 0
    file_rounded: int = 0
    file_off: int = 0
    booked_exact: int = 0
    booked_rounded: int = 0
    booked_off: int = 0
    uncertain_days: int = 0
    example: AccountDay | None = None

    @classmethod
    def before(cls, first: TransactionBooked) -> "AccountSteps":
        """Return what is known of an account before its first transaction."""
        day = AccountDay(first.account_id, first.booked_on, Decimal(0))
        return cls(first.account_id, Decimal(0), day)

    @property
    def in_file_order(self) -> Steps:
        """How many steps agree how well as the stream has them."""
        return _steps(self.file_exact, self.file_rounded, self.file_off)

    @property
    def in_booked_order(self) -> Steps:
        """The same of complete days, as the bank booked them."""
        return _steps(self.booked_exact, self.booked_rounded, self.booked_off)

    def add(self, event: TransactionBooked) -> None:
        """Count a step, and add it to its day."""
        booking = Booking(event.line, event.change, event.bank_balance)
        agreement = booking.follows(self.bank_balance)
        self.file_exact += agreement is Agreement.EXACT
        self.file_rounded += agreement is Agreement.ROUNDED
        self.file_off += agreement is Agreement.OFF
        self.bank_balance = event.bank_balance
        if event.booked_on != self.latest.day:
            self.latest = AccountDay(self.account_id, event.booked_on, self._settle())
        self.latest.bookings.append(booking)

    def last_booked_balance(self) -> Decimal:
        """Return the balance that the latest day leaves, as the bank booked it."""
        return self.latest.in_booked_order().bookings[-1].balance

    def _settle(self) -> Decimal:
        """Count the latest day, which is complete, and return the balance that it left."""
        day, order = self.latest, self.latest.in_booked_order()
        steps = day.steps(order.bookings)
        self.booked_exact += steps[Agreement.EXACT]
        self.booked_rounded += steps[Agreement.ROUNDED]
        self.booked_off += steps[Agreement.OFF]
        self.uncertain_days += not order.is_best
        if self.example is None and len(order.bookings) <= LONGEST_EXAMPLE:
            self.example = day if day.is_put_right_by(order.bookings) else None
        return order.bookings[-1].balance


def _steps(exact: int, rounded: int, off: int) -> Steps:
    return Steps({Agreement.EXACT: exact, Agreement.ROUNDED: rounded, Agreement.OFF: off})
