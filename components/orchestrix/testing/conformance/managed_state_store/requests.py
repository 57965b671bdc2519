"""Requests about keys, and what a projection is to do."""

import asyncio
from dataclasses import replace

import pytest

from orchestrix.projection_state import ManagedStateStore, NotParked
from orchestrix.testing.conformance.managed_state_store.samples import (
    after,
    everything,
    lease_of,
    only,
    parked,
    prepare,
    set_aside,
    state,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite


class Requests(ManagedStateStoreSuite):
    """What somebody outside of a batch asks for."""

    # requests

    async def test_a_request_is_seen_by_who_runs_the_projection(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 1, 3, delay=None)
        await set_aside(store, "b", 2)

        await rival.request("p", "a", "retry")
        await rival.request("p", "b", "discard", "why \U0001f382")

        a = parked("a", 1, delay=None, events=2, request="retry")
        b = parked("b", 2, request="discard", reason="why \U0001f382")
        async with store.transaction("p") as transaction:
            assert list(await transaction.parked.keys()) == [a, b]
        assert list(await store.parked_keys("p")) == [a, b]
        assert await store.parked_between("p", 2, 2) == b

    async def test_the_last_request_is_the_one_that_counts(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1)

        await store.request("p", "k", "discard", "why")
        await store.request("p", "k", "discard", "why not")
        assert await only(store) == parked(request="discard", reason="why not")

        await store.request("p", "k", "retry")
        assert await only(store) == parked(request="retry")

    async def test_nothing_can_be_asked_for_a_key_that_is_not_set_aside(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        await set_aside(store, "released", 7)
        await set_aside(store, "theirs", 7, projection_id="q")
        async with store.transaction("p") as transaction:
            await transaction.parked.release("released", 7)
        before = await everything(store)

        for key in ("unknown", "gone", "released", "theirs"):
            for request in ("retry", "discard"):
                with pytest.raises(NotParked, match=f"'p' has set no event.* {key!r} aside"):
                    await store.request("p", key, request)
        async with store.transaction("p") as transaction:
            await transaction.parked.clear()
        with pytest.raises(NotParked):
            await store.request("p", "a", "retry")

        assert await everything(store, "q") == before[len(before) // 2 :]

    async def test_a_request_that_was_met_is_forgotten_with_its_reason(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2, attempts=4)
        await set_aside(store, "other", 3)
        for request in ("retry", "discard"):
            await store.request("p", "k", request, "why")
            await store.request("p", "other", request, "why")

            async with store.transaction("p") as transaction:
                await transaction.parked.answer("k", request)

            (first, other) = await store.parked_keys("p")
            assert first == parked(attempts=4, events=2)
            assert other == parked("other", 3, request=request, reason="why")

    async def test_a_request_that_was_made_meanwhile_stays(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)
        await store.request("p", "k", "retry")
        met = (await only(store)).request
        assert met is not None

        await rival.request("p", "k", "discard", "why")
        async with store.transaction("p") as transaction:
            await transaction.parked.answer("k", met)

        assert await only(store) == parked(request="discard", reason="why")

    async def test_an_answer_to_nothing_changes_nothing(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1)

        async with store.transaction("p") as transaction:
            await transaction.parked.answer("k", "retry")

        assert await only(store) == parked()

    async def test_an_answer_and_another_request_at_once_leave_that_request(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)

        async def answer() -> None:
            async with store.transaction("p") as transaction:
                await transaction.parked.keys()
                await asyncio.sleep(0)
                await transaction.parked.answer("k", "retry")
                await asyncio.sleep(0)

        for turns in range(6):
            await store.request("p", "k", "retry")
            asked = after(turns, rival.request("p", "k", "discard", f"{turns}"))
            await asyncio.gather(answer(), asked)
            assert await only(store) == parked(request="discard", reason=f"{turns}")

    async def test_a_request_that_comes_while_a_batch_saves_its_key_is_not_lost(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1)

        async def fail_again(attempts: int) -> None:
            async with store.transaction("p") as transaction:
                (known,) = await transaction.parked.keys()
                await asyncio.sleep(0)
                await transaction.parked.save(replace(known, attempts=attempts))
                await asyncio.sleep(0)

        for turns in range(6):
            asked = after(turns, rival.request("p", "k", "retry", f"{turns}"))
            await asyncio.gather(fail_again(turns), asked)
            assert await only(store) == parked(attempts=turns, request="retry", reason=f"{turns}")

    # what a projection is to do

    async def test_a_projection_is_to_run_until_somebody_says_otherwise(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for status in ("paused", "paused", "running", "paused"):
            await store.set_desired_status("p", status)

            assert await store.desired_status("p") == status
            assert await rival.desired_status("p") == status
            assert await store.desired_status("q") == "running"

    async def test_what_a_projection_is_to_do_is_said_of_it_alone(
        self, store: ManagedStateStore
    ) -> None:
        await store.set_desired_status("p", "paused")
        await store.set_desired_status("q", "paused")
        await store.set_desired_status("q", "running")

        assert await store.desired_status("p") == "paused"
        assert await store.desired_status("q") == "running"
        assert await store.load_state("p") is None

    async def test_a_state_that_is_saved_leaves_the_rest_as_it_is(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store)

        await store.save_state(state(4))
        async with store.transaction("p") as transaction:
            await transaction.save_state(state(5), replacing=4)

        assert [each for each in await everything(store) if each not in before] == [
            await store.load_state("p")
        ]
        assert await store.desired_status("p") == "paused"
        assert await store.lease("p") == lease_of("p")
