"""What every managed state store refuses, and what it says."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrix.eventsourcing import BatchInsideBatch
from orchestrix.messaging import OrchestrixError
from orchestrix.projection_state import ManagedStateStore
from orchestrix.testing.conformance.managed_state_store.samples import (
    NOW,
    ParkedWork,
    everything,
    lease_of,
    parked,
    positions,
    prepare,
    state,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite

StoreWork = Callable[[ManagedStateStore], Awaitable[Any]]

WRITES: dict[str, StoreWork] = {
    "save_state": lambda it: it.save_state(state(9)),
    "request": lambda it: it.request("p", "a", "discard", "why"),
    "set_desired_status": lambda it: it.set_desired_status("p", "running"),
    "take_lease": lambda it: it.take_lease("p", "two", 10, seen=lease_of("p")),
    "renew_lease": lambda it: it.renew_lease(lease_of("p")),
    "release_lease": lambda it: it.release_lease(lease_of("p")),
}
"""What changes a store that was prepared, in a transaction of its own."""

WRONG: dict[str, tuple[StoreWork, str]] = {
    "limit 0": (
        lambda it: it.parked_positions("p", "a", limit=0),
        "limit is a whole number from 1 on, found 0",
    ),
    "limit True": (
        lambda it: it.parked_positions("p", "a", limit=True),
        "limit is a whole number from 1 on, found True",
    ),
    "after_position -1": (
        lambda it: it.parked_positions("p", "a", after_position=-1),
        "after_position is a whole number from 0 on, found -1",
    ),
    "discarded, limit 0": (
        lambda it: it.discarded_events("p", limit=0),
        "limit is a whole number from 1 on, found 0",
    ),
    "discarded, after_position -1": (
        lambda it: it.discarded_events("p", after_position=-1),
        "after_position is a whole number from 0 on, found -1",
    ),
    "request": (
        lambda it: it.request("p", "a", "again"),  # pyright: ignore[reportArgumentType] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
    "request in capitals": (
        lambda it: it.request("p", "a", "Retry"),  # pyright: ignore[reportArgumentType] - on purpose
        "a request is 'retry' or 'discard', found 'Retry'",
    ),
    "request of an unknown key": (
        lambda it: it.request("p", "zzz", "again"),  # pyright: ignore[reportArgumentType] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
    "desired status": (
        lambda it: it.set_desired_status("p", "stopped"),  # pyright: ignore[reportArgumentType] - on purpose
        "a desired status is 'running' or 'paused', found 'stopped'",
    ),
    "no holder": (
        lambda it: it.take_lease("p", "", 10, seen=lease_of("p")),
        "holder is a text, not empty; found ''",
    ),
    "0 seconds": (
        lambda it: it.take_lease("p", "two", 0, seen=lease_of("p")),
        "seconds is a finite number above 0, found 0",
    ),
    "-1 seconds": (
        lambda it: it.take_lease("p", "two", -1, seen=lease_of("p")),
        "seconds is a finite number above 0, found -1",
    ),
    "no number of seconds": (
        lambda it: it.take_lease("p", "two", float("nan"), seen=lease_of("p")),
        "seconds is a finite number above 0, found nan",
    ),
    "seconds for ever": (
        lambda it: it.take_lease("p", "two", float("inf"), seen=lease_of("p")),
        "seconds is a finite number above 0, found inf",
    ),
    "the lease of another": (
        lambda it: it.take_lease("p", "two", 10, seen=lease_of("q")),
        "seen is the lease of projection 'p' as it was read, or None; found that of 'q'",
    ),
}
"""What a store refuses -> the call, and what it says."""

NAIVE = NOW.replace(tzinfo=None)

WRONG_INSIDE: dict[str, tuple[ParkedWork, str]] = {
    "a key of another projection": (
        lambda it: it.parked.save(parked(projection_id="q")),
        "parked is a key of projection 'p', found one of 'q'",
    ),
    "position 0": (
        lambda it: it.parked.save(parked(position=0)),
        "position is a whole number from 1 on, found 0",
    ),
    "attempts -1": (
        lambda it: it.parked.save(parked(attempts=-1)),
        "attempts is a whole number from 0 on, found -1",
    ),
    "delay -1": (
        lambda it: it.parked.save(parked(delay=-1)),
        "delay is a finite number of seconds from 0 on, or None; found -1",
    ),
    "no number of seconds": (
        lambda it: it.parked.save(parked(delay=float("nan"))),
        "delay is a finite number of seconds from 0 on, or None; found nan",
    ),
    "since without an offset": (
        lambda it: it.parked.save(parked(since=NAIVE)),
        "since is a time with an offset, best UTC; found",
    ),
    "failed_at without an offset": (
        lambda it: it.parked.save(parked(failed_at=NAIVE)),
        "failed_at is a time with an offset, best UTC; found",
    ),
    "discarded at a time without an offset": (
        lambda it: it.parked.discard("a", "why", NAIVE),
        "at is a time with an offset, best UTC; found",
    ),
    "answer": (
        lambda it: it.parked.answer("a", "again"),  # pyright: ignore[reportArgumentType] - on purpose
        "a request is 'retry' or 'discard', found 'again'",
    ),
}
"""What a transaction refuses -> the call, and what it says."""


class Refusals(ManagedStateStoreSuite):
    """What is refused leaves everything as it is."""

    # what is refused

    @pytest.mark.parametrize("wrong", WRONG)
    async def test_a_wrong_argument_is_refused_in_a_sentence(
        self, store: ManagedStateStore, wrong: str
    ) -> None:
        call, sentence = WRONG[wrong]
        await prepare(store)
        before = await everything(store)

        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
            await call(store)

        assert str(caught.value) == sentence
        assert isinstance(caught.value, OrchestrixError)
        assert await everything(store) == before

    @pytest.mark.parametrize("wrong", WRONG_INSIDE)
    async def test_a_wrong_argument_in_a_batch_is_refused_in_a_sentence(
        self, store: ManagedStateStore, wrong: str
    ) -> None:
        call, sentence = WRONG_INSIDE[wrong]
        await prepare(store)
        before = await everything(store)

        async with store.transaction("p") as transaction:
            with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
                await call(transaction)

        assert str(caught.value).startswith(sentence)
        assert isinstance(caught.value, OrchestrixError)
        assert await everything(store) == before

    @pytest.mark.parametrize("write", WRITES)
    async def test_a_change_of_its_own_inside_a_batch_is_refused_as_a_second_batch_is(
        self, store: ManagedStateStore, write: str
    ) -> None:
        await prepare(store)
        before = await everything(store)

        for outer in ("p", "q"):
            async with store.transaction(outer) as transaction:
                await transaction.parked.keys()
                with pytest.raises(BatchInsideBatch, match="'p'"):
                    await WRITES[write](store)
            assert await everything(store) == before
        async with store.transaction("p") as transaction:
            await transaction.parked.release("a", 1)
            with pytest.raises(BatchInsideBatch, match="'p'"):
                await WRITES[write](store)
            await transaction.parked.release("a", 3)

        assert await positions(store, "a") == [5]
        now = await everything(store)
        await WRITES[write](store)
        assert await everything(store) != now
