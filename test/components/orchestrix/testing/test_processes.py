"""Scenarios of process managers: what passes, what a failure says, what makes no sense."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sample_transfers import (
    APPROVE,
    DEPOSIT,
    WITHDRAW,
    AskForApproval,
    Deposit,
    TransferApproved,
    TransferRequested,
    Withdraw,
    transfers,
)

from orchestrix.process_manager import ProcessStatus
from orchestrix.testing import InvalidScenario, ProcessScenario, given

REQUESTED = TransferRequested(transfer_id="t-1")
APPROVED = TransferApproved(transfer_id="t-1")
TAKE, PAY, BACK = (
    Withdraw(account="a", amount=10),
    Deposit(account="b", amount=10),
    Deposit(account="a", amount=10),
)
ASK = AskForApproval(transfer_id="t-1")


def approved_transfers() -> Any:
    return transfers(WITHDRAW, APPROVE, DEPOSIT)


async def test_commands_are_those_that_the_given_events_lead_to() -> None:
    await given(transfers(), REQUESTED).then_sent(TAKE, PAY)
    await given(transfers()).then_sent()


async def test_after_a_when_only_what_follows_from_it_counts() -> None:
    scenario = given(approved_transfers(), REQUESTED).when(APPROVED)
    await scenario.then_sent(PAY)
    process = await scenario.then_process("t-1", "completed")

    assert process.status is ProcessStatus.COMPLETED


async def test_what_is_refused_is_undone() -> None:
    scenario = given(transfers(), REQUESTED).refusing(Deposit, ValueError("no"))
    await scenario.then_sent(TAKE, PAY, BACK)
    await scenario.then_process("t-1", "parked", error="undoing 'withdraw' failed: ValueError: no")


async def test_time_passes_as_it_is_said() -> None:
    scenario = given(approved_transfers(), REQUESTED)
    await scenario.when(timedelta(minutes=4), timedelta(seconds=59)).then_sent()
    await scenario.then_process("t-1", "running")

    late = given(approved_transfers(), REQUESTED).when(timedelta(minutes=5), APPROVED)
    await late.then_process("t-1", "failed", error="took longer than 0:05:00")
    await late.then_sent(BACK)


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (
            lambda it: it.then_sent(TAKE),
            "transfers: other commands than expected: 1 command expected, 2 commands found\n"
            "+ command 2, found and not expected: Deposit(account='b', amount=10)",
        ),
        (
            lambda it: it.then_sent(TAKE, Deposit(account="c", amount=10)),
            "transfers: other commands than expected: 2 commands expected, 2 commands found\n"
            "  command 2: Deposit\n    account: expected 'c'\n                found 'b'",
        ),
        (
            lambda it: it.then_process("t-1", "failed", error="no"),
            "transfers: another state of process 't-1' than expected\n"
            "    expected failed, with the error 'no'\n       found completed, without an error",
        ),
        (lambda it: it.then_process("t-9", "failed"), "transfers: no process 't-9' was started"),
    ],
)
async def test_a_failure_tells_what_was_expected_and_what_was_found(
    then: Callable[[ProcessScenario], Awaitable[Any]], text: str
) -> None:
    with pytest.raises(AssertionError) as failed:
        await then(given(transfers(), REQUESTED))

    assert str(failed.value) == text


async def test_an_error_that_is_not_expected_is_a_failure() -> None:
    scenario = given(transfers(), REQUESTED).refusing(Withdraw, ValueError("no"))
    with pytest.raises(AssertionError, match="expected failed, without an error"):
        await scenario.then_process("t-1", "failed")


@pytest.mark.parametrize(
    ("misuse", "sentence"),
    [
        (lambda it: it.refusing(Deposit, OSError()), "does not say whether a command was taken"),
        (lambda it: it.refusing("Deposit", ValueError()), "refusing takes a class of commands"),
        (lambda it: it.refusing(Deposit, ValueError), "refusing takes what the handler raises"),
        (lambda it: it.when(timedelta(-1)), "when: time passes forwards; found"),
        (lambda it: it.then_process("t-1", "faild"), "a status is one of running, .*'faild'"),
        (lambda it: it.when("approved"), "when: number 1 is 'approved', which is no event"),
        (lambda it: it.when(APPROVED).when(APPROVED), "when comes once"),
        (lambda it: it.then_sent(APPROVED), "then_sent: number 1 is .* no command"),
    ],
)
async def test_what_makes_no_sense_is_told(
    misuse: Callable[[ProcessScenario], Any], sentence: str
) -> None:
    with pytest.raises(InvalidScenario, match=sentence):
        await misuse(given(transfers(), REQUESTED))


async def test_an_event_that_cannot_be_followed_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    manager: Any = transfers()
    manager._key = lambda _: 5
    with caplog.at_level("CRITICAL"), pytest.raises(AssertionError, match="the key of a Transfer"):
        await given(manager, REQUESTED).then_sent()


async def test_what_comes_too_late_is_told() -> None:
    scenario = given(transfers(), REQUESTED)
    await scenario.then_sent(TAKE, PAY)
    with pytest.raises(InvalidScenario, match="when comes before every then"):
        scenario.when(APPROVED)
    with pytest.raises(InvalidScenario, match="refusing comes before every then"):
        scenario.refusing(Deposit, ValueError("no"))
    with pytest.raises(InvalidScenario, match="given: number 1 is"):
        given(transfers(), TAKE)  # type: ignore[arg-type]
