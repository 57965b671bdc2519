"""Files that cannot be used at all: exit status 2, and one sentence that says what was expected."""

from pathlib import Path

import pytest

EXPECTED = (
    "expected transactions under the header "
    "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account"
)
EXPECTED_ACCOUNTS = "expected accounts under the header account_id;district_id;frequency;date"


def refusal(answer):
    assert (answer.status, answer.out) == (2, "")
    return answer.err


def test_a_missing_file(demo, tmp_path):
    path = tmp_path / "nowhere.asc"

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: No such file or directory; {EXPECTED}\n"
    )


def test_a_directory(demo, tmp_path):
    assert refusal(demo("--data", tmp_path)) == (
        f"projection-demo: {tmp_path}: Is a directory; {EXPECTED}\n"
    )


def test_a_file_that_may_not_be_read(demo, bank, monkeypatch):
    path, usual = bank.transactions(bank.credit(1, "930101", "9.00", "9.00")), Path.open

    def denied(self, *arguments, **options):  # root may read everything
        if self == path:
            raise PermissionError(13, "Permission denied")
        return usual(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", denied)

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: Permission denied; {EXPECTED}\n"
    )


def test_an_empty_file(demo, tmp_path):
    path = tmp_path / "empty.asc"
    path.touch()

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: the file is empty; {EXPECTED}\n"
    )


def test_a_header_without_rows(demo, bank):
    path = bank.transactions()

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: nothing follows the header; {EXPECTED}\n"
    )


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"date,amount\n1993-01-01,9.00\n", "'date,amount'"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 99, "something else"),
        (b"\xff\xfet\x00r\x00a\x00n\x00s\x00", "something else"),
        (b"x" * 9999, repr("x" * 40)),
    ],
    ids=["another format", "binary", "UTF-16", "one endless line"],
)
def test_a_file_of_another_kind(demo, tmp_path, content, shown):
    path = tmp_path / "other"
    path.write_bytes(content)

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: it begins with {shown}; {EXPECTED}\n"
    )


def test_a_file_without_a_usable_row_tells_the_rows_first(demo, bank):
    path = bank.transactions("?")
    answer = demo("--json", "--data", path)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines() == [
        "warning: unusable and left out: 1 row",
        f"  {path}, line 2: expected 10 columns, found 1; is the line cut off?",
        f"projection-demo: {path}: none of its rows is usable; {EXPECTED}",
    ]


def test_an_accounts_file_is_held_to_the_same(demo, bank):
    data = bank.transactions(bank.credit(1, "930101", "9.00", "9.00"))
    swapped = refusal(demo("--data", data, "--accounts", data))
    unusable = demo("--json", "--data", data, "--accounts", bank.accounts("?"))

    assert swapped.startswith(f"projection-demo: {data}: it begins with ")
    assert swapped.endswith(f"; {EXPECTED_ACCOUNTS}\n")
    assert unusable.status == 2
    assert f"none of its rows is usable; {EXPECTED_ACCOUNTS}" in unusable.err


def test_a_mark_that_spreadsheets_put_before_the_header_is_no_fault(demo, bank):
    path = bank.transactions(bank.credit(1, "930101", "9.00", "9.00"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert demo("--quiet", "--data", path).status == 0


def test_an_unknown_option_is_refused(demo):
    answer = demo("--nonsense")

    assert answer.status == 2
    assert answer.err.splitlines()[-1] == (
        "projection-demo: error: unrecognized arguments: --nonsense"
    )
