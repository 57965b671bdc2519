"""The documentation page's read model: dicts, and methods that fold events into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestrix.messaging import Event


@dataclass(frozen=True, kw_only=True)
class AccountCreated(Event):
    """An account exists, and it is somebody's."""

    account_id: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class MoneyDeposited(Event):
    """Money came in; a Decimal of at least 0, since floats do not add up."""

    account_id: str
    amount: Decimal


class AccountProjection:
    """Balance and owner of every account."""

    def __init__(self) -> None:
        self.balances: dict[str, Decimal] = {}
        self.owners: dict[str, str] = {}

    def apply_created(self, event: AccountCreated) -> None:
        """Begin with nothing."""
        self.balances[event.account_id] = Decimal("0.00")
        self.owners[event.account_id] = event.owner

    def apply_deposited(self, event: MoneyDeposited) -> None:
        """Add what came in."""
        self.balances[event.account_id] += event.amount

    def get_balance(self, account_id: str) -> Decimal:
        """Return the balance; nothing when the account was never created."""
        return self.balances.get(account_id, Decimal("0.00"))


ACCOUNT = "acc-1"


def history() -> Sequence[Event]:
    """Return what happens to one account in parts 1 and 2 of the demo."""
    return [
        AccountCreated(account_id=ACCOUNT, owner="Ada"),
        MoneyDeposited(account_id=ACCOUNT, amount=Decimal("100.00")),
        MoneyDeposited(account_id=ACCOUNT, amount=Decimal("50.00")),
    ]
