"""The bank's history goes into an event store: one stream per account."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from orchestrix.eventsourcing import AsyncEventStore
from orchestrix.messaging import Event
from orchestrix.projection_demo.bank_events import AccountOpened, TransactionBooked
from orchestrix.projection_demo.bank_records import BankFiles, BankRecords
from orchestrix.projection_demo.openings import Opening
from orchestrix.projection_demo.problems import Problems, UnusableFile

CHUNK = 1000
"""Transactions that are on their way to the store at a time."""

SOURCE = "source"
"""Metadata of imported events: the fingerprint of the files that they come from."""


def stream_of(account_id: str) -> str:
    """Return the stream of an account."""
    return f"account-{account_id}"


async def check_source(store: AsyncEventStore, files: BankFiles, name: str) -> None:
    """Raise UnusableFile when the store holds anything but the history of these files."""
    first = (await store.read_all(limit=1)).events
    if first and first[0].metadata.get(SOURCE) != files.fingerprint:
        raise UnusableFile(
            f"{name}: it holds other events than those of {files.transactions.name}; give these "
            "a store of their own with --store"
        )


async def append_history(
    store: AsyncEventStore,
    records: BankRecords,
    problems: Problems,
    advance: Callable[[int], None],
) -> None:
    """Append what is missing, so that each stream has the order of the file.

    An account is opened just before its first transaction. A chunk goes in with one append for
    each of its accounts, and the next one only when all of it is in. An append is all or nothing
    and event ids are made of the bank's numbers; so whoever was killed, or ran out of disk, and
    starts again appends the rest and nothing twice, and no later transaction of an account is in
    before an earlier one. Calls `advance` with the number of transactions after each chunk.
    """
    recorded, source = await _recorded_ids(store), {SOURCE: records.files.fingerprint}
    opened: set[str] = set()
    for start in range(0, len(records.transactions), CHUNK):
        chunk = records.transactions[start : start + CHUNK]
        streams = _by_stream(chunk, opened, records, problems)
        await _append(store, streams, recorded, source)
        advance(len(chunk))


async def _append(
    store: AsyncEventStore,
    streams: Mapping[str, Sequence[Event]],
    recorded: Collection[str],
    source: Mapping[str, str],
) -> None:
    missing = (each for each in streams.items() if each[1][-1].id not in recorded)
    appends = [store.append(stream, events, metadata=source) for stream, events in missing]
    await asyncio.gather(*appends)  # they share the commits of the store


async def _recorded_ids(store: AsyncEventStore) -> Collection[str]:
    ids, position, at_end = set[str](), 0, False
    while not at_end:
        page = await store.read_all(after_position=position)
        ids.update(each.id for each in page.events)
        position, at_end = page.last_position, page.at_end
    return ids


def _by_stream(
    chunk: Sequence[TransactionBooked], opened: set[str], records: BankRecords, problems: Problems
) -> Mapping[str, Sequence[Event]]:
    streams: dict[str, list[Event]] = {}
    for event in chunk:
        events = streams.setdefault(stream_of(event.account_id), [])
        if event.account_id not in opened:
            opened.add(event.account_id)
            events.append(_opening(event, records, problems))
        events.append(event)
    return streams


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
