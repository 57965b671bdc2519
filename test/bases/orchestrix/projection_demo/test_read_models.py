"""The three read models, projected from a few events."""

from datetime import date
from decimal import Decimal

import pytest

from orchestrix.memory_store import InMemoryProjections
from orchestrix.projection_demo.account_steps import LONGEST_EXAMPLE
from orchestrix.projection_demo.balances import BALANCES, Balances, balances_engine
from orchestrix.projection_demo.bank_events import (
    AccountCredited,
    AccountDebited,
    AccountOpened,
    TransactionBooked,
)
from orchestrix.projection_demo.reconciliation import (
    RECONCILIATION,
    Reconciliation,
    reconciliation_engine,
)
from orchestrix.projection_demo.steps import Agreement
from orchestrix.projection_demo.turnover import Turnover
from orchestrix.projection_demo.turnover_table import TURNOVER, turnover_engine
from orchestrix.testing import given


async def projected(make, table, events):
    """Return the rows of a table after `events`."""
    states = InMemoryProjections()
    await make(states).process_events(events)
    return await states.table(table).query()


async def balances_of(events):
    return Balances(await projected(balances_engine, BALANCES, events))


async def turnover_of(events):
    return Turnover(await projected(turnover_engine, TURNOVER, events))


async def reconciliation_of(events):
    return Reconciliation(await projected(reconciliation_engine, RECONCILIATION, events))


def opened(account):
    return AccountOpened(account_id=account, opened_on=date(1993, 1, 1))


def booked(cls, account, day, amount, balance="0", kind="cash in", line=2):
    return cls(
        account_id=account,
        booked_on=day,
        kind=kind,
        amount=Decimal(amount),
        bank_balance=Decimal(balance),
        line=line,
    )


def credit(*arguments, **others):
    return booked(AccountCredited, *arguments, **others)


def debit(*arguments, **others):
    return booked(AccountDebited, *arguments, **others)


DAY, NEXT = date(1993, 1, 31), date(1993, 2, 1)


def counted(steps):
    return tuple(steps[each] for each in Agreement)


def test_type_names_are_stable():
    assert opened("1").type == "bank.account-opened"
    assert credit("1", DAY, "1").type == "bank.account-credited"
    assert debit("1", DAY, "1").type == "bank.account-debited"
    assert issubclass(AccountDebited, TransactionBooked)


async def test_balances_add_credits_and_take_debits_of_each_account():
    history = [opened("1"), credit("1", DAY, "0.10"), credit("1", DAY, "0.20"), opened("2")]
    balances = await balances_of([*history, debit("2", DAY, "7")])

    assert [(each.account_id, each.balance) for each in balances.accounts] == [
        ("1", Decimal("0.30")),
        ("2", Decimal(-7)),
    ]


async def test_a_transaction_of_an_account_that_was_never_opened_is_refused():
    await given(balances_engine, credit("5", DAY, "1")).then_raises(
        LookupError, match="account 5 has a transaction and was never opened"
    )


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (balances_engine, BALANCES),
        (turnover_engine, TURNOVER),
        (reconciliation_engine, RECONCILIATION),
    ],
)
async def test_the_tables_are_the_same_whatever_happens_on_the_way(make, table):
    history = [opened("1"), credit("1", DAY, "5", "5"), debit("1", NEXT, "2", "3", line=3)]
    rows = await projected(make, table, history)

    scenario = given(make, *history).when("crashed", "restarted", "replayed", "repeated")
    await scenario.then_rows(table, *rows)


async def test_the_most_active_account_has_most_transactions():
    history = [opened("1"), opened("2"), opened("3"), credit("2", DAY, "1"), credit("2", DAY, "1")]
    balances = await balances_of([*history, credit("3", DAY, "900")])

    assert [each.account_id for each in balances.most_active(2)] == ["2", "3"]


async def test_turnover_is_kept_by_month_and_kind():
    turnover = await turnover_of(
        [
            credit("1", DAY, "5", kind="cash in"),
            credit("2", DAY, "1", kind="interest"),
            debit("1", NEXT, "2", kind="fee"),
        ]
    )
    january, february = turnover.months()

    assert (january.credits, january.debits) == (Decimal(6), Decimal(0))
    assert (february.credits, february.debits) == (Decimal(0), Decimal(2))
    assert [each.kind for each in turnover.totals()] == ["cash in", "interest", "fee"]


async def test_a_month_without_a_transaction_is_there_too():
    turnover = await turnover_of(
        [credit("1", date(1993, 11, 5), "1"), credit("1", date(1994, 2, 1), "1")]
    )

    assert [f"{each.month:%Y-%m}" for each in turnover.months()] == [
        "1993-11",
        "1993-12",
        "1994-01",
        "1994-02",
    ]


async def test_the_first_row_of_an_account_steps_from_nothing():
    model = await reconciliation_of([credit("1", DAY, "5", "5"), credit("2", DAY, "5", "6")])

    assert counted(model.in_file_order) == (1, 0, 1)


async def test_rows_of_a_day_agree_in_booked_order_only():
    model = await reconciliation_of(
        [
            credit("1", DAY, "100", "100"),
            debit("1", NEXT, "30", "80", line=3),
            credit("1", NEXT, "10", "110", line=4),
            credit("1", date(1993, 2, 2), "1", "81"),
        ]
    )

    assert counted(model.in_file_order) == (1, 0, 3)
    assert counted(model.in_booked_order().steps) == (4, 0, 0)


async def test_the_latest_day_of_an_account_counts_before_it_is_complete():
    model = await reconciliation_of([debit("1", DAY, "30", "70"), credit("1", DAY, "100", "100")])

    assert counted(model.in_booked_order().steps) == (2, 0, 0)
    assert counted(model.in_booked_order().steps) == (2, 0, 0)  # asking changes nothing


async def test_accounts_do_not_disturb_one_another():
    model = await reconciliation_of(
        [
            debit("1", DAY, "30", "70"),
            debit("2", DAY, "10", "40"),
            credit("1", DAY, "100", "100"),
            credit("2", DAY, "50", "50"),
        ]
    )

    assert counted(model.in_booked_order().steps) == (4, 0, 0)


async def test_days_with_too_many_orders_to_try_are_counted():
    senseless = [
        [credit("1", day, "1", n * n, line=n) for n in range(5, 25)] for day in (DAY, NEXT)
    ]
    short = [credit("2", DAY, "1", "5", line=99), credit("2", DAY, "1", "9", line=100)]
    model = await reconciliation_of([*senseless[0], *senseless[1], *short])

    assert model.in_booked_order().uncertain_days == 2
    assert model.in_booked_order().uncertain_days == 2  # asking changes nothing


async def test_a_day_too_long_to_be_shown_is_no_example():
    long_day = [
        credit("1", DAY, "1", str(n), line=99 - n) for n in range(LONGEST_EXAMPLE + 1, 0, -1)
    ]
    short = [debit("1", NEXT, "1", "11", line=101), credit("1", NEXT, "1", "12", line=100)]
    model = await reconciliation_of([*long_day, *short, credit("1", date(1993, 2, 2), "1", "12")])

    assert model.example
    assert model.example.day == NEXT


async def test_the_example_is_the_first_day_whose_order_matters():
    model = await reconciliation_of(
        [
            credit("1", DAY, "5", "5"),
            debit("2", DAY, "30", "70", line=4),
            credit("2", DAY, "100", "100", line=5),
            credit("1", NEXT, "1", "6"),
            credit("2", NEXT, "1", "71"),
        ]
    )

    assert model.example
    assert (model.example.account_id, model.example.day) == ("2", DAY)
    assert [each.line for each in model.example.in_booked_order().bookings] == [5, 4]
