"""Rows of a transactions file become events."""

from dataclasses import dataclass, field

from orchestrix.projection_demo import fields
from orchestrix.projection_demo.bank_events import (
    AccountCredited,
    AccountDebited,
    TransactionBooked,
)
from orchestrix.projection_demo.bank_file import Format
from orchestrix.projection_demo.problems import UnusableRow

TRANSACTIONS = Format(
    "transactions",
    (
        "trans_id", "account_id", "date", "type", "operation",
        "amount", "balance", "k_symbol", "bank", "account",
    ),
)  # fmt: skip

_CREDIT, _DEBITS = "PRIJEM", ("VYDAJ", "VYBER")

# By k_symbol (what for), else by operation (how).
_KINDS_IN = {"UROK": "interest", "VKLAD": "cash in", "PREVOD Z UCTU": "transfer in"}
_KINDS_OUT = {
    "SLUZBY": "fee",
    "SANKC. UROK": "penalty",
    "VYBER": "cash out",
    "VYBER KARTOU": "card",
    "PREVOD NA UCET": "transfer out",
}


@dataclass
class TransactionRows:
    """Makes events of rows, and refuses a transaction number that it has met before."""

    _lines: dict[str, int] = field(default_factory=dict[str, int])

    def __call__(self, line: int, columns: list[str]) -> TransactionBooked:
        """Return the event of one row; its id is made of the bank's transaction number."""
        number, account, day, type_, operation, amount, balance, symbol = columns[:8]
        is_credit = fields.one_of("type", type_, (_CREDIT, *_DEBITS)) == _CREDIT
        event = (AccountCredited if is_credit else AccountDebited)(
            id=f"transaction-{fields.number('trans_id', number)}",
            account_id=fields.number("account_id", account),
            booked_on=fields.day("date", day),
            kind=_kind(is_credit, operation, symbol),
            amount=fields.amount("amount", amount),
            bank_balance=fields.balance("balance", balance),
            line=line,
        )
        if (first := self._lines.setdefault(event.id, line)) != line:
            raise UnusableRow(f"transaction {number} stands on line {first} already")
        return event


def _kind(is_credit: bool, operation: str, symbol: str) -> str:
    kinds, other = (_KINDS_IN, "other in") if is_credit else (_KINDS_OUT, "other out")
    return kinds.get(symbol) or kinds.get(operation, other)
