"""One account's stream, read to book more on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.projection_demo.account_steps import AccountSteps
from orchestrix.projection_demo.bank_events import (
    AccountCredited,
    AccountDebited,
    TransactionBooked,
)
from orchestrix.projection_demo.history import stream_of

FROM_NO_FILE = 0
"""The line of a transaction that was appended by hand."""


@dataclass(frozen=True)
class AccountHistory:
    """What the next transaction depends on.

    Attributes:
        account_id: The account.
        version: Of the last event in its stream.
        day: Of the last transaction: the bank's present.
        balance: The bank's balance after it, in booked order.
    """

    account_id: str
    version: int
    day: date
    balance: Decimal

    @property
    def stream_id(self) -> str:
        """Where its events are."""
        return stream_of(self.account_id)

    def transactions(self, amounts: Sequence[Decimal]) -> Sequence[TransactionBooked]:
        """Return new transactions; each amount comes in, or goes out when it is below 0."""
        made: list[TransactionBooked] = []
        balance = self.balance
        for each in amounts:
            balance += each
            made.append(self._transaction(each, balance))
        return made

    def _transaction(self, change: Decimal, balance: Decimal) -> TransactionBooked:
        return (AccountDebited if change < 0 else AccountCredited)(
            account_id=self.account_id,
            booked_on=self.day,
            kind="by hand out" if change < 0 else "by hand in",
            amount=abs(change),
            bank_balance=balance,
            line=FROM_NO_FILE,
        )


async def account_history(store: AsyncEventStore, account_id: str) -> AccountHistory | None:
    """Fold the stream of an account; None when it has no transaction."""
    steps: AccountSteps | None = None
    version, at_end = -1, False
    while not at_end:
        page = await store.read(stream_of(account_id), from_version=version + 1)
        for recorded in page.events:
            version = recorded.version
            if isinstance(event := recorded.event, TransactionBooked):
                steps = steps or AccountSteps.before(event)
                steps.add(event)
        at_end = page.at_end
    if steps is None:
        return None
    return AccountHistory(account_id, version, steps.latest.day, steps.last_booked_balance())
