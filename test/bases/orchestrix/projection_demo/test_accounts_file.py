"""When accounts open: with a file of accounts, without one, and with a bad one."""

import json

import pytest


@pytest.fixture
def two_accounts(bank):
    return bank.transactions(
        bank.credit(1, "930105", "9.00", "9.00", account=1),
        bank.credit(2, "930106", "8.00", "8.00", account=2),
    )


def opened(answer):
    accounts = json.loads(answer.out)["most_active_accounts"]
    return {each["account_id"]: each["opened_on"] for each in accounts}


def test_accounts_open_on_the_day_that_the_file_says(demo, bank, two_accounts):
    accounts = bank.accounts("1;55;x;930101", "2;55;x;930102", "3;55;x;930103")
    answer = demo("--json", "--data", two_accounts, "--accounts", accounts)

    assert answer.err == ""
    assert opened(answer) == {"1": "1993-01-01", "2": "1993-01-02"}
    assert json.loads(answer.out)["notes"] == []


def test_without_the_file_they_open_with_their_first_row_and_the_summary_says_so(
    demo, two_accounts
):
    note = "No accounts file was given: each account opens with its first transaction."

    assert opened(demo("--json", "--data", two_accounts)) == {"1": "1993-01-05", "2": "1993-01-06"}
    assert note in demo("--quiet", "--data", two_accounts).lines


def test_an_account_that_the_file_does_not_have_opens_with_its_first_row(demo, bank, two_accounts):
    accounts = bank.accounts("1;55;x;930101")
    answer = demo("--json", "--data", two_accounts, "--accounts", accounts)

    assert opened(answer) == {"1": "1993-01-01", "2": "1993-01-06"}
    assert json.loads(answer.out)["notes"] == [
        f"Not in {accounts}, or unusable there: 1 account, opened with the first transaction."
    ]


def test_of_two_openings_the_first_counts(demo, bank, two_accounts):
    accounts = bank.accounts("1;55;x;930101", "2;55;x;930102", "1;55;x;930103")
    answer = demo("--json", "--data", two_accounts, "--accounts", accounts)

    assert answer.status == 0
    assert f"  {accounts}, line 4: account 1 is opened twice, first on line 2\n" in answer.err
    assert opened(answer)["1"] == "1993-01-01"


def test_an_opening_after_the_first_row_is_left_out_and_the_row_is_kept(demo, bank, two_accounts):
    accounts = bank.accounts("1;55;x;930106", "2;55;x;930102")
    answer = demo("--json", "--data", two_accounts, "--accounts", accounts)
    reason = "account 1 is opened on 1993-01-06, after its first transaction on 1993-01-05"

    assert answer.status == 0
    assert f"  {accounts}, line 2: {reason}\n" in answer.err
    assert opened(answer) == {"1": "1993-01-05", "2": "1993-01-02"}


def test_accounts_without_data_are_refused(demo, bank):
    answer = demo("--accounts", bank.accounts("1;55;x;930101"))

    assert answer.status == 2
    assert answer.err.splitlines()[-1] == (
        "projection-demo: error: --accounts needs --data; "
        "the transactions that come with the demo have their accounts"
    )
