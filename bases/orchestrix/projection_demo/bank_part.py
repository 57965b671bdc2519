"""Part 3: real transactions become events in a file, and three projections read their log."""

from orchestrix.projection_demo.bank import ENGINES, Bank
from orchestrix.projection_demo.bank_records import BankFiles, BankRecords, read_records
from orchestrix.projection_demo.catching_up import catch_up
from orchestrix.projection_demo.following_text import troubles_of
from orchestrix.projection_demo.formats import counted
from orchestrix.projection_demo.history import append_history, check_source
from orchestrix.projection_demo.kept import Kept, standing
from orchestrix.projection_demo.problems import Problems
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_demo.summary import Summary


def read_bank(files: BankFiles, problems: Problems, screen: Screen) -> BankRecords:
    """Explain the part, and read the rows, so that a file is made only for what can be used."""
    screen.title("3. The same on real bank transactions, in a file that stays")
    screen.tell(
        "Each row of a bank's file becomes an event in the stream of its account, in a store that "
        "is one SQLite file. Three projections then read the log of all streams, page by page: "
        "the balance of each account, the turnover of each month, and a check of the bank's own "
        "balances. Their tables are in the same file, and each page commits with the checkpoint "
        "behind it: killed at any moment, the demo goes on where it was."
    )
    rows = len(files.transactions.lines)
    with screen.progress(f"Reading {counted(rows, 'row')}", rows) as advance:
        return read_records(files, problems, advance)


async def project_bank(
    bank: Bank, records: BankRecords, problems: Problems, screen: Screen
) -> Summary:
    """Append what the file does not hold yet, let projections catch up, and ask them."""
    await check_source(bank.store, records.files, str(bank.file))
    before = await standing(bank)
    rows = len(records.transactions)
    with screen.progress(f"Appending {counted(rows, 'transaction')} as events", rows) as advance:
        await append_history(bank.store, records, problems, advance)
    await _project(bank, screen)
    after = await standing(bank)
    screen.tell("")
    return Summary(
        records.files,
        problems,
        Kept(bank.file, before, after),
        await bank.balances(),
        await bank.turnover(),
        await bank.reconciliation(),
    )


async def _project(bank: Bank, screen: Screen) -> None:
    head = await bank.store.head()
    with screen.progress(f"Projecting {counted(head, 'event')}", head * len(ENGINES)) as advance:
        await catch_up(bank, advance, lambda sentence: screen.warn([sentence]))
    statuses = await bank.runner.status()
    screen.warn(troubles_of(statuses, await bank.set_aside(statuses)).values())
