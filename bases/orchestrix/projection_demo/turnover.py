"""Read model: how much money moved in each month, by kind, as the table `turnover`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.projection_demo.bank_events import AccountCredited, TransactionBooked
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


def turnover_engine(states: TableStore) -> ProjectionEngine:
    """Return the projection that keeps the table."""
    engine = ProjectionEngine("turnover", states, tables=[TURNOVER])

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


@dataclass
class Moved:
    """Money of one kind: whether it came in, how many transactions, Czech crowns."""

    kind: str
    is_credit: bool
    transactions: int = 0
    amount: Decimal = Decimal(0)

    def add(self, transactions: int, amount: Decimal) -> None:
        """Count more of it."""
        self.transactions += transactions
        self.amount += amount


@dataclass
class MonthTurnover:
    """One month, known by its first day, and what moved in it."""

    month: date
    kinds: dict[str, Moved] = field(default_factory=dict[str, Moved])

    @property
    def credits(self) -> Decimal:
        """All that came in."""
        return sum((each.amount for each in self.kinds.values() if each.is_credit), Decimal(0))

    @property
    def debits(self) -> Decimal:
        """All that went out."""
        return sum((each.amount for each in self.kinds.values() if not each.is_credit), Decimal(0))


class Turnover:
    """Every month from the first to the last with a transaction, and those two days.

    Args:
        rows: The rows of the table, at least one.
    """

    def __init__(self, rows: Sequence[KindTurnover]) -> None:
        self.first_day = min(each.first_day for each in rows)
        self.last_day = max(each.last_day for each in rows)
        self._months: dict[date, MonthTurnover] = {}
        for each in rows:
            kinds = self._months.setdefault(each.month, MonthTurnover(each.month)).kinds
            kinds[each.kind] = Moved(each.kind, each.is_credit, each.transactions, each.amount)

    def months(self) -> Sequence[MonthTurnover]:
        """Return the months in order, those without a transaction included."""
        return [self._months.get(month, MonthTurnover(month)) for month in _months(self)]

    def totals(self) -> Sequence[Moved]:
        """Return what moved over all months, by kind: what came in first, then by amount."""
        found: dict[str, Moved] = {}
        for each in _all_kinds(self._months.values()):
            total = found.setdefault(each.kind, Moved(each.kind, each.is_credit))
            total.add(each.transactions, each.amount)
        return sorted(found.values(), key=lambda each: (not each.is_credit, -each.amount))


def _months(turnover: Turnover) -> Iterable[date]:
    month = turnover.first_day.replace(day=1)
    while month <= turnover.last_day:
        yield month
        month = month_after(month)


def month_after(month: date) -> date:
    """Return the first day of the month after `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _all_kinds(months: Iterable[MonthTurnover]) -> Iterable[Moved]:
    for month in months:
        yield from month.kinds.values()
