"""The suites as a user meets them: what is imported, what a failure says, what is needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from workspace import ROOT

from orchestrix.testing import conformance

FORGETFUL = """
import pytest

from orchestrix.process_manager import InMemorySagaStateStore
from orchestrix.testing.conformance import SagaStateStoreConformance


class Forgetful(InMemorySagaStateStore):
    async def save_state(self, state):
        pass


class TestForgetful(SagaStateStoreConformance):
    cannot = {cannot}

    @pytest.fixture
    def store(self):
        return Forgetful()
"""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pytest", "_pytest", "pytest_asyncio", "hypothesis"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from orchestrix.testing import given
from orchestrix.eventsourcing import AggregateRoot
from orchestrix.messaging import Event
given(AggregateRoot, Event()).when(lambda it: None).then_nothing()
print("fine")
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    path = f"{ROOT / 'components'}"
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": path}
    )


def run_suite(folder: Path, cannot: str) -> str:
    (folder / "test_forgetful.py").write_text(FORGETFUL.replace("{cannot}", cannot))
    (folder / "pytest.ini").write_text(INI)
    return run("-m", "pytest", "-p", "no:cacheprovider", "-rs", str(folder)).stdout


def test_scenarios_need_neither_pytest_nor_hypothesis() -> None:
    done = run("-c", WITHOUT)

    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_a_promise_that_is_broken_is_told_in_detail(tmp_path: Path) -> None:
    told = run_suite(tmp_path, "{}")

    assert "test_every_field_comes_back" in told
    assert "E       assert None is not None" in told  # pytest has rewritten the suite's asserts
    assert "Warning" not in told


def test_a_promise_that_is_not_made_is_skipped_with_its_reason(tmp_path: Path) -> None:
    told = run_suite(tmp_path, '{"test_every_field_comes_back": "it forgets"}')

    assert "SKIPPED [1]" in told
    assert "it forgets" in told
    assert "_ TestForgetful.test_every_field_comes_back _" not in told


def test_a_promise_that_nobody_knows_cannot_be_left_out(tmp_path: Path) -> None:
    told = run_suite(tmp_path, '{"test_nothing": "why"}')

    assert "`cannot` of TestForgetful names no test of it: ['test_nothing']" in told


def test_every_suite_can_be_imported_from_one_place() -> None:
    folder = Path(conformance.__file__).parent
    source = "\n".join(each.read_text() for each in folder.rglob("*.py"))
    suites = {
        word.partition("(")[0]
        for line in source.splitlines()
        if line.startswith("class ")
        for word in [line.removeprefix("class ")]
        if "Conformance" in word
    }

    assert suites <= set(conformance.__all__)
    assert conformance.__all__ == sorted(conformance.__all__)


@pytest.mark.parametrize("name", ["suite", "waiting", "event_store.appends", "read_model_table"])
def test_asserts_are_rewritten_in_every_module(name: str) -> None:
    module = sys.modules[f"orchestrix.testing.conformance.{name}"]

    assert "rewrite" in type(module.__loader__).__module__
