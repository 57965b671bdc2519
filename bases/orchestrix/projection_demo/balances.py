"""Read model: the balance of each account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestrix.eventsourcing import Projection, on
from orchestrix.projection_demo.bank_events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
)


@dataclass
class AccountBalance:
    """One account. Amounts are Czech crowns, at least 0.

    Attributes:
        account_id: The account.
        opened_on: The day.
        is_assumed: No opening was known: the day is that of its first transaction.
        transactions: How many there were.
        credits: All that came in.
        debits: All that went out.
    """

    account_id: str
    opened_on: date
    is_assumed: bool
    transactions: int = 0
    credits: Decimal = Decimal(0)
    debits: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """What is left, below 0 when overdrawn."""
        return self.credits - self.debits


class Balances(Projection):
    """Every account that was opened, by its id."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountBalance] = {}

    @on(AccountOpened)
    def opened(self, event: AccountOpened) -> None:
        """Begin with nothing."""
        self.accounts[event.account_id] = AccountBalance(
            event.account_id, event.opened_on, event.is_assumed
        )

    @on(AccountCredited)
    def credited(self, event: AccountCredited) -> None:
        """Money came in."""
        account = self.accounts[event.account_id]
        account.transactions += 1
        account.credits += event.amount

    @on(AccountDebited)
    def debited(self, event: AccountDebited) -> None:
        """Money went out."""
        account = self.accounts[event.account_id]
        account.transactions += 1
        account.debits += event.amount

    def most_active(self, count: int) -> Sequence[AccountBalance]:
        """Return the busiest accounts, most transactions first; of equals, as opened."""
        return sorted(self.accounts.values(), key=lambda each: -each.transactions)[:count]
