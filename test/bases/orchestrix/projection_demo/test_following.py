"""``--follow``, and ``append`` in another terminal."""

import io
import os
import pty
import re
import signal
import sqlite3
from contextlib import closing, suppress
from functools import partial

import pytest
from rich.console import Console

from orchestrix.eventsourcing import Promise
from orchestrix.projection_demo import bank as bank_module
from orchestrix.projection_demo import catching_up
from orchestrix.projection_demo.bank_events import AccountCredited
from orchestrix.projection_demo.following_text import picture_of
from orchestrix.projection_runtime import ProjectionStatus
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def small(bank):
    return bank.transactions(
        bank.credit(1, "930131", "900.00", "900.00"),
        bank.debit(2, "930228", "200.00", "700.00"),
    )


@pytest.fixture
def store(demo, small, tmp_path):
    """A store of three events."""
    file = tmp_path / "bank.db"
    assert demo("--quiet", "--data", small, "--store", file).status == 0
    return file


def read_until(running, *texts):
    """Read lines until each of `texts` was in one, in any order; they have to come."""
    missing, lines = set(texts), []
    while missing:
        line = running.stdout.readline()
        assert line, (missing, lines, running.stderr.read())
        lines.append(line)
        missing = {each for each in missing if each not in line}


NAMES = ("balances", "turnover", "reconciliation")


def ended(running, how=signal.SIGINT):
    running.send_signal(how)
    out, err = running.communicate()
    return running.returncode, " ".join(out.split()), err


def balance(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT balance, transactions FROM balances").fetchall()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_another_process_appends_is_seen_live(process, demo, small, store, how):
    with process("--quiet", "--data", small, "--store", store, "--follow") as running:
        read_until(running, *(f"{name}: live, at 3 of 3, lag 0" for name in NAMES))
        answer = demo("append", "--store", store, "1", "250.00", "-0.10", "--wait", "30")
        read_until(running, *(f"{name}: live, at 5 of 5, lag 0 (0.0 s)" for name in NAMES))
        status, out, err = ended(running, how)

    assert (answer.status, answer.err) == (0, "")
    assert answer.lines == [
        "2 transactions of account 1 on 1993-02-28 appended, at positions 4 to 5.",
        "The read models have it: 949.90 crowns are left.",
    ]
    assert (status, err) == (0, "")
    assert re.search(
        r"Followed for [\d.]+ seconds: 2 events came, and every projection is at the end of the "
        r"log\. Started again, it goes on from there\.$",
        out,
    )
    assert balance(store) == [("949.90", 4)]


def test_a_terminal_shows_one_picture_that_changes(process, demo, small, store):
    reader, writer = pty.openpty()
    arguments = ("--quiet", "--data", small, "--store", store, "--follow")
    with process(*arguments, stdout=writer, TERM="xterm-256color", COLUMNS="80") as running:
        os.close(writer)
        shown = ""

        def see(pattern):
            nonlocal shown
            while not re.search(pattern, ESCAPES.sub("", shown)):
                shown += os.read(reader, 65536).decode()

        see(r"reconciliation\s+live\s+3\s+0\s+0\.0\s+")
        demo("append", "--store", store, "1", "5")
        see(r"reconciliation\s+live\s+4\s+0\s+0\.0\s+")
        running.send_signal(signal.SIGINT)
        with suppress(OSError):  # a terminal ends like that
            while piece := os.read(reader, 65536):
                shown += piece.decode()
        os.close(reader)

    assert running.returncode == 0
    assert re.search(
        r"projection\s+condition\s+position\s+lag\s+in s\s+events/s", ESCAPES.sub("", shown)
    )
    assert "1 event came" in shown


def test_an_event_that_cannot_be_projected_is_shown_with_its_reason(process, small, store):
    with process("--quiet", "--data", small, "--store", store, "--follow") as running:
        read_until(running, "reconciliation: live, at 3 of 3")
        append_for_nobody(store)
        why = "account 77 has a transaction and was never opened"
        read_until(running, why, "reconciliation: live, at 4 of 4")
        status, out, _ = ended(running)

    assert status == 0
    assert "Followed for" in out


def append_for_nobody(file):
    """Append what `append` would refuse, as a program with a mistake in it could."""
    import asyncio
    from datetime import date
    from decimal import Decimal

    event = AccountCredited(
        account_id="77", booked_on=date(1993, 3, 1), kind="cash in", amount=Decimal(1),
        bank_balance=Decimal(1), line=0,
    )  # fmt: skip

    async def append():
        async with open_sqlite_store(file) as store:
            await store.append("account-77", [event])

    asyncio.run(append())


def test_the_store_may_stand_before_the_command(demo, store):
    answer = demo("--store", store, "append", "1", "5.00", "6.00")

    assert answer.status == 0
    assert answer.lines[1].endswith("shows them, now or as soon as it is started.")


def test_in_a_narrow_terminal_the_picture_loses_nothing():
    status = ProjectionStatus(
        projection_id="reconciliation", condition="catching up", checkpoint=31146, head=31147,
        lag=1, lag_seconds=0.1, throughput=9876, error_count=0, problem=None, retrying_keys=0,
        parked_keys=0, parked_events=0, promise=Promise.EXACTLY_ONCE,
    )  # fmt: skip
    out = io.StringIO()
    Console(file=out, width=40).print(picture_of([status], {}))

    assert out.getvalue().splitlines() == [
        "reconciliation",
        "  condition catching up",
        "  position  31,146",
        "  lag       1",
        "  in s      0.1",
        "  events/s  9,876",
    ]


def test_without_a_follower_an_append_waits_for_the_next_start(demo, small, store):
    appended = demo("append", "--store", store, "1", "5.00")
    late = demo("append", "--store", store, "1", "5.00", "--wait", "0.01")
    before = balance(store)
    demo("--quiet", "--data", small, "--store", store)

    assert appended.lines == [
        "1 transaction of account 1 on 1993-02-28 appended, at position 4.",
        f"`projection-demo --store {store} --follow` shows it, now or as soon as it is started.",
    ]
    assert late.status == 3
    assert late.err.startswith("projection-demo: appended, but not in the read models: projection ")
    assert late.err.endswith(f"is `projection-demo --store {store} --follow` running?\n")
    assert (before, balance(store)) == ([("700.00", 2)], [("710.00", 4)])


def test_what_is_appended_follows_from_the_banks_balance(demo, bank, tmp_path):
    data = bank.transactions(
        bank.debit(1, "930131", "30", "70"),
        bank.credit(2, "930131", "100", "100"),
    )
    file = tmp_path / "bank.db"
    demo("--quiet", "--data", data, "--store", file)
    demo("append", "--store", file, "1", "5", "-7.50")
    answer = demo("--quiet", "--data", data, "--store", file)

    assert "in booked order 4 0 0" in answer.lines
    assert "by hand out 1 7.50" in answer.lines


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("much", "expected crowns such as 700.00 or -700.00, found 'much'"),
        ("1.005", "expected at most two digits after the point, found '1.005'"),
        ("1e3", "expected crowns such as 700.00 or -700.00, found '1e3'"),
        ("NaN", "expected crowns such as 700.00 or -700.00, found 'NaN'"),
        ("0.00", "expected crowns that move, such as 700.00 or -700.00, found 0"),
        ("", "expected crowns such as 700.00 or -700.00, found nothing"),
    ],
)
def test_an_amount_that_is_none_is_refused_with_all_the_others(demo, store, amount, reason):
    answer = demo("append", "--store", store, "1", "5.00", amount)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.splitlines()[-1] == (
        f"projection-demo append: error: argument AMOUNT: {reason}"
    )
    assert_three_events(store)


def assert_three_events(file):
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (3,)


@pytest.mark.parametrize("account", ["2", "nobody", "", "1\x1b[31m"])
def test_an_account_that_there_is_not_is_refused(demo, store, account):
    answer = demo("append", "--store", store, account, "5.00")
    found = ascii(account) if account else "nothing"

    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        f"projection-demo: {store}: it has no account {found}; one that it has is 1\n"
    )
    assert_three_events(store)


def test_append_makes_no_file(demo, tmp_path):
    answer = demo("append", "--store", tmp_path / "no.db", "1", "5.00")

    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        f"projection-demo: {tmp_path}/no.db: there is no such file; "
        f"`projection-demo --store {tmp_path}/no.db` fills one\n"
    )
    assert not (tmp_path / "no.db").exists()


def test_append_to_what_is_no_store_is_refused(demo, tmp_path):
    other = tmp_path / "letter.txt"
    other.write_text("dear bank")
    answer = demo("append", "--store", other, "1", "5.00")

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"projection-demo: event store {other}: this file is no SQLite")
    assert other.read_text() == "dear bank"


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan", "inf"])
def test_a_wait_is_a_number_of_seconds(demo, store, seconds):
    answer = demo("append", "--store", store, "1", "5.00", f"--wait={seconds}")

    assert answer.status == 2
    assert answer.err.endswith(f"argument --wait: expected seconds such as 5, found '{seconds}'\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--follow"], "--follow needs --store FILE, which another terminal can append to"),
        (
            ["--follow", "--store", "x.db", "--json"],
            "--follow shows what happens to people; leave --json out, or --follow",
        ),
        (["append", "1", "5"], "append needs --store FILE, which another one has filled"),
        (["--store", ""], "argument --store: expected the name of a file, found nothing"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(demo, arguments, reason):
    answer = demo(*arguments)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.endswith(f"error: {reason}\n")


def test_many_appends_at_once_are_all_there_and_follow_from_one_another(
    process, demo, small, store
):
    running = [process("append", "--store", store, "1", f"{n}.00") for n in range(1, 7)]
    for each in running:
        with each:
            _, err = each.communicate()
            assert (each.returncode, err) == (0, "")
    answer = demo("--quiet", "--data", small, "--store", store)

    assert balance(store) == [("721.00", 8)]
    assert "in booked order 8 0 0" in answer.lines


def test_who_cannot_project_because_another_does_says_who_does(process, small, store):
    arguments = ("--data", small, "--store", store, "--quiet")
    with process(*arguments, "--follow") as holder:
        read_until(holder, *(f"{name}: live, at 3 of 3" for name in NAMES))
        holder.send_signal(signal.SIGSTOP)  # it keeps its leases and does nothing
        with process("append", "--store", store, "1", "5.00") as appending:
            appending.communicate()
        with process(*arguments) as second:
            said = second.stderr.readline()
            holder.send_signal(signal.SIGCONT)
            out, err = second.communicate()
        status, _, _ = ended(holder)

    holder_name = r"\S+:(\d+):[0-9a-f]+-\d+"
    told = re.fullmatch(
        rf"waiting for another process, which has the projections: {holder_name} runs it\n", said
    )
    assert told is not None
    assert told[1] == str(holder.pid)
    assert (second.returncode, err, status) == (0, "", 0)
    assert "705.00" in out


def test_projections_that_cannot_go_on_are_told_after_a_while(demo, small, store, monkeypatch):
    demo("append", "--store", store, "1", "5.00")
    impatient = partial(open_sqlite_projections, busy_timeout=0.01)
    monkeypatch.setattr(bank_module, "open_sqlite_projections", impatient)
    monkeypatch.setattr(catching_up, "PATIENCE", 0.3)
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = demo("--quiet", "--data", small, "--store", store)

    assert (answer.status, answer.out) == (1, "")
    assert re.fullmatch(
        r"projection-demo: projection '\w+': StoreUnavailable: .* another program has been "
        r"writing for longer than busy_timeout; .*\n",
        answer.err,
    )
    assert demo("--quiet", "--data", small, "--store", store).status == 0
