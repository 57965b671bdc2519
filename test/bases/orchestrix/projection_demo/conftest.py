"""A user at the command line, and files to give to the command."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrix.projection_demo import main


@dataclass(frozen=True)
class Answer:
    """What a user gets to see."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.out.splitlines()]


class Running(subprocess.Popen[str]):
    """A process that does not outlive a test that failed."""

    def __exit__(self, failure: type[BaseException] | None, *others: Any) -> None:
        if failure is not None:
            self.kill()
        super().__exit__(failure, *others)


@dataclass(frozen=True)
class Bank:
    """Writes files in the bank's format."""

    folder: Path

    def transactions(self, *rows: str, name: str = "trans.asc") -> Path:
        columns = "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account"
        return self._file(name, columns, rows)

    def accounts(self, *rows: str) -> Path:
        return self._file("account.asc", "account_id;district_id;frequency;date", rows)

    def _file(self, name: str, columns: str, rows: tuple[str, ...]) -> Path:
        path = self.folder / name
        header = ";".join(f'"{column}"' for column in columns.split(";"))
        path.write_bytes("".join(f"{line}\r\n" for line in (header, *rows)).encode())
        return path

    @staticmethod
    def credit(number: int, day: str, amount: str, balance: str, account: int = 1) -> str:
        return f'{number};{account};{day};"PRIJEM";"VKLAD";{amount};{balance};"";;'

    @staticmethod
    def debit(number: int, day: str, amount: str, balance: str, account: int = 1) -> str:
        return f'{number};{account};{day};"VYDAJ";"VYBER";{amount};{balance};"";;'


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


@pytest.fixture(autouse=True)
def _temporary_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what the demo leaves behind for its user be left in the test's own folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """Run the command with arguments, in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: object) -> Answer:
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    return run


@pytest.fixture
def process() -> Callable[..., Running]:
    """Start the command as a shell would; returns what to talk to it through."""

    def start(*arguments: object, stdout: Any = subprocess.PIPE, **variables: str) -> Running:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
        environment.pop("PYTHONUNBUFFERED", None)  # it hides what becomes of buffered output
        return Running(
            [sys.executable, "-m", "orchestrix.projection_demo", *map(str, arguments)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding=variables.get("PYTHONIOENCODING", "utf-8"),
            env=environment,
        )

    return start
