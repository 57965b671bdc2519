"""The bank's history goes into an event store: one stream per account."""

from collections.abc import Callable

from orchestrix.eventsourcing import NO_STREAM, EventStore
from orchestrix.projection_demo.bank_events import AccountOpened, TransactionBooked
from orchestrix.projection_demo.bank_records import BankRecords
from orchestrix.projection_demo.openings import Opening
from orchestrix.projection_demo.problems import Problems


def append_history(
    store: EventStore, records: BankRecords, problems: Problems, advance: Callable[[int], None]
) -> None:
    """Append every transaction in the order of the file, so the log has that order too.

    An account is opened just before its first transaction. Calls `advance` with 1 after each.
    """
    opened: set[str] = set()
    for event in records.transactions:
        stream_id = f"account-{event.account_id}"
        if event.account_id in opened:
            store.append(stream_id, [event])
        else:
            opening = _opening(event, records, problems)
            store.append(stream_id, [opening, event], expected_version=NO_STREAM)
            opened.add(event.account_id)
        advance(1)


def _opening(first: TransactionBooked, records: BankRecords, problems: Problems) -> AccountOpened:
    known = records.openings.get(first.account_id)
    if known and known.opened_on > first.booked_on:
        problems.add(known.file, known.line, _too_late(known, first))
        known = None
    return AccountOpened(
        id=f"opening-{first.account_id}",
        account_id=first.account_id,
        opened_on=known.opened_on if known else first.booked_on,
        is_assumed=known is None,
    )


def _too_late(opening: Opening, first: TransactionBooked) -> str:
    return (
        f"account {opening.account_id} is opened on {opening.opened_on}, "
        f"after its first transaction on {first.booked_on}"
    )
