"""Rows of an accounts file: the day on which each account was opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from orchestrix.projection_demo import fields
from orchestrix.projection_demo.bank_file import BankFile, Format
from orchestrix.projection_demo.problems import Problems, UnusableFile, UnusableRow

ACCOUNTS = Format("accounts", ("account_id", "district_id", "frequency", "date"))


@dataclass(frozen=True)
class Opening:
    """A row of the accounts file."""

    file: str
    line: int
    account_id: str
    opened_on: date


def read_openings(file: BankFile, problems: Problems) -> Mapping[str, Opening]:
    """Return the opening of each account; of two, the first counts."""
    found: dict[str, Opening] = {}

    def opening(line: int, columns: list[str]) -> Opening:
        account_id = fields.number("account_id", columns[0])
        if account_id in found:
            raise UnusableRow(
                f"account {account_id} is opened twice, first on line {found[account_id].line}"
            )
        return Opening(file.name, line, account_id, fields.day("date", columns[3]))

    for each in file.rows(opening, problems):
        found[each.account_id] = each
    if not found:
        raise UnusableFile(f"{file.name}: none of its rows is usable; expected {ACCOUNTS}")
    return found
