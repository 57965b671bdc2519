"""Read model: how much money moved in each month, by kind, as the table `turnover`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestrix.projection_demo.bank_events import AccountCredited, TransactionBooked
from orchestrix.projection_demo.counting_engine import CountingEngine
from orchestrix.read_models import Table, TableStore


@dataclass
class KindTurnover:
    """What moved in a month in one way.

    Attributes:
        month: Its first day.
        kind: How the money moved; it says whether it came in or went out.
        is_credit: It came in.
        first_day: The day of the first such transaction in this month.
        last_day: The day of the last.
        transactions: How many there were.
        amount: Czech crowns, at least 0.
    """

    month: date
    kind: str
    is_credit: bool
    first_day: date
    last_day: date
    transactions: int = 0
    amount: Decimal = Decimal(0)

    def add(self, event: TransactionBooked) -> None:
        """Count one more transaction."""
        self.first_day = min(self.first_day, event.booked_on)
        self.last_day = max(self.last_day, event.booked_on)
        self.transactions += 1
        self.amount += event.amount


def _key_of(event: TransactionBooked) -> tuple[date, str]:
    return event.booked_on.replace(day=1), event.kind


TURNOVER = Table(
    KindTurnover, key=("month", "kind"), name="turnover", prefetch={TransactionBooked: _key_of}
)


def turnover_engine(states: TableStore) -> CountingEngine:
    """Return the projection that keeps the table."""
    engine = CountingEngine("turnover", states, tables=[TURNOVER])

    @engine.on(TransactionBooked)
    async def booked(event: TransactionBooked) -> None:
        month, kind = _key_of(event)
        turnover = await TURNOVER.get(month, kind)
        if turnover is None:
            is_credit = isinstance(event, AccountCredited)
            turnover = KindTurnover(month, kind, is_credit, event.booked_on, event.booked_on)
            TURNOVER.put(turnover)
        turnover.add(event)

    return engine
