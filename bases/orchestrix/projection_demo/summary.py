"""What part 3 found out: the read models, and what they were made of."""

from dataclasses import dataclass
from decimal import Decimal

from orchestrix.projection_demo.balances import Balances
from orchestrix.projection_demo.bank_records import BankFiles
from orchestrix.projection_demo.formats import counted
from orchestrix.projection_demo.kept import Kept
from orchestrix.projection_demo.problems import Problems
from orchestrix.projection_demo.reconciliation import Reconciliation
from orchestrix.projection_demo.turnover import Turnover


@dataclass(frozen=True)
class Summary:
    """The three read models after the whole log, where they are, and the rows that are missing."""

    files: BankFiles
    problems: Problems
    kept: Kept
    balances: Balances
    turnover: Turnover
    reconciliation: Reconciliation

    @property
    def credits(self) -> Decimal:
        """All that came in, in crowns."""
        return sum((each.credits for each in self.balances.accounts), Decimal(0))

    @property
    def debits(self) -> Decimal:
        """All that went out, in crowns."""
        return sum((each.debits for each in self.balances.accounts), Decimal(0))

    @property
    def transactions(self) -> int:
        """How many credits and debits there were."""
        return sum(each.transactions for each in self.balances.accounts)

    @property
    def assumed_openings(self) -> int:
        """How many accounts opened with their first transaction."""
        return sum(each.is_assumed for each in self.balances.accounts)

    def notes(self, *, details: str) -> list[str]:
        """Return what a reader must know of the rows that are not there, in sentences.

        Args:
            details: Where a reader finds more of the unusable ones.
        """
        notes = self._note_on_accounts(), self._note_on_problems(details)
        return [note for note in notes if note]

    def _note_on_accounts(self) -> str:
        file, assumed = self.files.accounts, self.assumed_openings
        if not file:
            return "No accounts file was given: each account opens with its first transaction."
        if not assumed:
            return ""
        accounts = counted(assumed, "account")
        return (
            f"Not in {file.name}, or unusable there: {accounts}, opened with the first transaction."
        )

    def _note_on_problems(self, details: str) -> str:
        if not self.problems.count:
            return ""
        return f"Unusable and left out: {counted(self.problems.count, 'row')}, see {details}."
