"""What a forked process inherits: it can neither use it nor harm anybody with it."""

import os
import subprocess
import sys
from pathlib import Path

import inheriting
import pytest

from orchestrix.testing.conformance.waiting import LONG

ALL = "2 events\n"


def told(what: str, how: str, path: Path) -> str:
    """Let a forked child do something with an open file; return what it said."""
    return subprocess.run(
        [sys.executable, "-B", inheriting.__file__, what, how, path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LONG,
    ).stdout


@pytest.mark.parametrize("what", ["store", "projections"])
@pytest.mark.parametrize("how", ["leave", "forget", "end"])
def test_a_child_that_is_done_with_what_it_inherited_deletes_nobodys_log(
    tmp_path: Path, what: str, how: str
) -> None:
    assert told(what, how, tmp_path / "events.db") == ALL


def test_a_child_that_closes_what_it_inherited_deletes_nobodys_log(tmp_path: Path) -> None:
    assert told("store", "close", tmp_path / "events.db") == ALL


def test_a_child_that_inherited_an_open_file_cannot_open_it_itself(tmp_path: Path) -> None:
    words = told("store", "open", tmp_path / "events.db")

    assert words.startswith("StoreUnavailable")
    assert "was forked while this file was open" in words
    assert "`spawn` or `forkserver`, or fork before the file is opened" in words
    assert words.endswith(ALL)


def test_a_child_that_inherited_an_open_file_may_open_others(tmp_path: Path) -> None:
    assert told("store", "open_another", tmp_path / "events.db") == ALL


@pytest.mark.parametrize("how", ["batch", "read"])
def test_a_child_neither_writes_nor_reads_in_what_it_inherited(tmp_path: Path, how: str) -> None:
    words = told("projections", how, tmp_path / "events.db")

    assert words.startswith("StoreClosed")
    assert words.endswith(ALL)
