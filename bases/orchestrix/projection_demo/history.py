"""The bank's history goes into an event store: one stream per account."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from orchestrix.eventsourcing import AsyncEventStore, Page
from orchestrix.messaging import Event
from orchestrix.projection_demo.bank_events import AccountOpened, TransactionBooked
from orchestrix.projection_demo.bank_records import BankFiles, BankRecords
from orchestrix.projection_demo.openings import Opening
from orchestrix.projection_demo.problems import Problems, UnusableFile

CHUNK = 1000
"""Transactions that are on their way to the store at a time, and events in a page of it."""

SOURCE = "source"
"""Metadata of imported events: the fingerprint of the files that they come from."""

RUN = "run"
"""Metadata of imported events: which run of the demo appended them."""

Streams = Mapping[str, Sequence[Event]]
"""Events to append, by stream."""


@dataclass(frozen=True)
class Missing:
    """What a store does not hold yet.

    Attributes:
        chunks: Each goes in when all of the one before is in.
        openings: How many accounts are opened in them.
        transactions: How many transactions there are in them.
    """

    chunks: Sequence[Streams]
    openings: int
    transactions: int

    @property
    def events(self) -> int:
        """How many there are."""
        return self.openings + self.transactions


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


async def missing_history(
    store: AsyncEventStore, records: BankRecords, problems: Problems
) -> Missing:
    """Return what is to be appended, so that each stream has the order of the file.

    An account is opened just before its first transaction. An append is all or nothing, so one
    whose last event is recorded is not missing.
    """
    recorded, opened = await _recorded_ids(store), set[str]()
    chunks: list[Streams] = []
    for start in range(0, len(records.transactions), CHUNK):
        chunk = records.transactions[start : start + CHUNK]
        streams = _by_stream(chunk, opened, records, problems)
        chunks.append({name: each for name, each in streams.items() if each[-1].id not in recorded})
    events = [each for chunk in chunks for stream in chunk.values() for each in stream]
    openings = sum(isinstance(each, AccountOpened) for each in events)
    return Missing([each for each in chunks if each], openings, len(events) - openings)


async def append_history(
    store: AsyncEventStore,
    missing: Missing,
    metadata: Mapping[str, str],
    advance: Callable[[int], None],
) -> None:
    """Append what is missing.

    A chunk goes in with one append for each of its accounts, and the next one only when all of
    it is in. Event ids are made of the bank's numbers; so whoever was killed, or ran out of disk,
    and starts again appends the rest and nothing twice, and no later transaction of an account is
    in before an earlier one. Calls `advance` with the number of events after each chunk.
    """
    for chunk in missing.chunks:
        appends = [store.append(name, each, metadata=metadata) for name, each in chunk.items()]
        await asyncio.gather(*appends)  # they share the commits of the store
        advance(sum(map(len, chunk.values())))


async def appended_by(store: AsyncEventStore, run: str, after_position: int) -> int:
    """Return how many events after a position are of this run: others may append the same ones."""
    found = 0
    async for page in _pages(store, after_position):
        found += sum(each.metadata.get(RUN) == run for each in page.events)
    return found


async def _recorded_ids(store: AsyncEventStore) -> Collection[str]:
    ids = set[str]()
    async for page in _pages(store, 0):
        ids.update(each.id for each in page.events)
    return ids


async def _pages(store: AsyncEventStore, position: int) -> AsyncIterator[Page]:
    at_end = False
    while not at_end:
        page = await store.read_all(after_position=position, limit=CHUNK)
        yield page
        position, at_end = page.last_position, page.at_end


def _by_stream(
    chunk: Sequence[TransactionBooked], opened: set[str], records: BankRecords, problems: Problems
) -> Streams:
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
