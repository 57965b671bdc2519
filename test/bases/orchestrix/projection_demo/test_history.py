"""From rows to a log, and from the log to projections."""

import asyncio
from datetime import date

import pytest

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_demo.balances import Balances
from orchestrix.projection_demo.bank_records import named_files, read_records
from orchestrix.projection_demo.catching_up import PAGE, catch_up
from orchestrix.projection_demo.history import append_history
from orchestrix.projection_demo.problems import Problems
from orchestrix.projection_state import InMemoryProjectionStateStore


def ignore(_count):
    pass


@pytest.fixture
def records(bank):
    file = bank.transactions(
        bank.credit(1, "930105", "9.00", "9.00", account=7),
        bank.credit(2, "930105", "8.00", "8.00", account=8),
        bank.debit(3, "930106", "1.00", "8.00", account=7),
    )
    return read_records(named_files(file, None), Problems(), ignore)


def test_the_log_is_in_file_order_and_has_a_stream_for_each_account(records):
    store = InMemoryEventStore()
    append_history(store, records, Problems(), ignore)

    assert [(each.stream_id, each.type, each.id) for each in store.read_all().events] == [
        ("account-7", "bank.account-opened", "opening-7"),
        ("account-7", "bank.account-credited", "transaction-1"),
        ("account-8", "bank.account-opened", "opening-8"),
        ("account-8", "bank.account-credited", "transaction-2"),
        ("account-7", "bank.account-debited", "transaction-3"),
    ]


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


async def test_others_run_between_the_pages(bank):
    rows = [bank.credit(n, "930105", "1.00", "1.00", account=n) for n in range(PAGE)]
    records = read_records(named_files(bank.transactions(*rows), None), Problems(), ignore)
    store, pages = InMemoryEventStore(), []
    append_history(store, records, Problems(), ignore)
    engine = ProjectionEngine("balances", InMemoryProjectionStateStore())
    engine.register(Balances)
    reading = asyncio.create_task(catch_up(store, [engine], pages.append))
    await asyncio.sleep(0)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert pages == []


async def test_projections_read_every_page_of_the_log(bank):
    rows = [bank.credit(n, "930105", "1.00", "1.00", account=n) for n in range(PAGE)]
    records = read_records(named_files(bank.transactions(*rows), None), Problems(), ignore)
    store, pages = InMemoryEventStore(), []
    append_history(store, records, Problems(), ignore)
    engine = ProjectionEngine("balances", InMemoryProjectionStateStore())
    engine.register(Balances)
    await catch_up(store, [engine], pages.append)
    await catch_up(store, [engine], pages.append)  # has nothing to do

    assert pages == [PAGE, PAGE, PAGE, PAGE]
    assert sum(each.transactions for each in engine.get(Balances).accounts.values()) == PAGE
    state = engine.get_state()
    assert state
    assert state.last_processed_position == store.head()
