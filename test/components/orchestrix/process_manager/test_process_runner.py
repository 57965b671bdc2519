"""Processes brought to their end: step by step, or undone; through failures and restarts."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sample_transfers import (
    APPROVE,
    DEPOSIT,
    WITHDRAW,
    Bank,
    Deposit,
    TransferApproved,
    TransferDenied,
    TransferRequested,
    Withdraw,
    transfers,
)

from orchestrix.eventsourcing import StoreUnavailable
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import (
    Command,
    Event,
    FixedDelay,
    InMemoryAsyncMessageBus,
    InMemoryMessageBus,
    NoRetry,
)
from orchestrix.process_manager import (
    CommandsUnanswered,
    InvalidProcess,
    Process,
    ProcessEvent,
    ProcessManager,
    ProcessNotEnded,
    ProcessRunner,
    ProcessStatus,
    ProcessStep,
    StepCompleted,
    StepFailed,
    StepTimedOut,
    UnknownProcess,
    WrongStatus,
    process_runner,
)
from orchestrix.projection_runtime import ProjectionsStopped, RunnerError
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store
from orchestrix.testing.conformance.event_store import log_of

AT_ONCE = FixedDelay(max_retries=3, delay=0.0)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """A log, a state store, a bank, and processes of one manager."""

    def __init__(self, store: Any, states: Any, clock: Clock) -> None:
        self.store, self.states, self.clock = store, states, clock
        self.bank = Bank(store)
        self.manager = transfers()

    def runner(self, *steps: ProcessStep[Any], **options: Any) -> ProcessRunner:
        """A new runner, as after a restart."""
        if steps:
            self.manager = transfers(*steps)
        options = {"retry": AT_ONCE, **options}
        return ProcessRunner(self.store, self.states, [self.manager], self.bank.send, **options)

    async def request(self, transfer_id: str = "t-1", **fields: Any) -> Any:
        event = TransferRequested(transfer_id=transfer_id, **fields)
        await self.store.append(f"transfer-{transfer_id}", [event])
        return event

    async def happen(self, event: Event) -> None:
        await self.store.append("approvals", [event])

    async def process(self, transfer_id: str = "t-1") -> Process:
        found = await self.states.table(self.manager.table).get(transfer_id)
        assert found is not None
        return found

    async def status(self, transfer_id: str = "t-1") -> str:
        return (await self.process(transfer_id)).status.value


@asynccontextmanager
async def memory(_: Path, clock: Clock) -> AsyncGenerator[World, None]:
    store = InMemoryAsyncEventStore(InMemoryEventStore(clock=clock))
    yield World(store, InMemoryProjections(), clock)


@asynccontextmanager
async def sqlite(folder: Path, clock: Clock) -> AsyncGenerator[World, None]:
    file = folder / "bank.db"
    async with (
        open_sqlite_store(file, synchronous="NORMAL", clock=clock) as store,
        open_sqlite_projections(file, synchronous="NORMAL") as states,
    ):
        yield World(store, states, clock)


@pytest.fixture(params=[memory, sqlite])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[World, None]:
    async with request.param(tmp_path, Clock()) as world:
        await world.bank.open(a=100, b=0)
        yield world


# Forward


async def test_the_steps_are_done_one_after_the_other(world: World) -> None:
    await world.request()
    await world.runner().catch_up()

    process = await world.process()
    assert world.bank.texts() == ["withdraw 10 from a", "deposit 10 to b"]
    assert await world.bank.balances("a", "b") == [90, 10]
    assert (process.status, process.step, process.due) == (ProcessStatus.COMPLETED, None, False)
    assert (process.completed, process.has_ended) == (["withdraw", "deposit"], True)


async def test_many_processes_go_on_beside_each_other(world: World) -> None:
    for number in range(30):
        await world.request(f"t-{number}", amount=1)
    await world.runner(at_once=7).catch_up()

    assert await world.bank.balances("a", "b") == [70, 30]
    assert {await world.status(f"t-{number}") for number in range(30)} == {"completed"}


async def test_commands_continue_the_story_of_what_started_the_process(world: World) -> None:
    started = await world.request(correlation_id="story")
    await world.runner().catch_up()
    first, second = world.bank.sent
    log = {each.id: each.event for each in await log_of(world.store)}

    assert (first.correlation_id, second.correlation_id) == ("story", "story")
    assert first.causation_id == started.id
    assert second.causation_id is not None
    cause = log[second.causation_id]
    assert cause.type == "orchestrix.process-step-completed"
    assert {each.correlation_id for each in log.values() if isinstance(each, ProcessEvent)} == {
        "story"
    }
    assert {each.correlation_id for each in log.values() if each.causation_id} == {"story"}


async def test_what_is_answered_by_an_event_goes_on_in_the_same_story(world: World) -> None:
    await world.request(correlation_id="story")
    runner = world.runner(APPROVE, DEPOSIT)
    await runner.catch_up()
    approved = TransferApproved(transfer_id="t-1")
    await world.happen(approved)
    await runner.catch_up()

    deposit = world.bank.sent[-1]
    assert (deposit.correlation_id, deposit.causation_id) == ("story", approved.id)


async def test_an_event_that_starts_no_story_of_its_own_begins_one(world: World) -> None:
    started = await world.request()
    await world.runner().catch_up()

    assert {each.correlation_id for each in world.bank.sent} == {started.id}


async def test_a_step_that_waits_for_an_event_goes_on_when_it_comes(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await runner.catch_up()
    assert world.bank.texts() == ["withdraw 10 from a", "ask"]
    assert (await world.status(), (await world.process()).step) == ("running", "approve")
    await runner.catch_up()
    assert len(world.bank.sent) == 2

    await world.happen(TransferApproved(transfer_id="t-1"))
    await runner.catch_up()
    assert await world.bank.balances("a", "b") == [90, 10]


async def test_an_event_that_comes_early_is_not_asked_for(world: World) -> None:
    await world.request()
    await world.happen(TransferApproved(transfer_id="t-1"))
    await world.runner(WITHDRAW, APPROVE, DEPOSIT).catch_up()

    assert world.bank.texts() == ["withdraw 10 from a", "deposit 10 to b"]


async def test_events_of_other_processes_and_of_none_mean_nothing(world: World) -> None:
    await world.request()
    runner = world.runner(APPROVE)
    await world.happen(TransferApproved(transfer_id="t-2"))
    await runner.catch_up()

    assert await world.status() == "running"
    assert await world.states.table(world.manager.table).get("t-2") is None


async def test_a_second_starting_event_starts_nothing(world: World) -> None:
    await world.request()
    runner = world.runner()
    await runner.catch_up()
    await world.store.append("again", [TransferRequested(transfer_id="t-1", amount=50)])
    await runner.catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_command_may_be_made_of_what_answered_an_earlier_step(world: World) -> None:
    seen: list[Event] = []

    def look(process: Any) -> Command:
        seen.append(process.answers["approve"])
        return Deposit(account="b", amount=1)

    await world.request()
    runner = world.runner(APPROVE, ProcessStep("look", command=look))
    await runner.catch_up()
    event = TransferApproved(transfer_id="t-1")
    await world.happen(event)
    await runner.catch_up()

    assert seen == [event]


async def test_a_step_may_have_several_commands_or_none(world: World) -> None:
    several = ProcessStep[TransferRequested](
        "several",
        command=lambda _: [Deposit(account="b", amount=1), Deposit(account="b", amount=2)],
    )
    await world.request()
    await world.runner(ProcessStep("nothing"), several, ProcessStep("end")).catch_up()

    assert await world.bank.balances("b") == [3]
    assert (await world.process()).completed == ["nothing", "several", "end"]
    assert len({each.id for each in world.bank.sent}) == 2


async def test_a_bus_can_be_what_sends(world: World) -> None:
    bus = InMemoryAsyncMessageBus()
    bus.subscribe(Withdraw, world.bank.send)
    bus.subscribe(Deposit, world.bank.send)
    await world.request()
    await ProcessRunner(world.store, world.states, [world.manager], bus.send).catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


def test_sync_stores_and_handlers_will_do() -> None:
    store, states, sent = InMemoryEventStore(), InMemoryProjections(), list[Command]()
    store.append("t", [TransferRequested(transfer_id="t-1")])
    asyncio.run(ProcessRunner(store, states, [transfers()], sent.append).catch_up())

    assert len(sent) == 2


async def test_two_managers_in_one_log_keep_to_their_own(world: World) -> None:
    other = ProcessManager(
        "others",
        starts_on=TransferRequested,
        key=lambda event: event.transfer_id,
        steps=[APPROVE, DEPOSIT],
    )
    await world.request()
    runner = ProcessRunner(world.store, world.states, [world.manager, other], world.bank.send)
    await runner.catch_up()

    assert await world.status() == "completed"
    process = await world.states.table(other.table).get("t-1")
    assert process is not None
    assert (process.status, process.step) == (ProcessStatus.RUNNING, "approve")
    assert await world.bank.balances("a", "b") == [90, 10]
    await world.happen(TransferApproved(transfer_id="t-1"))
    await runner.catch_up()
    assert await world.bank.balances("a", "b") == [90, 20]


async def test_a_replay_of_the_rows_sends_nothing_again(world: World) -> None:
    world.bank.closed = {"c"}
    await world.bank.open(c=0)
    await world.request("t-1")
    await world.request("t-2", target="c")
    await world.runner().catch_up()
    rows = await world.states.table(world.manager.table).query()
    sent = len(world.bank.sent)
    await world.manager.engine(world.states).replay(await world.store.read_all())
    await world.runner().catch_up()

    assert await world.states.table(world.manager.table).query() == rows
    assert len(world.bank.sent) == sent


# Back


async def test_when_a_step_is_refused_those_before_it_are_undone_in_reverse(world: World) -> None:
    world.bank.closed = {"c"}
    last = replace(DEPOSIT, name="last", command=lambda _: Deposit(account="c", amount=10))
    await world.bank.open(c=0)
    await world.request()
    await world.runner(WITHDRAW, DEPOSIT, last).catch_up()

    process = await world.process()
    assert world.bank.texts() == [
        "withdraw 10 from a", "deposit 10 to b", "deposit 10 to c",
        "withdraw 10 from b", "deposit 10 to a",
    ]  # fmt: skip
    assert await world.bank.balances("a", "b", "c") == [100, 0, 0]
    assert (process.status, process.error) == (
        ProcessStatus.FAILED, "step 'last' failed: Closed: c is closed",
    )  # fmt: skip
    assert process.undone == ["deposit", "withdraw"]


async def test_a_process_whose_first_step_is_refused_has_nothing_to_undo(world: World) -> None:
    await world.request(amount=1000)
    await world.runner().catch_up()

    assert (await world.status(), len(world.bank.sent)) == ("failed", 1)
    assert await world.bank.balances("a", "b") == [100, 0]


async def test_a_step_of_which_a_part_was_done_is_undone_too(world: World) -> None:
    def both(_: Any) -> list[Command]:
        return [Deposit(account="b", amount=10), Withdraw(account="b", amount=1000)]

    await world.request()
    await world.runner(WITHDRAW, replace(DEPOSIT, command=both)).catch_up()

    assert await world.bank.balances("a", "b") == [100, 0]
    assert await world.status() == "failed"


async def test_an_event_may_say_that_a_step_cannot_be_done(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await runner.catch_up()
    await world.happen(TransferDenied(transfer_id="t-1"))
    await runner.catch_up()

    process = await world.process()
    assert await world.bank.balances("a", "b") == [100, 0]
    assert process.error == "test-transfer.denied at step 'approve'"


async def test_a_compensation_is_told_why(world: World) -> None:
    errors: list[str | None] = []

    def undo(process: Any) -> Command:
        errors.append(process.error)
        return Deposit(account="a", amount=10)

    await world.request(amount=60)
    await world.runner(
        replace(WITHDRAW, compensation=undo), replace(WITHDRAW, name="again")
    ).catch_up()

    assert errors == ["step 'again' failed: NotEnough: 60 of 40"]


@pytest.mark.parametrize("made", ["withdraw", None, [5], KeyError("amount")])
async def test_what_makes_no_command_is_told_and_refuses_nothing(world: World, made: Any) -> None:
    def make(_: Any) -> Any:
        if isinstance(made, Exception):
            raise made
        return made

    await world.request("t-1")
    broken: Any = ProcessStep("broken", command=make)
    with pytest.raises(CommandsUnanswered, match=r"process 't-1': its command was neither"):
        await world.runner(WITHDRAW, broken).catch_up()
    assert await world.bank.balances("a") == [90]

    await world.runner(WITHDRAW, replace(DEPOSIT, name="broken")).catch_up()
    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_builder_that_fails_the_second_time_refuses_nothing(world: World) -> None:
    tried: list[int] = []

    def make(_: Any) -> Command:
        tried.append(1)
        if len(tried) == 2:
            raise KeyError("amount")
        return Withdraw(account="a", amount=10)

    world.bank.lost = failing_once(OSError("away"), Withdraw)
    await world.request()
    await world.runner(replace(WITHDRAW, command=make), DEPOSIT).catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_refused_compensation_parks_the_process_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.bank.closed = {"a", "b"}
    await world.request()
    runner = world.runner()
    await runner.catch_up()

    process = await world.process()
    assert (process.status, process.step) == (ProcessStatus.PARKED, "withdraw")
    assert process.error == (
        "step 'deposit' failed: Closed: b is closed; then undoing 'withdraw' failed: Closed: a is "
        "closed"
    )
    assert "'t-1' is parked, since undoing its step 'withdraw' was refused" in caplog.text
    await runner.catch_up()
    assert len(world.bank.sent) == 3

    await runner.retry("transfers", "t-1")
    await runner.catch_up()
    assert await world.status() == "parked"

    world.bank.closed = set()
    await runner.retry("transfers", "t-1")
    await runner.catch_up()
    assert await world.status() == "failed"
    assert await world.bank.balances("a", "b") == [100, 0]


async def test_what_was_undone_by_hand_is_not_undone_again(world: World) -> None:
    world.bank.closed = {"a", "b"}
    before = replace(WITHDRAW, name="before")
    await world.request()
    runner = world.runner(before, WITHDRAW, DEPOSIT)
    await runner.catch_up()
    assert (await world.process()).step == "withdraw"
    await runner.settle("transfers", "t-1", "paid back in cash")
    await runner.catch_up()
    assert (await world.status(), (await world.process()).step) == ("parked", "before")
    await runner.settle("transfers", "t-1", "paid back in cash")
    await runner.catch_up()

    assert await world.status() == "failed"
    assert await world.bank.balances("a") == [80]


# Timeouts and cancellation


async def test_what_takes_too_long_by_the_clock_of_the_store_is_undone(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await runner.catch_up()
    world.clock.now += timedelta(minutes=4, seconds=59)
    await runner.catch_up()
    assert await world.status() == "running"
    assert (await world.process()).deadline == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)

    world.clock.now += timedelta(seconds=1)
    await world.runner(WITHDRAW, APPROVE, DEPOSIT).catch_up()
    process = await world.process()
    assert (process.status, process.error) == (
        ProcessStatus.FAILED, "step 'approve' took longer than 0:05:00",
    )  # fmt: skip
    assert await world.bank.balances("a") == [100]
    assert await world.states.table(world.manager.timers).query() == []


async def test_what_came_in_time_is_not_timed_out_later(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await runner.catch_up()
    await world.happen(TransferApproved(transfer_id="t-1"))
    world.clock.now += timedelta(days=1)
    await runner.catch_up()

    assert await world.status() == "completed"


async def test_what_comes_too_late_is_undone_as_well(world: World) -> None:
    undoable = replace(
        APPROVE, command=None, compensation=lambda _: Withdraw(account="a", amount=1)
    )
    await world.request()
    runner = world.runner(WITHDRAW, undoable, DEPOSIT)
    await runner.catch_up()
    world.clock.now += timedelta(days=1)
    await runner.catch_up()
    assert await world.bank.balances("a") == [100]
    await world.happen(TransferApproved(transfer_id="t-1"))
    await runner.catch_up()

    assert (await world.process()).undone == ["withdraw", "approve"]
    assert await world.bank.balances("a") == [99]


async def test_a_cancelled_process_is_undone(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await runner.catch_up()
    await runner.cancel("transfers", "t-1", "changed my mind")
    await runner.catch_up()

    process = await world.process()
    assert (process.status, process.error) == (ProcessStatus.FAILED, "cancelled: changed my mind")
    assert await world.bank.balances("a", "b") == [100, 0]


async def test_a_step_that_is_done_while_its_process_is_cancelled_is_undone(world: World) -> None:
    await world.request()
    going, go_on = asyncio.Event(), asyncio.Event()
    send = world.bank.send

    async def slow(command: Command) -> None:
        if isinstance(command, Deposit) and command.account == "b":
            going.set()
            await go_on.wait()
        await send(command)

    world.bank.send = slow  # type: ignore[method-assign]
    runner = world.runner()
    running = asyncio.create_task(runner.run())
    await going.wait()
    await runner.cancel("transfers", "t-1", "too slow")
    async with asyncio.timeout(5):
        while (await world.process()).error is None:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.001)
    go_on.set()
    process = await runner.ended("transfers", "t-1")
    runner.stop()
    await running

    assert (process.status, process.undone) == (ProcessStatus.FAILED, ["deposit", "withdraw"])
    assert process.error == "cancelled: too slow"
    assert await world.bank.balances("a", "b") == [100, 0]


@pytest.mark.parametrize("which", [Withdraw, Deposit])
async def test_a_process_cancelled_while_nobody_knows_a_commands_fate_is_undone_when_it_is_known(
    world: World, which: type[Command]
) -> None:
    away = True

    def lose(command: Command) -> None:
        if away and isinstance(command, which):
            raise OSError("away")

    world.bank.lost = lose
    await world.request()
    with pytest.raises(CommandsUnanswered):
        await world.runner().catch_up()
    runner = world.runner()
    await runner.cancel("transfers", "t-1", "no hurry")
    with pytest.raises(CommandsUnanswered):
        await runner.catch_up()
    assert ((await world.process()).error, await world.status()) == (
        "cancelled: no hurry", "running",
    )  # fmt: skip

    away = False
    await runner.catch_up()
    assert await world.status() == "failed"
    assert await world.bank.balances("a", "b") == [100, 0]


@pytest.mark.parametrize("asked", ["cancel", "retry", "settle"])
async def test_what_cannot_be_asked_for_is_told(world: World, asked: str) -> None:
    runner = world.runner()
    ask: Callable[..., Any] = getattr(runner, asked)
    why = () if asked == "retry" else ("why",)
    with pytest.raises(UnknownProcess, match="'transfers' knows no process 't-9'; look at the id"):
        await ask("transfers", "t-9", *why)
    with pytest.raises(InvalidProcess, match="has the process managers 'transfers'; found 'other'"):
        await ask("other", "t-9", *why)
    await world.request()
    await runner.catch_up()
    with pytest.raises(WrongStatus, match="process 't-1' is completed; only one that is"):
        await ask("transfers", "t-1", *why)


# Bad luck


def failing_once(error: Exception, wanted: type[Command]) -> Callable[[Command], None]:
    left = [error]

    def fail(command: Command) -> None:
        if isinstance(command, wanted) and left:
            raise left.pop()

    return fail


@pytest.mark.parametrize("when", ["failing", "lost"])
@pytest.mark.parametrize("which", [Withdraw, Deposit])
@pytest.mark.parametrize("error", [OSError("away"), StoreUnavailable("x", "away"), TimeoutError()])
async def test_a_command_without_an_answer_is_sent_again_and_has_one_effect(
    world: World, when: str, which: type[Command], error: Exception
) -> None:
    setattr(world.bank, when, failing_once(error, which))
    await world.request()
    await world.runner().catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]
    assert len(world.bank.sent) == 3
    assert len({each.id for each in world.bank.sent}) == 2


class Deaf:
    """A log whose answers to some outcomes are lost, so often still."""

    def __init__(self, store: Any, kind: type[Event], left: int) -> None:
        self._store, self._kind, self.left = store, kind, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, stream_id: str, events: Any, **named: Any) -> Any:
        result = await self._store.append(stream_id, events, **named)
        if self.left and isinstance(events[0], self._kind):
            self.left -= 1
            raise StoreUnavailable("x", "it is away")
        return result


@pytest.mark.parametrize(("kind", "sends"), [(StepFailed, 3), (StepCompleted, 3)])
async def test_what_became_of_a_command_is_written_again_and_the_command_not_sent_again(
    world: World, kind: type[Event], sends: int
) -> None:
    world.bank.failing = failing_once(ValueError("no"), Deposit)
    await world.request()
    runner = world.runner()
    for serving in runner._serving:
        serving._dispatch._store = Deaf(world.store, kind, 2)  # type: ignore[assignment]
    await runner.catch_up()

    assert await world.status() == "failed"
    assert len(world.bank.sent) == sends
    assert await world.bank.balances("a", "b") == [100, 0]


async def test_of_two_refusals_the_one_that_knows_of_an_effect_counts(world: World) -> None:
    both = ProcessStep[TransferRequested](
        "both",
        command=lambda _: [Withdraw(account="a", amount=10), Deposit(account="c", amount=10)],
        compensation=lambda _: Deposit(account="a", amount=10),
    )
    world.bank.closed = {"c"}
    await world.bank.open(c=0)
    await world.request()
    runner = world.runner(both)
    await runner._runner.catch_up()
    process = await world.process()
    (serving,) = runner._serving

    async def never(_: float) -> bool:
        return False

    world.bank.failing = failing_once(ValueError("not yet"), Withdraw)
    for _ in range(2):
        await serving._dispatch.serve(process, never, for_ever=False)
    await runner.catch_up()

    assert (await world.process()).undone == ["both"]
    assert await world.bank.balances("a", "c") == [100, 0]


async def test_a_command_is_made_without_knowing_that_it_will_be_undone(world: World) -> None:
    errors: list[str | None] = []

    def make(process: Any) -> Command:
        errors.append(process.error)
        return Withdraw(account="a", amount=10)

    away = True

    def lose(_: Command) -> None:
        if away:
            raise OSError("away")

    world.bank.lost = lose
    await world.request()
    step = replace(WITHDRAW, command=make)
    with pytest.raises(CommandsUnanswered):
        await world.runner(step).catch_up()
    await world.runner(step).cancel("transfers", "t-1", "why")
    away = False
    await world.runner(step).catch_up()

    assert set(errors) == {None}
    assert await world.bank.balances("a") == [100]


async def test_a_time_that_is_over_and_the_rows_cannot_follow_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.request()
    runner = world.runner(APPROVE)
    await runner.catch_up()
    world.clock.now += timedelta(days=1)
    followed = world.manager.rules.followed

    def broken(process: Process, event: Any, moment: Any) -> Process:
        if isinstance(event, StepTimedOut):
            raise OverflowError("no such time")
        return followed(process, event, moment)

    monkeypatch.setattr(world.manager.rules, "followed", broken)
    with caplog.at_level(logging.CRITICAL), pytest.raises(CommandsUnanswered, match="parked keys"):
        async with asyncio.timeout(10):
            await runner.catch_up()


async def test_what_stays_without_an_answer_is_told_and_gone_on_with(world: World) -> None:
    def away(_: Command) -> None:
        raise OSError("the bank is away")

    world.bank.failing = away
    await world.request("t-1")
    await world.request("t-2")
    with pytest.raises(CommandsUnanswered, match=r"and 1 more.*the bank is away") as told:
        await world.runner().catch_up()
    assert set(told.value.causes) == {"t-1", "t-2"}
    assert len(world.bank.sent) == 8
    assert await world.status() == "running"

    world.bank.failing = lambda _: None
    await world.runner().catch_up()
    assert await world.bank.balances("a", "b") == [80, 20]


async def test_who_is_stopped_does_not_go_on_trying(world: World) -> None:
    sent = asyncio.Event()

    def away(_: Command) -> None:
        sent.set()
        raise OSError("the bank is away")

    world.bank.failing = away
    await world.request()
    runner = world.runner(retry=FixedDelay(max_retries=1, delay=3600))
    running = asyncio.create_task(runner.run())
    await sent.wait()
    runner.stop()
    async with asyncio.timeout(5):
        await running

    assert len(world.bank.sent) == 1


async def test_what_another_runner_has_done_is_not_tried_any_more(world: World) -> None:
    sent = asyncio.Event()

    def away(_: Command) -> None:
        sent.set()
        raise OSError("the bank is away")

    other = Bank(world.store)
    world.bank.failing = away
    await world.request()
    runner = world.runner()
    running = asyncio.create_task(runner.run())
    await sent.wait()
    async with asyncio.timeout(10):
        while not (await world.process()).has_ended:
            with suppress(ProjectionsStopped):
                other_runner = ProcessRunner(world.store, world.states, [world.manager], other.send)
                await other_runner.catch_up()
        while runner._serving[0]._tasks:
            await asyncio.sleep(0.001)
            runner._serving[0].look()
    runner.stop()
    await running

    assert await world.status() == "completed"
    assert await world.bank.balances("a", "b") == [90, 10]


async def test_so_many_are_served_at_once_and_no_more(world: World) -> None:
    under_way, most, go_on = 0, 0, asyncio.Event()

    async def count(_: Command) -> None:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await go_on.wait()
        under_way -= 1

    for number in range(7):
        await world.request(f"t-{number}")
    runner = ProcessRunner(world.store, world.states, [world.manager], count, at_once=3)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(5):
        while under_way < 3:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.001)
    go_on.set()
    for number in range(7):
        await runner.ended("transfers", f"t-{number}")
    runner.stop()
    await running

    assert most == 3


async def test_what_is_served_while_the_rows_are_read_is_not_served_again(world: World) -> None:
    """Its outcome may lie behind the position up to which the rows are known."""
    await world.request()
    runner = world.runner()
    await runner._runner.catch_up()
    (serving,) = runner._serving
    assert await serving.begin(for_ever=False)
    serving.look()
    await asyncio.wait(serving._tasks.values())

    assert not await serving.begin(for_ever=False)
    await runner._runner.catch_up()
    serving.look()
    assert await serving.begin(for_ever=False)
    await serving.until_served()
    await serving.end()


async def test_an_outcome_is_written_once_for_each_time_a_step_is_come_to(world: World) -> None:
    await world.request()
    runner = world.runner(WITHDRAW, APPROVE)
    await runner.catch_up()
    (serving,) = runner._serving
    process = await world.process()
    for _ in range(2):
        await serving._dispatch.time_out(process)

    events = [each.event for each in await log_of(world.store)]
    assert len([each for each in events if isinstance(each, StepTimedOut)]) == 1


async def test_what_nobody_knows_to_be_taken_does_not_time_out(world: World) -> None:
    def away(_: Command) -> None:
        raise OSError("away")

    world.bank.failing = away
    await world.request()
    with pytest.raises(CommandsUnanswered):
        await world.runner(APPROVE).catch_up()
    world.clock.now += timedelta(days=1)
    with pytest.raises(CommandsUnanswered):
        await world.runner(APPROVE).catch_up()
    assert await world.status() == "running"

    world.bank.failing = lambda _: None
    await world.runner(APPROVE).catch_up()
    assert (await world.process()).error == "step 'approve' took longer than 0:05:00"


async def test_what_counts_as_no_answer_can_be_said(world: World) -> None:
    world.bank.lost = failing_once(KeyError("broker"), Withdraw)
    await world.request()
    await world.runner(unanswered=(KeyError,)).catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_runner_follows_until_it_is_stopped(world: World) -> None:
    runner = world.runner(retry=NoRetry())
    world.bank.failing = failing_once(OSError("away"), Withdraw)
    running = asyncio.create_task(runner.run())
    await world.request("t-1")
    ended = await runner.ended("transfers", "t-1")
    await world.request("t-2", amount=1000)
    failed = await runner.ended("transfers", "t-2")
    (status,) = await runner.status()
    runner.stop()
    await running

    assert (ended.status, failed.status) == (ProcessStatus.COMPLETED, ProcessStatus.FAILED)
    assert status.projection_id == "process:transfers"
    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_runner_that_is_stopped_finishes_what_it_sends(world: World) -> None:
    runner = world.runner()
    send = world.bank.send

    async def stopping(command: Command) -> None:
        runner.stop()
        await asyncio.sleep(0)
        await send(command)

    world.bank.send = stopping  # type: ignore[method-assign]
    runner = world.runner()
    await world.request()
    await runner.run()

    assert world.bank.texts() == ["withdraw 10 from a"]
    assert await world.bank.balances("a") == [90]
    world.bank.send = send  # type: ignore[method-assign]
    await world.runner().catch_up()
    assert await world.bank.balances("a", "b") == [90, 10]
    assert len(world.bank.sent) == 2


async def test_one_hanging_command_keeps_no_other_process_waiting(world: World) -> None:
    send, never = world.bank.send, asyncio.Event()

    async def hang(command: Command) -> None:
        if isinstance(command, Withdraw) and command.amount == 7:
            await never.wait()
        await send(command)

    world.bank.send = hang  # type: ignore[method-assign]
    runner = world.runner()
    running = asyncio.create_task(runner.run())
    await world.request("t-1", amount=7)
    await world.request("t-2")
    assert (await runner.ended("transfers", "t-2")).status is ProcessStatus.COMPLETED
    with pytest.raises(ProcessNotEnded, match=r"after 0 seconds: it is running at step 'withdraw'"):
        await runner.ended("transfers", "t-1", timeout=0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await world.bank.balances("a", "b") == [90, 10]


async def test_of_two_runners_one_is_at_work(world: World) -> None:
    first, second = world.runner(), world.runner()
    running = [asyncio.create_task(each.run()) for each in (first, second)]
    for number in range(5):
        await world.request(f"t-{number}", amount=1)
        await first.ended("transfers", f"t-{number}")
    first.stop()
    second.stop()
    await asyncio.gather(*running)

    assert len(world.bank.sent) == 10
    assert await world.bank.balances("a", "b") == [95, 5]


async def test_a_step_that_is_gone_is_told_and_waits_for_its_name(world: World) -> None:
    world.bank.failing = failing_once(OSError("away"), Deposit)
    await world.request("t-1")
    with pytest.raises(CommandsUnanswered):
        await world.runner(retry=NoRetry()).catch_up()
    await world.request("t-2")
    with pytest.raises(CommandsUnanswered, match="at step 'deposit', which is none any more; give"):
        await world.runner(WITHDRAW, replace(DEPOSIT, name="pay in")).catch_up()
    assert await world.status("t-2") == "completed"
    await world.runner(WITHDRAW, DEPOSIT).catch_up()

    assert await world.bank.balances("a", "b") == [80, 20]


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Odd(), "Odd (its text cannot be had: RuntimeError)"),
        (ValueError("\udcff"), r"ValueError: \udcff"),
        (ValueError("x" * 5000), "ValueError: xxx"),
    ],
    ids=["without a text", "a surrogate", "long"],
)
async def test_a_refusal_is_told_whatever_its_text_is(
    world: World, error: Exception, told: str
) -> None:
    world.bank.failing = failing_once(error, Deposit)
    await world.request()
    await world.runner().catch_up()

    process = await world.process()
    assert process.status is ProcessStatus.FAILED
    assert process.error is not None
    assert told in process.error
    assert len(process.error) < 3000
    assert await world.bank.balances("a", "b") == [100, 0]


async def test_a_command_that_reaches_nobody_is_no_refusal(world: World) -> None:
    bus = InMemoryAsyncMessageBus()
    bus.subscribe(Withdraw, world.bank.send)
    await world.request()
    runner = ProcessRunner(world.store, world.states, [world.manager], bus.send, retry=AT_ONCE)
    with pytest.raises(CommandsUnanswered, match="NoHandler"):
        await runner.catch_up()
    bus.subscribe(Deposit, world.bank.send)
    await runner.catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


async def test_a_handler_that_is_cancelled_by_others_is_asked_again(world: World) -> None:
    cancelled: Any = asyncio.CancelledError()
    world.bank.lost = failing_once(cancelled, Withdraw)
    await world.request()
    await world.runner().catch_up()

    assert await world.bank.balances("a", "b") == [90, 10]


@pytest.mark.parametrize("process_id", ["x" * 500, "a\0b"], ids=["long", "NUL"])
async def test_an_id_that_nothing_can_be_written_down_about_starts_nothing(
    world: World, process_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    await world.store.append("odd", [TransferRequested(transfer_id=process_id)])
    await world.request("t-2")
    runner = world.runner()
    with caplog.at_level(logging.CRITICAL):
        await runner.catch_up()
    (status,) = await runner.status()

    assert status.parked_keys == 1
    assert len(world.bank.sent) == 2
    assert await world.status("t-2") == "completed"


async def test_an_outcome_that_the_rows_cannot_follow_is_told_and_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await world.request()
    runner = world.runner()
    followed = world.manager.rules.followed

    def broken(*_: Any) -> Process:
        raise OverflowError("no such time")

    monkeypatch.setattr(world.manager.rules, "followed", broken)
    with caplog.at_level(logging.CRITICAL), pytest.raises(CommandsUnanswered, match="parked keys"):
        await runner.catch_up()
    assert len(world.bank.sent) == 1
    (status,) = await runner.status()
    assert status.parked_keys + status.retrying_keys == 1

    monkeypatch.setattr(world.manager.rules, "followed", followed)
    await runner._runner.retry("process:transfers", world.manager.stream_of("t-1"))
    await runner.catch_up()
    assert await world.bank.balances("a", "b") == [90, 10]


class Away:
    """A store that is away for some calls of some methods."""

    def __init__(self, store: Any, *methods: str) -> None:
        self._store, self.methods, self.left = store, methods, 3

    def __getattr__(self, name: str) -> Any:
        if name in self.methods and self.left:
            self.left -= 1
            raise StoreUnavailable("x", "it is away")
        return getattr(self._store, name)


@pytest.mark.parametrize("method", ["head", "append", "now", "wait_for_events"])
async def test_a_store_that_is_away_is_waited_for(
    world: World, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process_runner, "_LOOK", 0.01)
    runner = world.runner(WITHDRAW, APPROVE, DEPOSIT)
    await world.request()
    away: Any = Away(world.store, method)
    runner._store = away
    for serving in runner._serving:
        serving._store = serving._dispatch._store = away
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(runner.run())
        async with asyncio.timeout(5):
            while not await is_waiting(world):  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.001)
        world.clock.now += timedelta(days=1)
        process = await runner.ended("transfers", "t-1")
        runner.stop()
        await running

    assert process.status is ProcessStatus.FAILED
    assert away.left < 3
    assert "the processes wait for a store" in caplog.text or method in ("append", "now")
    assert await world.bank.balances("a", "b") == [100, 0]


async def is_waiting(world: World) -> bool:
    process = await world.states.table(world.manager.table).get("t-1")
    return process is not None and process.step == "approve" and not process.due


async def test_timers_of_others_do_not_wait_for_what_is_not_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrix.process_manager.serving._TIMERS", 1)

    def fail(command: Command) -> None:
        if getattr(command, "transfer_id", None) == "t-1":
            raise OSError("away")

    world.bank.failing = fail
    for number in range(1, 5):
        await world.request(f"t-{number}")
    with pytest.raises(CommandsUnanswered):
        await world.runner(APPROVE).catch_up()
    world.clock.now += timedelta(days=1)
    with pytest.raises(CommandsUnanswered):
        await world.runner(APPROVE, at_once=1).catch_up()

    assert [await world.status(f"t-{number}") for number in range(1, 5)] == [
        "running", "failed", "failed", "failed",
    ]  # fmt: skip


async def test_a_runner_that_is_at_work_is_not_disturbed(world: World) -> None:
    runner = world.runner()
    runner.stop()
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0)
    for call in (runner.catch_up, runner.run):
        with pytest.raises(RunnerError, match="this process runner is at work already"):
            await call()
    await world.request()
    assert (await runner.ended("transfers", "t-1")).status is ProcessStatus.COMPLETED
    runner.stop()
    await running
    runner.stop()
    await world.request("t-2")
    await runner.catch_up()

    assert await world.status("t-2") == "completed"


async def test_a_runner_that_was_stopped_by_others_can_run_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    runner = world.runner()
    await world.states.set_desired_status("process:transfers", "paused")
    with caplog.at_level(logging.CRITICAL), pytest.raises(ProjectionsStopped):
        await runner.catch_up()
    await world.states.set_desired_status("process:transfers", "running")
    running = asyncio.create_task(runner.run())
    await world.request()
    assert (await runner.ended("transfers", "t-1")).status is ProcessStatus.COMPLETED
    runner.stop()
    await running


async def test_requests_belong_to_the_story(world: World) -> None:
    started = await world.request(correlation_id="story")
    runner = world.runner(APPROVE)
    await runner.catch_up()
    await runner.cancel("transfers", "t-1", "why")
    asked = (await log_of(world.store))[-1].event

    assert (asked.correlation_id, asked.causation_id) == ("story", started.id)


@pytest.mark.parametrize("turns", range(0, 120, 3))
async def test_wherever_a_runner_is_cancelled_the_next_one_ends_every_process(
    tmp_path: Path, turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with memory(tmp_path, Clock()) as world:
        await world.bank.open(a=100, b=0)
        world.bank.closed = {"c"}
        await world.bank.open(c=0)
        await world.request("t-1")
        await world.request("t-2", target="c")
        with caplog.at_level(logging.CRITICAL):
            running = asyncio.create_task(world.runner().run())
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.runner().catch_up()

        assert await world.bank.balances("a", "b", "c") == [90, 10, 0]
        assert (await world.status("t-1"), await world.status("t-2")) == ("completed", "failed")


# What cannot be used


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "my transfers"}, "1 to 32 ASCII letters, digits and underscores"),
        ({"name": ""}, "found ''"),
        ({"starts_on": "TransferRequested"}, "starts_on is a class of events"),
        ({"key": "transfer_id"}, "key is a function from an event to a text"),
        ({"steps": []}, "steps are a list of at least one"),
        ({"steps": WITHDRAW}, "steps are a list of at least one"),
        ({"steps": ["withdraw"]}, "a step is a ProcessStep; found 'withdraw'"),
        (
            {"steps": [replace(APPROVE, done_on=TransferRequested)]},
            "waits for the event that starts the process",
        ),
        ({"steps": [WITHDRAW, WITHDRAW]}, "two steps are called 'withdraw'"),
    ],
)
def test_what_cannot_be_a_process_manager_is_told(arguments: Any, sentence: str) -> None:
    usual: dict[str, Any] = {
        "name": "transfers",
        "starts_on": TransferRequested,
        "key": lambda event: event.transfer_id,
        "steps": [WITHDRAW],
    }
    with pytest.raises(InvalidProcess, match=sentence):
        ProcessManager(**(usual | arguments))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": ""}, "a step's name is a text, not empty; found ''"),
        ({"command": Withdraw}, "its command is a function that makes commands"),
        ({"command": lambda: []}, "its command is a function that makes commands"),
        ({"command": asyncio.sleep}, "and is not async"),
        ({"done_on": TransferApproved, "failed_on": TransferApproved}, "cannot both complete it"),
        ({"command": "withdraw"}, "its command is a function that makes commands"),
        ({"compensation": 5}, "its compensation is a function that makes commands"),
        ({"done_on": "approved"}, "done_on is a class of events, or several; found 'approved'"),
        ({"done_on": [int]}, "done_on is a class of events"),
        ({"failed_on": TransferDenied}, "has failed_on and no done_on"),
        ({"timeout": timedelta(1)}, "has a timeout and waits for no event"),
        ({"done_on": TransferApproved, "timeout": timedelta(0)}, "its timeout is a timedelta"),
        ({"done_on": TransferApproved, "timeout": timedelta.max}, "its timeout is at most"),
        (
            {"done_on": TransferApproved, "timeout": 5},
            "a timedelta above 0; found 5",
        ),
    ],
)
def test_what_cannot_be_a_step_is_told(arguments: Any, sentence: str) -> None:
    usual: dict[str, Any] = {"name": "step"}
    with pytest.raises(InvalidProcess, match=sentence):
        ProcessStep(**(usual | arguments))


@pytest.mark.parametrize(
    ("managers", "options", "sentence"),
    [
        ([], {}, "needs a list of at least one process manager"),
        (transfers(), {}, "needs a list of at least one process manager"),
        (["transfers"], {}, "a process manager is a ProcessManager; found 'transfers'"),
        ([transfers(), transfers()], {}, "two process managers are called 'transfers'"),
        ([transfers(), transfers(name="Transfers")], {}, "two process managers are called"),
        ([transfers()], {"send": 5}, "send is a function of one command, such as bus.send; found"),
        ([transfers()], {"send": lambda: None}, "cannot be called so"),
        ([transfers()], {"send": InMemoryMessageBus()}, "send is a function of one command"),
        ([transfers()], {"send": InMemoryMessageBus().publish}, "give the runner its send"),
        ([transfers()], {"state_store": InMemoryEventStore()}, "state_store keeps tables"),
        ([transfers()], {"unanswered": KeyError}, "unanswered is a tuple of exceptions"),
        ([transfers()], {"unanswered": ("x",)}, "unanswered is a tuple of exceptions"),
        ([transfers()], {"at_once": 0}, "at_once is a whole number from 1 on; found 0"),
    ],
)
def test_what_cannot_be_run_is_told(managers: Any, options: Any, sentence: str) -> None:
    usual: dict[str, Any] = {"state_store": InMemoryProjections(), "send": print}
    with pytest.raises(InvalidProcess, match=sentence):
        ProcessRunner(InMemoryEventStore(), managers=managers, **(usual | options))


async def test_a_key_that_is_no_text_stops_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ProcessManager(
        "transfers",
        starts_on=TransferRequested,
        key=lambda event: 5 if event.transfer_id == "t-1" else event.transfer_id,  # type: ignore[arg-type,return-value]
        steps=[WITHDRAW, DEPOSIT],
    )
    await world.request("t-1")
    await world.request("t-2")
    runner = ProcessRunner(world.store, world.states, [manager], world.bank.send)
    with caplog.at_level(logging.CRITICAL):
        await runner.catch_up()
    world.manager = manager

    assert await world.status("t-2") == "completed"
    (status,) = await runner.status()
    assert status.parked_keys == 1
