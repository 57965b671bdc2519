"""``--store FILE``: kept, resumed, killed, shared by two."""

import json
import random
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from chaos import KILLS as MOST_KILLS
from chaos import SEED, TIMEOUT

from orchestrix.projection_demo import bank_part

KILLS = max(6, MOST_KILLS // 20)
"""A demo lives two seconds where other children live a third of one."""


@pytest.fixture
def small(bank):
    return bank.transactions(
        bank.credit(1, "930131", "900.00", "900.00"),
        bank.debit(2, "930228", "200.00", "700.00"),
        bank.credit(3, "930228", "0.50", "700.60", account=2),
    )


def kept(answer):
    assert (answer.status, answer.err) == (0, "")
    return json.loads(answer.out)["store"]


def rows(file: Path, query: str):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def moves(store):
    names = ("from_position", "to_position", "handled_now", "handled_in_all")
    return {
        each["projection_id"]: tuple(each[name] for name in names) for each in store["projections"]
    }


def test_started_again_it_appends_nothing_and_handles_nothing_twice(demo, small, tmp_path):
    arguments = ("--json", "--data", small, "--store", tmp_path / "bank.db")
    first, second = demo(*arguments), demo(*arguments)

    assert (kept(first)["events"], kept(first)["new_events"]) == (5, 5)
    assert moves(kept(first)) == {
        "balances": (0, 5, 5, 5),
        "turnover": (0, 5, 3, 3),
        "reconciliation": (0, 5, 3, 3),
    }
    assert (kept(second)["events"], kept(second)["new_events"]) == (5, 0)
    assert moves(kept(second)) == {
        "balances": (5, 5, 0, 5),
        "turnover": (5, 5, 0, 3),
        "reconciliation": (5, 5, 0, 3),
    }
    without_store = [{**json.loads(each.out), "store": None} for each in (first, second)]
    assert without_store[0] == without_store[1]


def test_it_says_what_it_found_and_did(demo, small, tmp_path):
    arguments = ("--quiet", "--data", small, "--store", tmp_path / "bank.db")

    assert f"{tmp_path}/bank.db: 5 events, 5 of them new" in demo(*arguments).lines
    again = demo(*arguments).lines
    assert f"{tmp_path}/bank.db: 5 events, none of them new" in again
    assert "balances 5 5 0 5" in again


def test_started_again_it_does_not_claim_to_append_or_project(demo, small, tmp_path):
    arguments = ("--data", small, "--store", tmp_path / "bank.db")
    demo(*arguments)
    again = demo(*arguments).lines
    demo("append", "--store", tmp_path / "bank.db", "1", "5.00")
    once_more = demo(*arguments).lines

    assert "Nothing to append, all of it is in the store" in again
    assert "Nothing to project, all of it was handled before" in again
    assert "Nothing to append, all of it is in the store" in once_more
    assert "Projecting 1 event" in once_more


def test_without_a_store_the_file_is_in_a_new_folder_and_stays(demo, small, tmp_path):
    files = [Path(kept(demo("--json", "--data", small))["file"]) for _ in range(2)]

    assert files[0] != files[1]
    for each in files:
        assert each.parent.parent == tmp_path
        assert rows(each, "SELECT count(*) FROM events") == [(5,)]


def test_the_query_that_is_printed_can_be_pasted(demo, small, tmp_path):
    file = tmp_path / "my bank's.db"
    printed = next(
        line for line in demo("--data", small, "--store", file).lines if "SELECT" in line
    )
    answer = subprocess.run(
        ["sh", "-c", f"sqlite3() {{ {sys.executable} -c '{SHELL}' \"$@\"; }}; {printed}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.splitlines() == ["1 2 700.00", "2 1 0.50"]


SHELL = (
    "import sqlite3, sys; _, file, query = sys.argv; "
    "[print(*row) for row in sqlite3.connect(file).execute(query)]"
)


def test_the_tables_can_be_asked_with_plain_sql(demo, small, tmp_path):
    file = tmp_path / "bank.db"
    demo("--quiet", "--data", small, "--store", file)

    assert rows(file, "SELECT month, kind, amount FROM turnover ORDER BY month, kind") == [
        ("1993-01-01", "cash in", "900.00"),
        ("1993-02-01", "cash in", "0.50"),
        ("1993-02-01", "cash out", "200.00"),
    ]
    assert rows(file, "SELECT sum(file_exact), sum(file_off) FROM reconciliation") == [(2, 1)]


def test_a_store_of_other_files_is_refused_and_stays_as_it_was(demo, bank, small, tmp_path):
    file = tmp_path / "bank.db"
    demo("--quiet", "--data", small, "--store", file)
    other = bank.transactions(bank.credit(1, "930131", "1.00", "1.00"), name="other.asc")
    answer = demo("--quiet", "--data", other, "--store", file)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        f"projection-demo: {file}: it holds other events than those of {other}; "
        "give these a store of their own with --store\n"
    )
    assert rows(file, "SELECT count(*) FROM events") == [(5,)]


def test_the_same_transactions_with_other_openings_are_another_history(demo, bank, small, tmp_path):
    file = tmp_path / "bank.db"
    demo("--quiet", "--data", small, "--store", file)
    openings = bank.accounts("1;55;x;930101", "2;55;x;930102")
    answer = demo("--quiet", "--data", small, "--accounts", openings, "--store", file)

    assert (answer.status, answer.out) == (2, "")
    assert "it holds other events" in answer.err


STEPS = "SELECT sum(file_exact), sum(file_rounded), sum(file_off) FROM reconciliation"


def numbers(file: Path):
    """What no kill may change: money, transactions and steps, asked of the file itself."""
    with closing(sqlite3.connect(file)) as connection:
        money = sum(Decimal(each) for (each,) in connection.execute("SELECT balance FROM balances"))
        return [
            connection.execute("SELECT count(*), count(DISTINCT event_id) FROM events").fetchone(),
            money,
            connection.execute("SELECT sum(transactions) FROM balances").fetchone(),
            connection.execute("SELECT sum(transactions) FROM turnover").fetchone(),
            connection.execute(STEPS).fetchone(),
            sorted(connection.execute("SELECT projection_id, applied_count FROM projections")),
        ]


@pytest.mark.timeout(TIMEOUT + 3 * KILLS)
@pytest.mark.parametrize("seed", [SEED])  # so that a failure names it
def test_killed_at_any_moment_it_ends_with_the_right_numbers(process, demo, tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable
    kills = round_ = 0
    while kills < KILLS:
        file = tmp_path / f"bank-{round_}.db"
        while kills < KILLS:
            with process("--quiet", "--store", file) as running:
                try:
                    running.wait(chance.uniform(0.2, 1.6))  # the moment is what is tried
                except subprocess.TimeoutExpired:
                    running.kill()
                _, err = running.communicate()
            if running.returncode == 0:
                break
            assert (running.returncode, err) == (-9, "")
            kills += 1
        answer = demo("--json", "--store", file)
        summary = json.loads(answer.out)

        assert (answer.status, answer.err) == (0, "")
        assert summary["reconciliation"] == {
            "file_order": {"exact": 22180, "within_0.1": 972, "not_at_all": 6848},
            "booked_order": {"exact": 28576, "within_0.1": 1424, "not_at_all": 0},
            "uncertain_days": 0,
        }
        assert numbers(file) == [
            (31146, 31146),
            Decimal("35576119.10"),
            (30000,),
            (30000,),
            (22180, 972, 6848),
            [("balances", 31146), ("reconciliation", 30000), ("turnover", 30000)],
        ]
        round_ += 1


def test_two_at_once_on_one_file_both_end_with_the_right_numbers(process, tmp_path):
    file = tmp_path / "bank.db"
    with process("--json", "--store", file) as one, process("--json", "--store", file) as other:
        answers = [each.communicate() for each in (one, other)]

    assert (one.returncode, other.returncode) == (0, 0), answers
    stores = [json.loads(out)["store"] for out, _ in answers]
    assert sum(each["new_events"] for each in stores) == 31146
    for handled in zip(*(each["projections"] for each in stores), strict=True):
        assert sum(each["handled_now"] for each in handled) == handled[0]["handled_in_all"]
    summaries = [{**json.loads(out), "store": None} for out, _ in answers]
    assert summaries[0] == summaries[1]
    assert numbers(file)[0] == (31146, 31146)
    assert numbers(file)[-1] == [
        ("balances", 31146),
        ("reconciliation", 30000),
        ("turnover", 30000),
    ]


def test_what_another_process_did_meanwhile_is_told_as_its_own(
    process, demo, small, tmp_path, monkeypatch
):
    file, usual = tmp_path / "bank.db", bank_part.missing_history
    arguments = ("--quiet", "--data", small, "--store", file)

    async def while_another_is_faster(*others):
        found = await usual(*others)
        with process(*arguments) as faster:
            faster.communicate()
        return found

    monkeypatch.setattr(bank_part, "missing_history", while_another_is_faster)
    answer = demo(*arguments)

    assert (
        f"{file}: 5 events, none of them new; another process appended 5 meanwhile" in answer.lines
    )
    assert "balances 0 5 0 5" in answer.lines
    assert (
        "Events that another process handled meanwhile: 5 for balances, 3 for turnover, 3 for "
        "reconciliation."
    ) in " ".join(answer.lines)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello, this is no database at all", "this file is no SQLite database"),
        (b"", None),
    ],
    ids=["text", "empty"],
)
def test_a_file_that_is_no_database_is_refused_and_an_empty_one_is_taken(
    demo, small, tmp_path, content, reason
):
    file = tmp_path / "bank.db"
    file.write_bytes(content)
    answer = demo("--quiet", "--data", small, "--store", file)

    if reason is None:
        assert answer.status == 0
    else:
        assert (answer.status, answer.out) == (2, "")
        assert answer.err.startswith(f"projection-demo: event store {file}: {reason}; ")
        assert answer.err.count("\n") == 1
        assert file.read_bytes() == content


def test_a_folder_is_refused(demo, small, tmp_path):
    answer = demo("--quiet", "--data", small, "--store", tmp_path)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        f"projection-demo: event store {tmp_path}: this is a folder; name a file in it\n"
    )


def test_a_missing_folder_is_told(demo, small, tmp_path):
    answer = demo("--quiet", "--data", small, "--store", tmp_path / "no" / "bank.db")

    assert (answer.status, answer.out) == (2, "")
    assert "there is no folder" in answer.err


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [
        ("application_id = 77", "this is another application's database"),
        ("user_version = 99", "its schema has version 99, and this program knows up to"),
    ],
)
def test_a_database_of_another_program_is_refused(demo, small, tmp_path, pragma, reason):
    file = tmp_path / "bank.db"
    demo("--quiet", "--data", small, "--store", file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA {pragma}")
    before = file.read_bytes()
    answer = demo("--quiet", "--data", small, "--store", file)

    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith(f"projection-demo: event store {file}: {reason}")
    assert file.read_bytes() == before


def test_data_that_cannot_be_used_makes_no_store(demo, bank, tmp_path):
    answer = demo("--quiet", "--data", bank.transactions("?"), "--store", tmp_path / "bank.db")

    assert answer.status == 2
    assert not (tmp_path / "bank.db").exists()


def run(*command: object) -> int:
    return subprocess.run([*map(str, command)], capture_output=True, check=False).returncode


@pytest.fixture
def disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=12m", "x", place):
        pytest.skip("mounting a small tmpfs needs root: `sudo uv run pytest` tries it")
    yield place
    run("umount", place)


def test_a_full_disk_is_told_and_with_more_room_it_goes_on(demo, disk):
    full = demo("--quiet", "--store", disk / "bank.db")
    run("mount", "-o", "remount,size=100m", disk)
    answer = demo("--json", "--store", disk / "bank.db")

    assert (full.status, full.out) == (1, "")
    assert re.fullmatch(r"projection-demo: event store .*: .*disk.*\n", full.err)
    assert 0 < json.loads(answer.out)["store"]["new_events"] < 31146
    assert numbers(disk / "bank.db")[0] == (31146, 31146)


def test_a_store_on_a_disk_that_may_only_be_read_is_told(demo, small, disk):
    file = disk / "bank.db"
    demo("--quiet", "--data", small, "--store", file)
    run("mount", "-o", "remount,ro", disk)
    answer = demo("--quiet", "--data", small, "--store", file)

    assert (answer.status, answer.out) == (1, "")
    assert answer.err.count("\n") == 1
    assert str(file) in answer.err
