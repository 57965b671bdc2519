"""Part 3: real transactions become events in a file, and three projections read their log."""

from secrets import token_hex

from orchestrix.projection_demo.bank import Bank
from orchestrix.projection_demo.bank_records import BankFiles, BankRecords, read_records
from orchestrix.projection_demo.catching_up import catch_up
from orchestrix.projection_demo.following_text import troubles_of
from orchestrix.projection_demo.formats import counted
from orchestrix.projection_demo.history import (
    RUN,
    SOURCE,
    Missing,
    append_history,
    appended_by,
    check_source,
    missing_history,
)
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
    new_events = await _append(bank, records, problems, screen)
    await _project(bank, screen)
    after = await standing(bank)
    handled = {each.projection_id: each.handled for each in bank.engines}
    screen.tell("")
    return Summary(
        records.files,
        problems,
        Kept(bank.file, before, after, new_events, handled),
        await bank.balances(),
        await bank.turnover(),
        await bank.reconciliation(),
    )


async def _append(bank: Bank, records: BankRecords, problems: Problems, screen: Screen) -> int:
    """Return how many events this run appended."""
    missing, before = await missing_history(bank.store, records, problems), await bank.store.head()
    run = token_hex(4)
    metadata = {SOURCE: records.files.fingerprint, RUN: run}
    with screen.progress(_appending(missing), missing.events) as advance:
        await append_history(bank.store, missing, metadata, advance)
    return await appended_by(bank.store, run, before)


def _appending(missing: Missing) -> str:
    if not missing.events:
        return "Nothing to append, all of it is in the store"
    openings = counted(missing.openings, "account opening")
    transactions = counted(missing.transactions, "transaction")
    return f"Appending {counted(missing.events, 'event')}: {openings}, {transactions}"


async def _project(bank: Bank, screen: Screen) -> None:
    now = await standing(bank)
    left = [now.events - each for each in now.positions.values()]
    with screen.progress(_projecting(max(left)), sum(left)) as advance:
        await catch_up(
            bank, sum(now.positions.values()), advance, lambda sentence: screen.warn([sentence])
        )
    statuses = await bank.runner.status()
    screen.warn(troubles_of(statuses, await bank.set_aside(statuses)).values())


def _projecting(events: int) -> str:
    if not events:
        return "Nothing to project, all of it was handled before"
    return f"Projecting {counted(events, 'event')}"
