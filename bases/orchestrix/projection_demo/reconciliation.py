"""Read model: do the bank's balances follow from one another? The table `reconciliation`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from orchestrix.projection_demo.account_day import AccountDay
from orchestrix.projection_demo.account_steps import AccountSteps
from orchestrix.projection_demo.bank_events import TransactionBooked, account_of
from orchestrix.projection_demo.counting_engine import CountingEngine
from orchestrix.projection_demo.steps import Steps
from orchestrix.read_models import Table, TableStore

RECONCILIATION = Table(
    AccountSteps, key="account_id", name="reconciliation", prefetch={TransactionBooked: account_of}
)


def reconciliation_engine(states: TableStore) -> CountingEngine:
    """Return the projection that keeps the table."""
    engine = CountingEngine("reconciliation", states, tables=[RECONCILIATION])

    @engine.on(TransactionBooked)
    async def booked(event: TransactionBooked) -> None:
        account = await RECONCILIATION.get(event.account_id)
        if account is None:
            account = AccountSteps.before(event)
            RECONCILIATION.put(account)
        account.add(event)

    return engine


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

    def add(self, day: AccountDay) -> None:
        """Count the steps of one more day."""
        order = day.in_booked_order()
        self.steps += day.steps(order.bookings)
        self.uncertain_days += not order.is_best


@dataclass(frozen=True)
class Reconciliation:
    """The steps of all accounts."""

    accounts: Sequence[AccountSteps]

    @property
    def in_file_order(self) -> Steps:
        """The steps as the streams have them."""
        return sum((each.in_file_order for each in self.accounts), Steps())

    def in_booked_order(self) -> BookedSteps:
        """Return the steps of all days.

        Complete days are counted in the table. Each account's latest day is put in order here,
        when somebody asks: it is complete only if no more of it comes, and a projection, which
        may be killed and go on at any event, cannot know that there is an end.
        """
        booked = BookedSteps()
        for each in self.accounts:
            booked.steps += each.in_booked_order
            booked.uncertain_days += each.uncertain_days
            booked.add(each.latest)
        return booked

    @property
    def example(self) -> AccountDay | None:
        """The first day whose order matters; of the same day, the one that is first in the file."""
        found = (each.example for each in self.accounts if each.example is not None)
        return min(found, key=_first_in_file, default=None)


def _first_in_file(day: AccountDay) -> tuple[date, int]:
    return day.day, day.bookings[0].line
