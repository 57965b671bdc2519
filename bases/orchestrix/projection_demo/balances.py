"""Read model: the balance of each account, as the table `balances`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestrix.projection_demo.bank_events import (
    AccountOpened,
    TransactionBooked,
    account_of,
)
from orchestrix.projection_demo.counting_engine import CountingEngine
from orchestrix.read_models import Table, TableStore


@dataclass
class AccountBalance:
    """One account. Amounts are Czech crowns.

    Attributes:
        account_id: The account.
        opened_on: The day.
        is_assumed: No opening was known: the day is that of its first transaction.
        transactions: How many there were.
        credits: All that came in, at least 0.
        debits: All that went out, at least 0.
        balance: What is left, below 0 when overdrawn.
    """

    account_id: str
    opened_on: date
    is_assumed: bool
    transactions: int = 0
    credits: Decimal = Decimal(0)
    debits: Decimal = Decimal(0)
    balance: Decimal = Decimal(0)

    def add(self, event: TransactionBooked) -> None:
        """Count one more transaction."""
        self.transactions += 1
        self.balance += event.change
        if event.change < 0:
            self.debits += event.amount
        else:
            self.credits += event.amount


BALANCES = Table(
    AccountBalance, key="account_id", name="balances", prefetch={TransactionBooked: account_of}
)


def balances_engine(states: TableStore) -> CountingEngine:
    """Return the projection that keeps the table."""
    engine = CountingEngine("balances", states, tables=[BALANCES])

    @engine.on(AccountOpened)
    def opened(event: AccountOpened) -> None:
        BALANCES.put(AccountBalance(event.account_id, event.opened_on, event.is_assumed))

    @engine.on(TransactionBooked)
    async def booked(event: TransactionBooked) -> None:
        account = await BALANCES.get(event.account_id)
        if account is None:
            raise LookupError(f"account {event.account_id} has a transaction and was never opened")
        account.add(event)

    return engine


@dataclass(frozen=True)
class Balances:
    """Every account that was opened."""

    accounts: Sequence[AccountBalance]

    def most_active(self, count: int) -> Sequence[AccountBalance]:
        """Return the busiest accounts, most transactions first; of equals, as opened."""
        return sorted(self.accounts, key=_busiest_first)[:count]


def _busiest_first(account: AccountBalance) -> tuple[int, date, str]:
    return -account.transactions, account.opened_on, account.account_id
