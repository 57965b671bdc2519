"""Where the output goes: pipes, terminals narrow and plain, readers that leave, Ctrl-C."""

import json
import os
import pty
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def small(bank):
    return bank.transactions(
        bank.credit(1, "930131", "900.00", "900.00"),
        bank.debit(2, "930228", "200.00", "700.00"),
        bank.credit(3, "930228", "0.50", "700.60"),
    )


@pytest.fixture
def on_terminal(process):
    """Run the command on a terminal of its own; returns what was shown."""

    def run(*arguments, **variables):
        reader, writer = pty.openpty()
        variables = {"TERM": "xterm-256color", "COLUMNS": "80", **variables}
        with process(*arguments, stdout=writer, **variables) as running:
            os.close(writer)
            shown = b""
            with suppress(OSError):  # a terminal ends like that
                while piece := os.read(reader, 65536):
                    shown += piece
            os.close(reader)
        assert running.returncode == 0
        return shown.decode()

    return run


def test_quiet_leaves_out_explanations_and_progress(demo, small):
    answer = demo("--quiet", "--data", small)

    assert answer.lines[0] == "3 transactions of 1 account, 1993-01-31 to 1993-02-28"
    assert "Reading" not in answer.out


def test_json_is_json_and_nothing_else_with_amounts_as_texts(demo, small):
    answer = demo("--json", "--data", small)
    summary = json.loads(answer.out)

    assert (answer.status, answer.err) == (0, "")
    assert summary["source"] == str(small)
    assert summary["totals"]["balance"] == "700.50"
    assert summary["most_active_accounts"] == [
        {
            "account_id": "1",
            "opened_on": "1993-01-31",
            "transactions": 3,
            "credits": "900.50",
            "debits": "200.00",
            "balance": "700.50",
        }
    ]
    assert summary["turnover"][1] == {
        "month": "1993-02",
        "credits": "0.50",
        "debits": "200.00",
        "kinds": {"cash out": "200.00", "cash in": "0.50"},
    }
    assert summary["reconciliation"]["file_order"] == {
        "exact": 2,
        "within_0.1": 1,
        "not_at_all": 0,
    }


def test_a_pipe_gets_plain_lines_and_no_colors(demo, small):
    answer = demo("--data", small)

    assert "\x1b" not in answer.out
    assert (
        "Reading 3 rows\n"
        "Appending 4 events: 1 account opening, 3 transactions\n"
        "Projecting 4 events\n"
    ) in answer.out


@pytest.mark.parametrize("columns", [1, 10, 40, 300])
def test_any_width_will_do(demo, small, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))

    assert demo("--data", small).status == 0


@pytest.mark.parametrize("columns", [1, 40])
def test_a_number_is_never_broken(demo, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    words = " ".join(demo().out.split())

    assert (
        "485 opened 1993-01-04 transactions 110 came in 661,985.20 went out 606,596.00 "
        "balance 55,389.20"
    ) in words


@pytest.mark.parametrize("columns", [40, 60, 72])
def test_no_table_is_wider_than_the_terminal(demo, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown, _pasted = demo().out.split("All of it is in one file")

    assert [line for line in shown.splitlines() if len(line.rstrip()) > columns] == []


def test_a_terminal_gets_bars_and_colors(on_terminal):
    shown = on_terminal()

    assert "\x1b[32m" in shown
    assert "Projecting 31,146 events" in shown
    assert "100%" in shown
    assert "in booked order   28,576        1,424            0" in ESCAPES.sub("", shown)


def test_bars_end_at_100_percent_though_rows_were_unusable(on_terminal, bank):
    shown = on_terminal("--data", bank.transactions("?", bank.credit(1, "930131", "9", "9")))

    assert re.search(r"Reading 2 rows .* 100%", ESCAPES.sub("", shown))


def test_no_color_means_no_color(on_terminal, small):
    shown = on_terminal("--data", small, NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_utf_8_gets_letters(process, bank, encoding):
    file = bank.transactions("?", bank.credit(1, "930131", "9.00", "9.00"), name="vložené→.asc")
    with process("--data", file, PYTHONIOENCODING=encoding) as running:
        out, err = running.communicate()

    assert running.returncode == 0
    assert "(# in, . out)" in out
    assert "line 2: expected 10 columns" in err


@pytest.mark.parametrize("option", ["--quiet", "--json", "--help"])
def test_a_reader_that_leaves_ends_the_demo_without_a_word(process, small, option):
    with process("--data", small, option) as running:
        running.stdout.close()

        assert running.wait() == 141
        assert running.stderr.read() == ""


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_an_output_that_the_user_closed_gets_nothing(demo, bank, monkeypatch, closed):
    file = bank.transactions("?", bank.credit(1, "930131", "9.00", "9.00"))
    monkeypatch.setattr(sys, closed, None)
    answer = demo("--quiet", "--data", file)

    assert answer.status == 0
    assert ("1 transaction of" in answer.out) == (closed == "stderr")
    assert ("line 2: expected" in answer.err) == (closed == "stdout")
    assert "line 2: expected" not in answer.out


def test_ctrl_c_ends_the_demo_with_one_line(process, tmp_path):
    endless = tmp_path / "trans.asc"
    os.mkfifo(endless)
    with process("--data", endless) as running, endless.open("wb"):  # open when it reads
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()

    assert (running.returncode, err) == (130, "projection-demo: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("option", ["--quiet", "--json", "--help"])
def test_a_full_disk_is_said_in_one_line(process, small, option):
    with Path("/dev/full").open("w") as full, process("--data", small, option, stdout=full) as run:
        _, err = run.communicate()

    assert run.returncode == 1
    assert err == "projection-demo: stopped: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[bold]a:bug:.asc", "[bold]a:bug:.asc"),
        ("\x1b[31mred.asc", r"\x1b[31mred.asc"),
        ("two\nlines\t\u202e.asc", r"two\nlines\t\u202e.asc"),
        ("\udcff.asc", r"\udcff.asc"),
        ("vložené.asc", "vložené.asc"),
    ],
)
def test_a_file_may_be_named_as_it_likes(demo, bank, monkeypatch, name, shown):
    monkeypatch.chdir(bank.folder)
    bank.transactions("?", bank.credit(1, "930131", "9.00", "9.00"), name=name)
    answer = demo("--quiet", "--data", name)

    assert f"Source: {shown}" in answer.lines
    assert f"  {shown}, line 2: " in answer.err
    assert json.loads(demo("--json", "--data", name).out)["source"] == name


def test_days_that_were_not_searched_to_the_end_are_told(demo, bank):
    rows = [bank.credit(n, "930131", "1.00", f"{n * n}.00") for n in range(5, 25)]
    file = bank.transactions(*rows)
    text = " ".join(demo("--quiet", "--data", file).lines)

    assert (
        "In the best order that was found, 20 of 20 steps do not agree. 1 day had too many orders "
        "to try all; another may agree better."
    ) in text
    assert json.loads(demo("--json", "--data", file).out)["reconciliation"]["uncertain_days"] == 1


def test_days_that_were_searched_to_the_end_are_sure(demo, bank):
    rows = [bank.credit(n, "930131", "1.00", f"{n * n}.00") for n in range(5, 8)]

    assert (
        "Even in booked order, 3 of 3 steps do not agree."
        in demo("--quiet", "--data", bank.transactions(*rows)).lines
    )


def test_help_has_examples(demo):
    answer = demo("--help")

    assert answer.status == 0
    assert "projection-demo --data trans.asc --accounts account.asc" in answer.out


def test_the_version_is_told(demo):
    assert re.fullmatch(r"projection-demo \d+\.\d+\.\d+\n", demo("--version").out)
