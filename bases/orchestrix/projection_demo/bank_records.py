"""What part 3 works on: transactions, and the openings of their accounts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from orchestrix.projection_demo.bank_events import TransactionBooked
from orchestrix.projection_demo.bank_file import BankFile, open_file, shipped_file
from orchestrix.projection_demo.openings import ACCOUNTS, Opening, read_openings
from orchestrix.projection_demo.problems import Problems, UnusableFile
from orchestrix.projection_demo.transactions import TRANSACTIONS, TransactionRows

_ATTRIBUTION = "PKDD'99 financial data set (part), by Petr Berka and Marta Sochorova"


@dataclass(frozen=True)
class BankFiles:
    """Files with the right headers, their rows not yet read.

    Attributes:
        source: Where they come from, for people.
        transactions: The file of transactions.
        accounts: The file of accounts, if there is one.
    """

    source: str
    transactions: BankFile
    accounts: BankFile | None

    @property
    def fingerprint(self) -> str:
        """Tells these files from others, by their content."""
        found = sha256(b"\n".join(self.transactions.lines))
        if self.accounts:
            found.update(b"\n\n" + b"\n".join(self.accounts.lines))
        return found.hexdigest()[:32]


@dataclass(frozen=True)
class BankRecords:
    """The usable rows of these files.

    Attributes:
        files: Where they were.
        transactions: In the order of the file.
        openings: By account.
    """

    files: BankFiles
    transactions: Sequence[TransactionBooked]
    openings: Mapping[str, Opening]


def shipped_files() -> BankFiles:
    """Return the files that come with the demo."""
    transactions = shipped_file("transactions.asc", TRANSACTIONS)
    return BankFiles(_ATTRIBUTION, transactions, shipped_file("accounts.asc", ACCOUNTS))


def named_files(data: Path, accounts: Path | None) -> BankFiles:
    """Return the user's files, or raise UnusableFile."""
    transactions = open_file(data, TRANSACTIONS)
    accounts_file = open_file(accounts, ACCOUNTS) if accounts else None
    return BankFiles(transactions.name, transactions, accounts_file)


def read_records(
    files: BankFiles, problems: Problems, advance: Callable[[int], None]
) -> BankRecords:
    """Read all rows; calls `advance` with 1 after each transaction."""
    openings: Mapping[str, Opening] = (
        read_openings(files.accounts, problems) if files.accounts else {}
    )
    transactions: list[TransactionBooked] = []
    for each in files.transactions.rows(TransactionRows(), problems):
        transactions.append(each)
        advance(1)
    if not transactions:
        name = files.transactions.name
        raise UnusableFile(f"{name}: none of its rows is usable; expected {TRANSACTIONS}")
    return BankRecords(files, transactions, openings)
