"""What goes wrong around a projection: one sentence, the others go on, nothing is lost."""

import asyncio
from typing import Any

import pytest
from sample_events import Deposited, log_of

from orchestrix.eventsourcing import Projection, ProjectionEngine, StoreClosed, StoreUnavailable, on
from orchestrix.memory_store import InMemoryProjections
from orchestrix.messaging import FixedDelay, NoRetry
from orchestrix.projection_runtime import (
    FailurePolicy,
    InvalidRunner,
    InvalidWait,
    NotInTime,
    NotProcessed,
    ProjectionRunner,
    ProjectionsStopped,
    RunnerError,
)

AT_ONCE = FailurePolicy(retry=NoRetry())


async def test_a_handler_that_is_cancelled_by_others_has_failed(log, table_case) -> None:
    table_case.failing = {1: -1}
    table_case.error = lambda _: asyncio.CancelledError()
    await log.deposit(1, stream_id="a")
    await log.deposit(2, stream_id="b")
    runner = ProjectionRunner(log, [table_case.engine], on_failure=AT_ONCE)

    await runner.catch_up()

    (key,) = await runner.parked("seen")
    assert (key.key, await table_case.rows()) == ("a", {"b": [2]})
    assert key.error.startswith("HandlerCancelled: a handler of projection 'seen' ended in")


async def test_a_retry_that_is_cancelled_by_others_has_failed(log, table_case) -> None:
    table_case.failing = {1: -1}
    await log.deposit(1)
    runner = ProjectionRunner(log, [table_case.engine], on_failure=AT_ONCE)
    await runner.catch_up()
    table_case.error = lambda _: asyncio.CancelledError()
    await runner.retry("seen", "account-1")

    await runner.catch_up()

    (key,) = await runner.parked("seen")
    assert (key.attempts, key.error) == (1, "CancelledError: ")


@pytest.mark.parametrize("action", [None, "skip"])
async def test_what_no_event_can_mend_stops_at_once(log, new_table_case, action: Any) -> None:
    store = InMemoryProjections()
    await log.deposit(1, 2, 3)
    first = new_table_case(store=store)
    await ProjectionRunner(log, [first.engine]).catch_up()
    renamed = ProjectionEngine("renamed", store, tables=[first.table])
    renamed.on(Deposited)(first.add)
    forgotten = ProjectionEngine("forgotten", store)
    forgotten.on(Deposited)(first.add)
    policy = FailurePolicy(action, retry=NoRetry())
    runner = ProjectionRunner(log, [renamed, forgotten], on_failure=policy)

    with pytest.raises(ProjectionsStopped, match=r"TableTaken.*NoBatch"):
        await runner.catch_up()

    assert {each.checkpoint for each in await runner.status()} == {0}
    assert await runner.parked("forgotten") == []


async def test_a_store_that_was_closed_is_waited_for_by_nobody(
    log, table_case, monkeypatch
) -> None:
    async def closed(projection_id: str) -> None:
        raise StoreClosed("bank.db", "it is closed")

    monkeypatch.setattr(table_case.store, "load_state", closed)

    with pytest.raises(ProjectionsStopped, match="it is closed"):
        await asyncio.wait_for(ProjectionRunner(log, [table_case.engine]).catch_up(), 5)


async def retrying_runner(log: Any, case: Any, monkeypatch: Any) -> ProjectionRunner:
    """A runner whose key has five events, handled one at a time."""
    monkeypatch.setattr("orchestrix.projection_runtime.parked_keys.BATCH", 1)
    case.failing = {1: -1}
    await log.deposit(1, 2, 3, 4, 5)
    runner = ProjectionRunner(log, [case.engine], on_failure=AT_ONCE)
    await runner.catch_up()
    case.failing = {}
    await runner.retry("seen", "account-1")
    return runner


@pytest.mark.parametrize("wish", ["stop", "discard", "pause"])
async def test_wishes_come_between_the_batches_of_a_retry(
    log, table_case, monkeypatch, wish: str
) -> None:
    runner = await retrying_runner(log, table_case, monkeypatch)
    positions, calls = table_case.store.parked_positions, [1, 2]

    async def asked(*arguments: Any, **options: Any) -> Any:
        if calls and calls.pop() == 1:
            if wish == "stop":
                runner.stop()
            elif wish == "pause":
                await runner.pause("seen")
            else:
                await runner.discard("seen", "account-1", "enough")
        return await positions(*arguments, **options)

    monkeypatch.setattr(table_case.store, "parked_positions", asked)
    if wish == "pause":
        with pytest.raises(ProjectionsStopped, match="is paused"):
            await runner.catch_up()
    else:
        await runner.catch_up()

    assert await table_case.rows() == {"account-1": [1, 2]}
    discarded = await table_case.store.discarded_events("seen")
    assert len(discarded) == (3 if wish == "discard" else 0)


async def test_a_replay_beside_a_runner_is_finished_by_it(log, new_table_case) -> None:
    store = InMemoryProjections()
    case, rival = new_table_case(store=store), new_table_case(store=store)
    runner = ProjectionRunner(log, [case.engine])
    async with runner.running():
        written = await log.deposit(*range(20))
        await runner.wait_for(written)

        await rival.engine.replay(await log.read_all(limit=5))
        await runner.wait_for(written)

        assert await case.rows() == {"account-1": list(range(20))}


async def test_what_another_process_has_set_aside_is_no_reason_to_stop(
    log, new_table_case, monkeypatch
) -> None:
    store = InMemoryProjections()
    case, rival = new_table_case(store=store), new_table_case(store=store)
    case.failing = {1: 2}
    await log.deposit(1, stream_id="a")
    await log.deposit(2, stream_id="b")
    page = await log.read_all()
    parked_keys, first = store.parked_keys, [True]

    async def later(projection_id: str) -> Any:
        state = await store.load_state("seen")
        if first and state is not None and state.failed_position:
            first.clear()
            assert rival.engine.parking is not None
            await rival.engine.parking.set_aside(page.events[0], ValueError("no 1"), 0.0)
        return await parked_keys(projection_id)

    monkeypatch.setattr(store, "parked_keys", later)

    await ProjectionRunner(log, [case.engine], on_failure=AT_ONCE).catch_up()

    assert first == []
    assert await case.rows() == {"a": [1], "b": [2]}


async def test_a_second_run_in_the_background_is_refused_and_the_first_goes_on(
    log, table_case
) -> None:
    runner = ProjectionRunner(log, [table_case.engine])

    async with runner.running():
        with pytest.raises(RunnerError, match="at work already"):
            async with runner.running():
                pytest.fail("it was run twice")
        await runner.wait_for(await log.deposit(1))


async def test_a_delay_of_ages_keeps_one_key_waiting_and_no_other(log, table_case) -> None:
    table_case.failing = {1: -1}
    policy = FailurePolicy(retry=FixedDelay(max_retries=9, delay=1e12))
    runner = ProjectionRunner(log, [table_case.engine], on_failure=policy)
    async with runner.running():
        await log.deposit(1)
        await runner.wait_for(await log.deposit(2, stream_id="b"))
        (status,) = await runner.status()

    assert (status.retrying_keys, status.problem) == (1, None)


async def test_rows_that_were_changed_by_hand_are_told(log, table_case, monkeypatch) -> None:
    table_case.failing = {1: -1}
    await log.deposit(1, 2)
    runner = ProjectionRunner(log, [table_case.engine], on_failure=AT_ONCE)
    await runner.catch_up()
    await runner.retry("seen", "account-1")

    async def others(*arguments: Any, **options: Any) -> list[int]:
        return [2]

    monkeypatch.setattr(table_case.store, "parked_positions", others)

    with pytest.raises(ProjectionsStopped, match="its rows were changed by hand"):
        await runner.catch_up()


async def test_an_exception_that_cannot_be_told_is_told_all_the_same(log, case) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    def fail(event: Deposited) -> None:
        raise Mute

    case.engine.on(Deposited)(fail)
    await log.deposit(1)
    runner = ProjectionRunner(log, [case.engine], on_failure=AT_ONCE)

    with pytest.raises(ProjectionsStopped, match=r"Mute .its text cannot be had: RuntimeError"):
        await runner.catch_up()

    (status,) = await runner.status()
    assert status.problem == "Mute (its text cannot be had: RuntimeError)"


async def test_a_checkpoint_of_another_log_is_not_waited_to_be_passed(log, table_case) -> None:
    other = log_of([Deposited(amount=each) for each in range(9)])
    await table_case.engine.process_events(other.read_all())
    runner = ProjectionRunner(log, [table_case.engine])
    written = await log.deposit(1)

    with pytest.raises(NotInTime):
        await runner.wait_for(written, timeout=0)
    with pytest.raises(ProjectionsStopped):
        await runner.catch_up()
    with pytest.raises(NotProcessed, match="it is stopped"):
        await runner.wait_for(written)


async def test_a_pause_comes_between_attempts_in_place(log, table_case) -> None:
    table_case.failing = {1: -1}
    policy = FailurePolicy("stop", retry=FixedDelay(max_retries=10**9, delay=0.0))
    runner = ProjectionRunner(log, [table_case.engine], on_failure=policy)
    await log.deposit(1)
    async with runner.running():
        await runner.pause("seen")
        async with asyncio.timeout(5):
            while (await runner.status())[0].condition != "paused":  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)


async def test_what_is_paused_or_failed_is_told_also_by_who_does_not_run_it(
    log, new_table_case
) -> None:
    store = InMemoryProjections()
    case = new_table_case(store=store)
    case.failing = {1: -1}
    await log.deposit(1)
    runner = ProjectionRunner(log, [case.engine], on_failure=FailurePolicy("stop", NoRetry()))
    with pytest.raises(ProjectionsStopped):
        await runner.catch_up()
    await runner.pause("seen")
    elsewhere = ProjectionRunner(log, [new_table_case(store=store).engine])

    (status,) = await elsewhere.status()

    assert (status.condition, status.problem) == ("paused", "ValueError: no 1")


async def test_a_class_that_writes_tables_may_be_run(log, table_case) -> None:
    class Totals(Projection):
        @on(Deposited)
        async def add(self, event: Deposited) -> None:
            pass

    engine = ProjectionEngine("class", InMemoryProjections(), tables=[table_case.table])
    engine.register(Totals)
    await log.deposit(1)

    await ProjectionRunner(log, [engine]).catch_up()


@pytest.mark.parametrize(
    ("target", "projections", "seconds", "words"),
    [
        (None, None, 1, "wait_for takes what an append returned"),
        ("1", None, 1, "wait_for takes what an append returned"),
        (True, None, 1, "wait_for takes what an append returned"),
        (-1, None, 1, "wait_for takes what an append returned"),
        (1, "seen", 1, "projections is a list of names"),
        (1, None, -1, "timeout is a number of seconds from 0 on"),
        (1, None, float("nan"), "timeout is a number of seconds from 0 on"),
        (1, None, float("inf"), "timeout is a number of seconds from 0 on"),
        (1, None, None, "timeout is a number of seconds from 0 on"),
    ],
)
async def test_what_cannot_be_waited_for_is_refused(
    log, table_case, target: Any, projections: Any, seconds: Any, words: str
) -> None:
    runner = ProjectionRunner(log, [table_case.engine])

    with pytest.raises(InvalidWait, match=words):
        await runner.wait_for(target, projections, seconds)


def test_arguments_of_other_kinds_are_refused(log, table_case) -> None:
    engine: Any = table_case.engine
    policy: Any = "park"

    with pytest.raises(InvalidRunner, match="a list of at least one engine"):
        ProjectionRunner(log, engine)
    with pytest.raises(InvalidRunner, match="on_failure is a FailurePolicy"):
        ProjectionRunner(log, [engine], on_failure=policy)


async def test_a_state_store_that_is_away_hides_no_other_projection(
    log, new_table_case, monkeypatch
) -> None:
    away, there = new_table_case("away"), new_table_case("there")
    await log.deposit(1)
    runner = ProjectionRunner(log, [away.engine, there.engine])
    await runner.catch_up()

    async def gone(projection_id: str) -> None:
        raise StoreUnavailable("bank.db", "it is away")

    monkeypatch.setattr(away.store, "load_state", gone)

    one, other = await runner.status()
    assert one.problem == "StoreUnavailable: event store bank.db: it is away"
    assert (other.checkpoint, other.problem) == (1, None)


async def test_an_outage_is_in_the_log_once_for_a_while(log, case, caplog) -> None:
    log.outages = [OSError("no route")] * 20 + [OSError("no name")] * 20

    await ProjectionRunner(log, [case.engine]).catch_up()

    told = [each for each in caplog.messages if "cannot go on at present" in each]
    assert len(told) == 2
