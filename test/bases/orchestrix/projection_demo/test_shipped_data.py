"""The demo as a newcomer runs it, on the data that comes with it."""

import csv
import io
import json
import lzma
import re
from contextlib import redirect_stdout
from decimal import Decimal
from importlib.resources import files

import pytest

from orchestrix.projection_demo import main

DATA = files("orchestrix.projection_demo") / "data"


def rows(name):
    text = lzma.decompress((DATA / f"{name}.xz").read_bytes()).decode()
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


@pytest.fixture(scope="module")
def summary():
    with redirect_stdout(io.StringIO()) as out:
        assert main(["--json"]) == 0
    return json.loads(out.getvalue())


def test_the_whole_demo_explains_itself_in_80_columns(demo):
    answer = demo()

    assert (answer.status, answer.err) == (0, "")
    assert [line for line in answer.lines if line[:2] in ("1.", "2.", "3.")] == [
        "1. Events become a read model",
        "2. A ProjectionEngine remembers how far it got",
        "3. The same on real bank transactions, in a file that stays",
    ]
    assert "30,000 transactions of 1,146 accounts, 1993-01-01 to 1994-01-08" in answer.lines
    assert "in file order 22,180 972 6,848" in answer.lines
    assert "in booked order 28,576 1,424 0" in answer.lines
    assert "In booked order, all 30,000 steps agree." in answer.lines
    assert (
        sum(re.fullmatch(r"\d+ \d{4}-\d\d-\d\d .*", line) is not None for line in answer.lines)
        == 10
    )
    to_copy = ("bank.db: 31,146 events", "sqlite3 ", "projection-demo --store ")
    others = [each for each in answer.out.splitlines() if not any(map(each.count, to_copy))]
    assert max(map(len, others)) <= 80


def test_the_source_of_the_data_is_named(summary):
    attribution = "Petr Berka and Marta Sochorova"

    assert attribution in summary["source"]
    assert attribution in (DATA / "ATTRIBUTION.md").read_text()


def test_the_steps_agree_as_the_bank_booked_them(summary):
    assert summary["reconciliation"] == {
        "file_order": {"exact": 22180, "within_0.1": 972, "not_at_all": 6848},
        "booked_order": {"exact": 28576, "within_0.1": 1424, "not_at_all": 0},
        "uncertain_days": 0,
    }


def test_totals_equal_a_recomputation_from_the_file(summary):
    transactions = rows("transactions.asc")
    ins = sum(Decimal(each["amount"]) for each in transactions if each["type"] == "PRIJEM")
    outs = sum(Decimal(each["amount"]) for each in transactions if each["type"] != "PRIJEM")

    assert summary["totals"] == {
        "events": 31146,
        "accounts": 1146,
        "assumed_openings": 0,
        "transactions": len(transactions),
        "first_day": "1993-01-01",
        "last_day": "1994-01-08",
        "credits": str(ins),
        "debits": str(outs),
        "balance": str(ins - outs),
    }


def test_months_add_up_to_the_totals(summary):
    months = summary["turnover"]
    kinds = [Decimal(amount) for month in months for amount in month["kinds"].values()]
    ins = sum(Decimal(month["credits"]) for month in months)
    outs = sum(Decimal(month["debits"]) for month in months)

    assert [months[0]["month"], months[-1]["month"], len(months)] == ["1993-01", "1994-01", 13]
    assert str(ins) == summary["totals"]["credits"]
    assert str(outs) == summary["totals"]["debits"]
    assert sum(kinds) == ins + outs


def test_only_the_accounts_that_the_transactions_need_are_shipped():
    needed = {each["account_id"] for each in rows("transactions.asc")}

    assert sorted(each["account_id"] for each in rows("accounts.asc")) == sorted(needed)
