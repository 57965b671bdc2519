"""Rows that cannot be used: listed with line and reason; the others are kept."""

import json

import pytest

GOOD = '1;1;930101;"PRIJEM";"VKLAD";900.00;900.00;"";;'

UNUSABLE = {
    "a missing column": (
        '2;1;930102;"PRIJEM";"VKLAD";1.00;901.00;""',
        "expected 10 columns, found 8; is the line cut off?",
    ),
    "a column too many": (
        '2;1;930102;"PRIJEM";"VKLAD";1.00;901.00;"";;;',
        "expected 10 columns, found 11",
    ),
    "an open quote": (
        '2;1;930102;"PRIJEM";"VKL',
        "a quote is not closed; is the line cut off?",
    ),
    "text after a quote": (
        '2;1;930102;"PRIJEM"x;"VKLAD";1.00;901.00;"";;',
        "a quote stands inside a column",
    ),
    "a column without end": (
        f'2;1;930102;"PRIJEM";"VKLAD";1.00;901.00;"{"x" * 20_000_000}";;',
        "expected a line of at most 10,000 bytes, found 20,000,044",
    ),
    "an unknown type": (
        '2;1;930102;"PREVOD";"VKLAD";1.00;901.00;"";;',
        "type: expected PRIJEM or VYDAJ or VYBER, found 'PREVOD'",
    ),
    "an impossible date": (
        '2;1;930230;"PRIJEM";"VKLAD";1.00;901.00;"";;',
        "date: expected a day as YYMMDD, such as 930131, found '930230'",
    ),
    "no account": (
        '2;;930102;"PRIJEM";"VKLAD";1.00;901.00;"";;',
        "account_id: expected a number of up to 12 digits, found nothing",
    ),
    "a balance that is no number": (
        '2;1;930102;"PRIJEM";"VKLAD";1.00;much;"";;',
        "balance: expected crowns such as 700.00 or -700.00, found 'much'",
    ),
    "a transaction for the second time": (GOOD, "transaction 1 stands on line 2 already"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_row_is_listed_and_left_out(demo, bank, name):
    row, reason = UNUSABLE[name]
    file = bank.transactions(GOOD, row, bank.debit(3, "930103", "100.00", "800.00"))
    answer = demo("--quiet", "--data", file)

    assert answer.status == 0
    assert answer.err.splitlines() == [
        "warning: unusable and left out: 1 row",
        f"  {file}, line 3: {reason}",
    ]
    assert "2 transactions of 1 account, 1993-01-01 to 1993-01-03" in answer.lines
    assert "Unusable and left out: 1 row, see standard error." in answer.lines


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "Infinity",
        "1e400",
        "-5.00",
        "+5",
        "5.001",
        "1,5",
        "",
        "\N{FULLWIDTH DIGIT ONE}",
        "9" * 13,
    ],
)
def test_an_amount_is_digits_with_at_most_two_decimals(demo, bank, amount):
    file = bank.transactions(GOOD, bank.credit(2, "930102", amount, "905.00"))
    answer = demo("--quiet", "--data", file)
    found = ascii(amount) if amount else "nothing"

    assert answer.status == 0
    assert answer.err.splitlines()[1] == (
        f"  {file}, line 3: amount: expected crowns such as 700.00, without a sign, found {found}"
    )


def test_a_last_row_that_is_cut_off_is_left_out(demo, bank):
    file = bank.transactions(GOOD, bank.credit(2, "930102", "5.00", "905.00"))
    file.write_bytes(file.read_bytes().removesuffix(b'"";;\r\n'))
    answer = demo("--quiet", "--data", file)

    assert answer.status == 0
    assert f"{file}, line 3: expected 10 columns, found 8; is the line cut off?" in answer.err
    assert "1 transaction of 1 account, 1993-01-01 to 1993-01-01" in answer.lines


def test_a_row_in_another_encoding_is_left_out(demo, bank):
    file = bank.transactions(GOOD, '2;1;930102;"PRIJEM";"é";5.00;905.00;"";;')
    file.write_bytes(file.read_bytes().decode().encode("iso8859-2"))

    assert "line 3: expected UTF-8 text, found 0xe9" in demo("--quiet", "--data", file).err


def test_empty_lines_are_no_rows(demo, bank):
    answer = demo("--quiet", "--data", bank.transactions("", GOOD, "", ""))

    assert (answer.status, answer.err) == (0, "")


def test_the_first_twenty_problems_are_listed_and_the_rest_is_counted(demo, bank):
    file = bank.transactions(GOOD, *["?"] * 1050)
    lines = demo("--quiet", "--data", file).err.splitlines()

    assert lines[0] == "warning: unusable and left out: 1,050 rows"
    assert [line.split(",")[1] for line in lines[1:-1]] == [
        f" line {n}: expected 10 columns" for n in range(3, 23)
    ]
    assert lines[-1] == "  and 1,030 more"


def test_json_has_the_listed_problems_too(demo, bank):
    file = bank.transactions(GOOD, *["?"] * 25)
    answer = demo("--json", "--data", file)
    problems = json.loads(answer.out)["problems"]

    assert answer.err.startswith("warning: unusable and left out: 25 rows\n")
    assert json.loads(answer.out)["notes"][1] == "Unusable and left out: 25 rows, see problems."
    assert problems["count"] == 25
    assert len(problems["listed"]) == 20
    assert problems["listed"][0] == {
        "file": str(file),
        "line": 3,
        "reason": "expected 10 columns, found 1; is the line cut off?",
    }
