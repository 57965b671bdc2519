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
        (b'"trans_id"\t"account_id"\r\n', r"""'"trans_id"\t"account_id"'"""),
        (
            b"\x7fELF\x02\x01\x01\x00" + bytes(range(9)),
            r"'\x7fELF\x02\x01\x01\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08'",
        ),
        (b"t\x00r\x00", r"'t\x00r\x00'"),
        (b"\xc4\x8d\xe1;x\n", r"'\xc4\x8d\xe1;x'"),
        (b"x" * 99_999, repr("x" * 40 + "...")),
    ],
    ids=["commas", "tabs", "binary", "UTF-16 without a mark", "another encoding", "endless"],
)
def test_a_file_of_another_kind(demo, tmp_path, content, shown):
    path = tmp_path / "other"
    path.write_bytes(content)

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: it begins with {shown}; {EXPECTED}\n"
    )


HEADER = EXPECTED.split()[-1]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (f"{HEADER};bonus", "its header has 11 columns, not 10"),
        (HEADER.removesuffix(";bank;account"), "its header has 8 columns, not 10"),
        (HEADER.replace("date", "datum"), "column 3 of its header is 'datum', not 'date'"),
        (HEADER.replace("date", "date\xa0"), r"column 3 of its header is 'date\xa0', not 'date'"),
        (HEADER.replace("date", ""), "column 3 of its header is nothing, not 'date'"),
        (f"\n{HEADER}", "its first line is empty"),
    ],
    ids=["one more", "less", "another", "looks the same", "nameless", "empty"],
)
def test_a_header_that_differs_says_where(demo, tmp_path, header, fault):
    path = tmp_path / "other"
    path.write_text(f"{header}\n1\n", encoding="utf-8")

    assert refusal(demo("--data", path)) == f"projection-demo: {path}: {fault}; {EXPECTED}\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_says_what_to_do(demo, tmp_path, encoding):
    path = tmp_path / "other"
    path.write_bytes(f"\ufeff{HEADER}\r\n".encode(encoding))

    assert refusal(demo("--data", path)) == (
        f"projection-demo: {path}: it is UTF-16 text, save it as UTF-8; {EXPECTED}\n"
    )


@pytest.mark.parametrize("end", [b"\r", b"\n"])
def test_lines_may_end_with_either_half_of_the_usual_end(demo, bank, end):
    path = bank.transactions("?", bank.credit(1, "930101", "9.00", "9.00"))
    path.write_bytes(path.read_bytes().replace(b"\r\n", end))
    answer = demo("--quiet", "--data", path)

    assert answer.status == 0
    assert f"{path}, line 2: expected 10 columns" in answer.err
    assert "1 transaction of 1 account, 1993-01-01 to 1993-01-01" in answer.lines


@pytest.mark.parametrize("option", ["--data", "--accounts"])
def test_a_file_without_a_name(demo, option):
    answer = demo(option, "")

    assert answer.status == 2
    assert answer.err.splitlines()[-1] == (
        f"projection-demo: error: argument {option}: expected the name of a file, found nothing"
    )


@pytest.mark.parametrize(
    ("name", "shown", "reason"),
    [
        ("a\0b", r"a\x00b", "embedded null byte"),
        (
            "\ud800",
            r"\ud800",
            "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
    ],
)
def test_a_name_that_no_file_can_have(demo, name, shown, reason):
    assert refusal(demo("--data", name)) == f"projection-demo: {shown}: {reason}; {EXPECTED}\n"


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

    fault = "column 1 of its header is 'trans_id', not 'account_id'"

    assert swapped == f"projection-demo: {data}: {fault}; {EXPECTED_ACCOUNTS}\n"
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
