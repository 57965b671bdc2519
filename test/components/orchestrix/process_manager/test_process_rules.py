"""What each event changes in a process, as pure functions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_transfers import (
    APPROVE,
    DEPOSIT,
    WITHDRAW,
    TransferApproved,
    TransferDenied,
)

from orchestrix.messaging import Event
from orchestrix.process_manager import (
    CancellationRequested,
    CompensationFailed,
    InvalidProcess,
    Process,
    ProcessEvent,
    ProcessStatus,
    ProcessStep,
    RetryRequested,
    StepCompensated,
    StepCompleted,
    StepFailed,
    StepSent,
    StepSettled,
    StepTimedOut,
)
from orchestrix.process_manager.process_rules import Moment, ProcessRules

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING, COMPENSATING, PARKED, COMPLETED, FAILED = ProcessStatus
LAST = replace(DEPOSIT, name="last")


class History:
    """A process through events, one after the other."""

    def __init__(self, *steps: ProcessStep[Any]) -> None:
        self.rules = ProcessRules(steps or (WITHDRAW, APPROVE, DEPOSIT))
        self.position = 1
        self.process = self.rules.started("t-1", Moment(1, BEGIN))

    def after(self, *events: Event) -> Process:
        for event in events:
            self.position += 1
            moment = Moment(self.position, BEGIN + timedelta(seconds=self.position))
            follow = self.rules.followed if isinstance(event, ProcessEvent) else self.rules.answered
            self.process = follow(self.process, event, moment)  # type: ignore[arg-type]
        return self.process


def own(kind: type[ProcessEvent], step: str = "", **fields: Any) -> ProcessEvent:
    return kind(manager="transfers", process_id="t-1", step=step, **fields)


def done(*steps: str) -> list[Event]:
    return [own(StepCompleted, each) for each in steps]


def failed(step: str, taken: int = 0) -> Event:
    return own(StepFailed, step, error="no", taken=taken)


APPROVED, DENIED = TransferApproved(transfer_id="t-1"), TransferDenied(transfer_id="t-1")
CANCELLED = own(CancellationRequested, reason="why")
RETRY = own(RetryRequested)


def refused(step: str) -> Event:
    return own(CompensationFailed, step, error="no")


def undone(*steps: str) -> list[Event]:
    return [own(StepCompensated, each) for each in steps]


def at(process: Process) -> tuple[ProcessStatus, str | None, bool]:
    return process.status, process.step, process.due


def test_a_process_begins_at_its_first_step() -> None:
    process = History().process

    assert at(process) == (RUNNING, "withdraw", True)
    assert (process.started_position, process.cause_position) == (1, 1)
    assert (process.started_at, process.changed_at, process.deadline) == (BEGIN, BEGIN, None)


def test_each_step_is_caused_by_the_event_that_led_to_it() -> None:
    history = History()
    process = history.after(*done("withdraw"))

    assert at(process) == (RUNNING, "approve", True)
    assert process.cause_position == 2
    assert process.deadline == BEGIN + timedelta(seconds=2, minutes=5)
    process = history.after(own(StepSent, "approve"))
    assert (at(process), process.cause_position) == ((RUNNING, "approve", False), 2)
    assert process.changed_at == BEGIN + timedelta(seconds=3)
    process = history.after(APPROVED)
    assert (at(process), process.cause_position) == ((RUNNING, "deposit", True), 4)
    assert (process.deadline, process.answers) == (None, {"approve": 4})
    process = history.after(*done("deposit"))
    assert (at(process), process.deadline) == ((COMPLETED, None, False), None)


def test_an_answer_may_come_before_the_commands_are_known_to_be_taken() -> None:
    history = History()
    process = history.after(*done("withdraw"), APPROVED)
    assert (at(process), process.answers) == ((RUNNING, "approve", True), {"approve": 3})
    assert process.cause_position == 2

    assert at(history.after(own(StepSent, "approve"))) == (RUNNING, "deposit", True)


@pytest.mark.parametrize("wish", [CANCELLED, DENIED])
@pytest.mark.parametrize(
    ("fate", "completed"),
    [
        (own(StepSent, "approve"), ["withdraw"]),
        (failed("approve"), ["withdraw"]),
        (failed("approve", taken=1), ["withdraw", "approve"]),
    ],
)
def test_a_step_is_left_only_when_it_is_known_whether_its_commands_were_taken(
    wish: Event, fate: Event, completed: list[str]
) -> None:
    undoable = replace(APPROVE, compensation=DEPOSIT.compensation)
    history = History(WITHDRAW, undoable, DEPOSIT)
    before = history.after(*done("withdraw"))
    process = history.after(wish)
    assert (at(process), process.cause_position) == (at(before), before.cause_position)
    assert process.error is not None
    assert history.after(CANCELLED, DENIED, own(StepTimedOut, "approve")) == process

    after = history.after(fate)
    assert (after.status, after.completed, after.error) == (COMPENSATING, completed, process.error)


def test_a_step_that_is_done_while_it_is_wished_away_is_undone() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), CANCELLED)
    process = history.after(*done("deposit"))

    assert (at(process), process.completed) == (
        (COMPENSATING, "deposit", True), ["withdraw", "deposit"],
    )  # fmt: skip


def test_a_step_that_is_answered_while_it_is_wished_away_is_undone() -> None:
    undoable = replace(APPROVE, compensation=DEPOSIT.compensation)
    history = History(WITHDRAW, undoable, DEPOSIT)
    history.after(*done("withdraw"), CANCELLED, APPROVED)

    assert at(history.after(own(StepSent, "approve"))) == (COMPENSATING, "approve", True)


def test_a_step_that_waits_for_no_event_any_more_is_done_when_it_is_sent() -> None:
    assert at(History(WITHDRAW, DEPOSIT).after(own(StepSent, "withdraw"))) == (
        RUNNING, "deposit", True,
    )  # fmt: skip


def test_one_event_answers_one_step() -> None:
    again = replace(APPROVE, name="again", command=None)
    history = History(replace(APPROVE, command=None), WITHDRAW, again)
    process = history.after(APPROVED)
    assert (at(process), list(process.answers)) == ((RUNNING, "withdraw", True), ["approve"])

    assert list(history.after(APPROVED).answers) == ["approve", "again"]
    assert at(history.after(*done("withdraw"))) == (COMPLETED, None, False)


def test_what_was_answered_early_is_undone_too() -> None:
    undoable = replace(APPROVE, compensation=DEPOSIT.compensation)
    history = History(WITHDRAW, undoable, DEPOSIT)
    process = history.after(APPROVED, failed("withdraw"))

    assert (at(process), process.completed) == ((COMPENSATING, "approve", True), ["approve"])


def test_what_is_completed_stays_so_whatever_comes_and_whatever_steps_there_are() -> None:
    history = History(WITHDRAW)
    process = history.after(*done("withdraw"))
    history.rules = ProcessRules([WITHDRAW, APPROVE, DEPOSIT])

    assert history.after(APPROVED, DENIED, *done("deposit"), CANCELLED, RETRY) is process


def test_a_step_that_is_gone_is_not_passed_over_when_it_has_to_be_undone() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"))
    history.rules = ProcessRules([DEPOSIT])

    assert at(history.after(failed("deposit"))) == (COMPENSATING, "withdraw", True)


def test_what_comes_after_a_step_that_is_gone_is_no_guess() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.rules = ProcessRules([DEPOSIT])
    with pytest.raises(InvalidProcess, match="'withdraw', which is none any more; give a step"):
        history.after(*done("withdraw"))


def test_a_denial_of_what_is_parked_changes_nothing() -> None:
    history = History(WITHDRAW, replace(APPROVE, compensation=DEPOSIT.compensation), DEPOSIT)
    history.after(*done("withdraw"), own(StepSent, "approve"), APPROVED, failed("deposit"))
    process = history.after(refused("approve"))

    assert history.after(DENIED) is process


def test_an_answer_counts_once() -> None:
    history = History()
    first = history.after(*done("withdraw"), APPROVED)

    assert history.after(APPROVED) == first


@pytest.mark.parametrize(
    "event",
    [
        *done("withdraw"), *done("last"), failed("withdraw"), failed("deposit"),
        own(StepSent, "withdraw"), own(StepTimedOut, "withdraw"), *undone("withdraw"),
        refused("withdraw"), own(StepSettled, "approve", reason="by hand"), RETRY, *done("gone"),
        own(StepSettled, "withdraw", reason="by hand"),
    ],
)  # fmt: skip
def test_what_is_not_about_the_present_step_says_nothing(event: Event) -> None:
    history = History(WITHDRAW, APPROVE, DEPOSIT, LAST)
    process = history.after(*done("withdraw"))

    assert history.after(event) is process


def test_a_denial_of_a_step_that_is_not_at_work_says_nothing() -> None:
    history = History()
    process = history.process

    assert history.after(DENIED) is process
    history.after(*done("withdraw"), own(StepSent, "approve"))
    assert at(history.after(DENIED)) == (COMPENSATING, "withdraw", True)


def test_a_step_without_commands_waits_for_its_event_only() -> None:
    history = History(replace(APPROVE, command=None), DEPOSIT)

    assert at(history.process) == (RUNNING, "approve", False)
    assert history.process.deadline == BEGIN + timedelta(minutes=5)


def test_what_has_nothing_to_do_is_passed_and_counts_as_done() -> None:
    undoable = ProcessStep[Any]("nothing", compensation=lambda _: [])
    history = History(undoable, WITHDRAW, ProcessStep("end"))

    assert at(history.process) == (RUNNING, "withdraw", True)
    assert at(history.after(failed("withdraw"))) == (COMPENSATING, "nothing", True)


def test_a_process_without_anything_to_do_is_completed_at_once() -> None:
    assert at(History(ProcessStep("nothing")).process) == (COMPLETED, None, False)


def test_steps_are_undone_in_reverse() -> None:
    history = History(WITHDRAW, DEPOSIT, LAST)
    process = history.after(*done("withdraw", "deposit"), failed("last"))
    assert (at(process), process.cause_position) == ((COMPENSATING, "deposit", True), 4)
    process = history.after(*undone("deposit"))
    assert (at(process), process.cause_position) == ((COMPENSATING, "withdraw", True), 5)
    process = history.after(*undone("withdraw"))
    assert at(process) == (FAILED, None, False)
    assert (process.completed, process.undone) == (["withdraw", "deposit"], ["deposit", "withdraw"])


def test_what_needs_no_undoing_is_left() -> None:
    kept = replace(DEPOSIT, compensation=None)
    history = History(WITHDRAW, kept, LAST)

    assert at(history.after(*done("withdraw", "deposit"), failed("last"))) == (
        COMPENSATING, "withdraw", True,
    )  # fmt: skip


def test_a_wait_that_is_over_is_undone_without_a_deadline() -> None:
    sent = own(StepSent, "approve")
    process = History().after(*done("withdraw"), sent, own(StepTimedOut, "approve"))

    assert (at(process), process.deadline) == ((COMPENSATING, "withdraw", True), None)


@pytest.mark.parametrize(
    "late",
    [
        *done("deposit"), failed("deposit", taken=1),
    ],
)  # fmt: skip
def test_what_was_done_after_all_is_undone_first(late: Event) -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), failed("deposit"))  # so said another runner
    process = history.after(late)

    assert (at(process), process.cause_position) == ((COMPENSATING, "deposit", True), 4)
    assert at(history.after(late)) == (COMPENSATING, "deposit", True)
    assert at(history.after(*undone("deposit"))) == (COMPENSATING, "withdraw", True)


def test_a_refusal_after_the_cancellation_changes_nothing() -> None:
    history = History(WITHDRAW, DEPOSIT)
    process = history.after(*done("withdraw"), failed("deposit"))

    assert history.after(failed("deposit")) is process
    assert history.after(own(StepSent, "withdraw"), own(StepTimedOut, "withdraw")) is process
    assert history.after(CANCELLED) is process


def test_what_was_undone_meanwhile_is_not_undone_again() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), failed("deposit"), *done("deposit"))
    process = history.after(*undone("withdraw"))
    assert (at(process), process.undone) == ((COMPENSATING, "deposit", True), ["withdraw"])

    assert at(history.after(*undone("deposit"))) == (FAILED, None, False)
    assert history.after(*undone("deposit"), *undone("withdraw")).undone == ["withdraw", "deposit"]


def test_what_was_never_done_is_not_undone() -> None:
    history = History(WITHDRAW, DEPOSIT)
    process = history.after(*done("withdraw"), failed("deposit"))

    assert history.after(*undone("deposit")) is process


def test_what_comes_after_the_end_is_undone() -> None:
    history = History(replace(APPROVE, command=None, compensation=WITHDRAW.compensation))
    assert at(history.after(own(StepTimedOut, "approve"))) == (FAILED, None, False)

    assert at(history.after(APPROVED)) == (COMPENSATING, "approve", True)
    assert at(history.after(*undone("approve"))) == (FAILED, None, False)


def test_a_refused_compensation_parks_until_it_is_asked_for() -> None:
    history = History(WITHDRAW, DEPOSIT)
    process = history.after(*done("withdraw"), failed("deposit"), refused("withdraw"))
    assert at(process) == (PARKED, "withdraw", False)
    assert process.error == "step 'deposit' failed: no; then undoing 'withdraw' failed: no"
    assert history.after(refused("withdraw")) is process
    assert history.after(CANCELLED) is process

    process = history.after(RETRY)
    assert (at(process), process.cause_position) == ((COMPENSATING, "withdraw", True), 7)
    assert history.after(RETRY) is process
    assert at(history.after(*undone("withdraw"))) == (FAILED, None, False)


def test_a_refusal_to_undo_another_step_than_the_present_one_says_nothing() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), failed("deposit"))
    process = history.after(*done("deposit"))

    assert history.after(refused("withdraw")) is process


def test_what_was_settled_by_hand_is_undone() -> None:
    history = History(WITHDRAW, DEPOSIT, LAST)
    history.after(*done("withdraw", "deposit"), failed("last"))
    settled = own(StepSettled, "deposit", reason="in cash")
    process = history.process
    assert history.after(settled) is process

    history.after(refused("deposit"))
    assert at(history.after(own(StepSettled, "withdraw", reason="?"))) == (PARKED, "deposit", False)
    assert at(history.after(settled)) == (COMPENSATING, "withdraw", True)


def test_what_is_done_while_its_process_is_parked_waits_with_it() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), failed("deposit"), refused("withdraw"))
    process = history.after(*done("deposit"))
    assert (at(process), process.completed) == (
        (PARKED, "withdraw", False), ["withdraw", "deposit"],
    )  # fmt: skip

    assert at(history.after(RETRY)) == (COMPENSATING, "deposit", True)


def test_what_was_undone_while_its_process_is_parked_needs_no_retry() -> None:
    history = History(WITHDRAW, DEPOSIT)
    history.after(*done("withdraw"), failed("deposit"), refused("withdraw"))

    assert at(history.after(*undone("withdraw"))) == (FAILED, None, False)


NAMES = ["withdraw", "approve", "deposit"]
EVENTS = st.one_of(
    st.sampled_from([APPROVED, DENIED, CANCELLED, RETRY]),
    st.builds(own, st.sampled_from([StepSent, StepCompleted, StepTimedOut, StepCompensated]),
              st.sampled_from(NAMES)),
    st.builds(failed, st.sampled_from(NAMES), st.integers(0, 1)),
    st.builds(refused, st.sampled_from(NAMES)),
    st.builds(own, st.just(StepSettled), st.sampled_from(NAMES), reason=st.just("?")),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_whatever_happens_a_process_makes_sense(events: Sequence[Event]) -> None:
    undoable = replace(APPROVE, compensation=DEPOSIT.compensation)
    history = History(WITHDRAW, undoable, DEPOSIT)
    before = history.process
    for event in events:
        now = history.after(event)
        open_ = [each for each in now.completed if each not in now.undone]

        assert len(set(now.completed)) == len(now.completed)
        assert len(set(now.undone)) == len(now.undone)
        assert set(now.undone) <= set(now.completed)
        assert before.completed == now.completed[: len(before.completed)]
        if now.status is COMPLETED:
            assert (now.completed, now.undone, now.step) == (NAMES, [], None)
        if now.status is FAILED:
            assert (open_, now.step, now.due) == ([], None, False)
        if now.status is COMPENSATING:
            assert now.step in open_
            assert now.due
        if before.status is COMPLETED:
            assert now is before
        if before.status in (COMPENSATING, PARKED, FAILED):
            assert now.status in (COMPENSATING, PARKED, FAILED)
            assert now.error is not None
        if now != before:
            assert now.changed_at > before.changed_at
        before = now


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=15))
def test_from_wherever_it_is_a_process_can_come_to_its_end(events: Sequence[Event]) -> None:
    history = History()
    process = history.after(*events)
    for _ in range(20):
        if process.has_ended:
            break
        step = process.step or ""
        sent = own(StepSent if step == "approve" else StepCompleted, step)
        outcome = {
            RUNNING: sent if process.due else APPROVED,
            COMPENSATING: own(StepCompensated, step),
            PARKED: RETRY,
        }[process.status]
        process = history.after(outcome)

    assert process.has_ended
