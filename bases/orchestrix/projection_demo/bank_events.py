"""What happens to a bank account, as events. Their type names are stable: they are stored."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestrix.messaging import Event


@dataclass(frozen=True, kw_only=True)
class AccountOpened(Event, type="bank.account-opened"):
    """An account exists from now on.

    Attributes:
        account_id: The account.
        opened_on: The day.
        is_assumed: No opening is known; the day is that of the account's first transaction.
    """

    account_id: str
    opened_on: date
    is_assumed: bool = False


@dataclass(frozen=True, kw_only=True)
class TransactionBooked(Event):
    """What credits and debits share; a handler for this class hears both.

    Attributes:
        account_id: The account.
        booked_on: The day.
        kind: How the money moved, such as "cash in".
        amount: Czech crowns, at least 0.
        bank_balance: The bank's own balance of the account after this transaction, in crowns.
        line: Line of the file it was read from.
    """

    account_id: str
    booked_on: date
    kind: str
    amount: Decimal
    bank_balance: Decimal
    line: int

    @property
    @abstractmethod
    def change(self) -> Decimal:
        """What it does to the balance."""


@dataclass(frozen=True, kw_only=True)
class AccountCredited(TransactionBooked, type="bank.account-credited"):
    """Money came in."""

    @property
    def change(self) -> Decimal:
        return self.amount


@dataclass(frozen=True, kw_only=True)
class AccountDebited(TransactionBooked, type="bank.account-debited"):
    """Money went out."""

    @property
    def change(self) -> Decimal:
        return -self.amount


def account_of(event: AccountOpened | TransactionBooked) -> str:
    """Return the account that an event is about."""
    return event.account_id
