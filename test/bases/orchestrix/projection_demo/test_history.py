"""From rows to a log, and from the log to projections."""

from datetime import date

import pytest

from orchestrix.eventsourcing import StoreUnavailable
from orchestrix.memory_store import InMemoryAsyncEventStore
from orchestrix.projection_demo.bank_records import named_files, read_records
from orchestrix.projection_demo.history import (
    CHUNK,
    RUN,
    append_history,
    appended_by,
    missing_history,
)
from orchestrix.projection_demo.problems import Problems


def ignore(_count):
    pass


async def append(store, records, run=""):
    missing = await missing_history(store, records, Problems())
    await append_history(store, missing, {RUN: run}, ignore)
    return missing


@pytest.fixture
def records(bank):
    file = bank.transactions(
        bank.credit(1, "930105", "9.00", "9.00", account=7),
        bank.credit(2, "930105", "8.00", "8.00", account=8),
        bank.debit(3, "930106", "1.00", "8.00", account=7),
    )
    return read_records(named_files(file, None), Problems(), ignore)


async def test_each_account_has_a_stream_in_file_order(records):
    store = InMemoryAsyncEventStore()
    await append(store, records)

    assert [(each.type, each.id) for each in (await store.read("account-7")).events] == [
        ("bank.account-opened", "opening-7"),
        ("bank.account-credited", "transaction-1"),
        ("bank.account-debited", "transaction-3"),
    ]
    assert [each.id for each in (await store.read("account-8")).events] == [
        "opening-8",
        "transaction-2",
    ]


async def test_what_is_recorded_is_not_appended_again(records):
    store = InMemoryAsyncEventStore()
    await append(store, records)
    await append(store, records)

    assert await store.head() == 5


async def test_what_is_missing_is_counted_by_kind(records):
    store = InMemoryAsyncEventStore()
    first, second = await append(store, records), await append(store, records)

    assert (first.openings, first.transactions, first.events) == (2, 3, 5)
    assert (second.chunks, second.events) == ([], 0)


async def test_of_two_runs_that_append_the_same_each_counts_its_own(records):
    store = InMemoryAsyncEventStore()
    missing = await missing_history(store, records, Problems())
    await append_history(store, missing, {RUN: "one"}, ignore)
    await append_history(store, missing, {RUN: "two"}, ignore)

    assert await appended_by(store, "one", 0) == 5
    assert await appended_by(store, "one", 2) == 3
    assert await appended_by(store, "two", 0) == 0


class FullNowAndThen(InMemoryAsyncEventStore):
    """Has no room for every third append, once for each stream."""

    def __init__(self):
        super().__init__()
        self.appends = 0
        self.refused = set()

    async def append(self, stream_id, events, **others):
        self.appends += 1
        if self.appends % 3 == 0 and stream_id not in self.refused:
            self.refused.add(stream_id)
            raise StoreUnavailable("bank.db", "the disk is full")
        return await super().append(stream_id, events, **others)


async def test_a_disk_that_is_full_now_and_then_loses_and_swaps_nothing(bank):
    accounts = 7
    rows = [
        bank.credit(n, "930105", "1.00", "1.00", account=n % accounts) for n in range(3 * CHUNK)
    ]
    records = read_records(named_files(bank.transactions(*rows), None), Problems(), ignore)
    store, refusals = FullNowAndThen(), 0
    while await store.head() < 3 * CHUNK + accounts:
        try:
            await append(store, records)
        except StoreUnavailable:
            refusals += 1

    assert refusals > 1
    for account in range(accounts):
        page = await store.read(f"account-{account}")
        lines = [vars(each.event)["line"] for each in page.events[1:]]
        assert lines == [n + 2 for n in range(3 * CHUNK) if n % accounts == account]


def test_every_transaction_remembers_its_line_and_its_day(records):
    assert [(each.line, each.booked_on) for each in records.transactions] == [
        (2, date(1993, 1, 5)),
        (3, date(1993, 1, 5)),
        (4, date(1993, 1, 6)),
    ]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ('"PRIJEM";"VKLAD";1;1;"";;', "cash in"),
        ('"PRIJEM";"PREVOD Z UCTU";1;1;"DUCHOD";"AB";1', "transfer in"),
        ('"PRIJEM";"";1;1;"UROK";;', "interest"),
        ('"PRIJEM";"NEW";1;1;"";;', "other in"),
        ('"VYBER";"VYBER";1;1;"";;', "cash out"),
        ('"VYDAJ";"VYBER KARTOU";1;1;" ";;', "card"),
        ('"VYDAJ";"PREVOD NA UCET";1;1;"SIPO";"AB";1', "transfer out"),
        ('"VYDAJ";"VYBER";1;1;"SLUZBY";;', "fee"),
        ('"VYDAJ";"VYBER";1;1;"SANKC. UROK";;', "penalty"),
        ('"VYDAJ";"";1;1;"";;', "other out"),
    ],
)
def test_a_kind_says_what_the_money_was_for_or_how_it_moved(bank, row, kind):
    files = named_files(bank.transactions(f"1;1;930101;{row}"), None)
    (event,) = read_records(files, Problems(), ignore).transactions

    assert event.kind == kind
    assert (event.change > 0) == row.startswith('"PRIJEM"')
