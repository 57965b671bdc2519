"""How much money moved in each month, by kind: what the table `turnover` answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from orchestrix.projection_demo.turnover_table import KindTurnover


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
