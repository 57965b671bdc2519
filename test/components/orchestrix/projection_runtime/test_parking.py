"""Keys that a runner sets aside, tries again, and gives up as it is told."""

import asyncio
import logging
from typing import Any

import pytest

from orchestrix.eventsourcing import NoKey, StoreUnavailable
from orchestrix.messaging import FixedDelay, NoRetry
from orchestrix.projection_runtime import (
    FailurePolicy,
    InvalidRunner,
    NotManaged,
    ProjectionRunner,
    ProjectionsStopped,
)
from orchestrix.projection_state import NotParked

LATER = FixedDelay(max_retries=5, delay=3600)
"""Attempts that no test waits for."""


async def status_of(runner: ProjectionRunner) -> Any:
    (status,) = await runner.status()
    return status


async def all_free(runner: ProjectionRunner) -> None:
    async with asyncio.timeout(5):
        while await runner.parked("seen"):  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_a_key_that_fails_is_parked_and_the_others_go_on(log, table_case) -> None:
    for amount in (1, 2, 3, 4):
        await log.deposit(amount, stream_id="ab"[amount % 2])
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=NoRetry()))

    await runner.catch_up()

    (key,), status = await runner.parked("seen"), await status_of(runner)
    assert await table_case.rows() == {"a": [2, 4]}
    assert (key.key, key.status, key.position, key.events) == ("b", "parked", 1, 2)
    assert (status.parked_keys, status.retrying_keys, status.parked_events) == (1, 0, 2)
    assert (status.checkpoint, status.problem) == (4, None)


async def test_a_key_is_tried_again_by_itself_until_it_works(log, table_case, at_once) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: 3}

    await ProjectionRunner(log, [table_case.engine], on_failure=at_once(None, 5)).catch_up()

    assert await table_case.rows() == {"account-1": [1, 2]}


async def test_after_the_last_attempt_a_key_waits_to_be_asked_for(
    log, table_case, at_once, caplog
) -> None:
    await log.deposit(1)
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=at_once(None, 2))

    await runner.catch_up()

    (key,) = await runner.parked("seen")
    assert (key.status, key.attempts, table_case.failing) == ("parked", 3, {1: -4})
    told = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.getMessage() for each in told] == [
        "projection 'seen' failed at position 1, whose key is set aside and waits to be asked "
        "for: ValueError: no 1"
    ]


async def test_who_asks_gets_another_try_in_order(log, table_case) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=NoRetry()))
    async with runner.running():
        await runner.wait_for(await log.deposit(9, stream_id="other"))
        table_case.failing = {}

        await runner.retry("seen", "account-1")
        await all_free(runner)
        await runner.wait_for(await log.deposit(3))

    assert await table_case.rows() == {"account-1": [1, 2, 3], "other": [9]}


async def test_what_is_discarded_is_listed_and_the_key_goes_on(log, table_case) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=LATER))
    async with runner.running():
        await runner.wait_for(await log.deposit(9, stream_id="other"))

        await runner.discard("seen", "account-1", "a mistake of the bank")
        await all_free(runner)
        await runner.wait_for(await log.deposit(3))

    discarded = await table_case.store.discarded_events("seen")
    assert await table_case.rows() == {"account-1": [3], "other": [9]}
    assert [(each.position, each.reason) for each in discarded] == [
        (1, "a mistake of the bank"), (2, "a mistake of the bank"),
    ]  # fmt: skip


async def test_a_long_queue_catches_up(log, table_case, at_once, monkeypatch) -> None:
    await log.deposit(*range(1, 40))
    await log.deposit(*range(100, 150), stream_id="other")
    await log.deposit(*range(40, 60))
    table_case.failing = {1: 1}
    monkeypatch.setattr("orchestrix.projection_runtime.parked_keys.BATCH", 7)
    monkeypatch.setattr("orchestrix.projection_runtime.parked_keys.NEARBY", 3)
    runner = ProjectionRunner(log, [table_case.engine], on_failure=at_once(None), page_size=25)

    await runner.catch_up()

    assert await table_case.rows() == {
        "account-1": list(range(1, 60)),
        "other": list(range(100, 150)),
    }


async def test_what_is_set_aside_by_a_runner_before_is_tried_again(
    log, table_case, new_table_case, at_once
) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: -1}
    policy = FailurePolicy(retry=FixedDelay(max_retries=1, delay=0.01))
    before = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=LATER))
    running = before.running()
    await running.__aenter__()
    await before.wait_for(await log.deposit(9, stream_id="other"))
    await running.__aexit__(None, None, None)
    await before.retry("seen", "account-1")
    again = new_table_case(store=table_case.store)

    await ProjectionRunner(log, [again.engine], on_failure=policy).catch_up()

    assert await again.rows() == {"account-1": [1, 2], "other": [9]}


async def test_when_too_many_keys_fail_the_projection_stops(log, table_case) -> None:
    for amount in range(1, 5):
        await log.deposit(amount, stream_id=f"s{amount}")
    table_case.failing = dict.fromkeys(range(1, 5), -1)
    policy = FailurePolicy(retry=NoRetry(), most_keys=2)

    with pytest.raises(ProjectionsStopped, match=r"2 keys are set aside already.*no 3"):
        await ProjectionRunner(log, [table_case.engine], on_failure=policy).catch_up()


async def test_an_event_without_a_key_stops_the_projection(log, new_table_case) -> None:
    case = new_table_case(key=lambda event: None)
    await log.deposit(1)

    with pytest.raises(ProjectionsStopped) as raised:
        await ProjectionRunner(log, [case.engine]).catch_up()

    assert isinstance(raised.value.causes["seen"], NoKey)


@pytest.mark.parametrize("action", ["stop", "skip"])
async def test_other_policies_set_nothing_aside(log, table_case, at_once, action) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=at_once(action, 1))

    if action == "stop":
        with pytest.raises(ProjectionsStopped, match="no 1"):
            await runner.catch_up()
    else:
        await runner.catch_up()

    assert await runner.parked("seen") == []
    assert await table_case.rows() == ({} if action == "stop" else {"account-1": [2]})


async def test_a_store_that_is_away_during_a_retry_counts_no_attempt(
    log, table_case, at_once, monkeypatch
) -> None:
    await log.deposit(1)
    table_case.failing = {1: 1}
    away = [StoreUnavailable("elsewhere", "it is away")] * 3
    positions = table_case.store.parked_positions

    async def flaky(*arguments: Any, **options: Any) -> Any:
        if away:
            raise away.pop()
        return await positions(*arguments, **options)

    monkeypatch.setattr(table_case.store, "parked_positions", flaky)

    await ProjectionRunner(log, [table_case.engine], on_failure=at_once(None, 1)).catch_up()

    assert (away, await table_case.rows()) == ([], {"account-1": [1]})


async def test_a_store_that_fails_in_a_handler_counts_no_attempt(log, table_case, at_once) -> None:
    await log.deposit(1)
    table_case.failing = {1: 1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=NoRetry()))
    await runner.catch_up()
    table_case.failing = {1: 3}
    table_case.error = lambda problem: StoreUnavailable("elsewhere", problem)
    await runner.retry("seen", "account-1")

    await runner.catch_up()

    assert (table_case.failing, await table_case.rows()) == ({1: 0}, {"account-1": [1]})


async def test_what_was_set_aside_is_tried_before_a_call_returns(
    log, table_case, at_once, monkeypatch
) -> None:
    monkeypatch.setattr("orchestrix.projection_runtime.management._OFTEN", 3600.0)
    await log.deposit(0, 1, 2)
    table_case.failing = {1: 1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=at_once(None), page_size=1)

    await runner.catch_up()

    assert await table_case.rows() == {"account-1": [0, 1, 2]}


async def test_events_that_the_log_does_not_hold_are_told(log, table_case, monkeypatch) -> None:
    await log.deposit(1, 2)
    table_case.failing = {1: -1}
    runner = ProjectionRunner(log, [table_case.engine], on_failure=FailurePolicy(retry=NoRetry()))
    await runner.catch_up()
    await runner.retry("seen", "account-1")
    read_all = log.read_all

    async def without_the_first(*, after_position: int = 0, **options: Any) -> Any:
        return await read_all(after_position=max(after_position, 1), **options)

    monkeypatch.setattr(log, "read_all", without_the_first)

    with pytest.raises(ProjectionsStopped, match="position 1 aside, and the log does not hold it"):
        await runner.catch_up()


async def test_a_store_that_cannot_park_is_refused_in_words(log, case) -> None:
    with pytest.raises(InvalidRunner, match="which cannot park keys"):
        ProjectionRunner(log, [case.engine], on_failure=FailurePolicy("park"))
    runner = ProjectionRunner(log, [case.engine])
    for asked in (
        runner.parked("balance"), runner.retry("balance", "a"),
        runner.discard("balance", "a", "why"), runner.pause("balance"), runner.resume("balance"),
    ):  # fmt: skip
        with pytest.raises(NotManaged, match="InMemoryProjectionStateStore, which keeps nothing"):
            await asked


async def test_what_is_not_set_aside_cannot_be_asked_for(log, table_case) -> None:
    with pytest.raises(NotParked):
        await ProjectionRunner(log, [table_case.engine]).retry("seen", "nobody")


@pytest.mark.parametrize("most", [0, True, "many"])
def test_the_most_keys_are_a_number(most: Any) -> None:
    with pytest.raises(InvalidRunner, match="most_keys is a whole number from 1 on"):
        FailurePolicy(most_keys=most)
