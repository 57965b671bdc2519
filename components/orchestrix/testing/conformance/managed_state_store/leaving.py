"""How events leave: released, discarded, cleared."""

import pytest

from orchestrix.projection_state import DiscardedEvent, ManagedStateStore
from orchestrix.testing.conformance.managed_state_store.samples import (
    ALL,
    LATER,
    NOW,
    discarded,
    everything,
    names,
    only,
    parked,
    positions,
    prepare,
    set_aside,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite


class Leaving(ManagedStateStoreSuite):
    """What is left of a key."""

    # release

    async def test_what_is_left_of_a_key_begins_anew_with_its_first_event(
        self, store: ManagedStateStore
    ) -> None:
        others = [parked("other", 1, attempts=4, events=3), parked("third", 7, delay=None)]
        await set_aside(store, "other", 1, 3, 5, attempts=4)
        await set_aside(store, "third", 7, delay=None)
        for delay in (5.0, None):
            await set_aside(store, "k", 2, 4, 6, 8, attempts=7, delay=delay)
            await store.request("p", "k", "discard", "why")

            async with store.transaction("p") as transaction:
                await transaction.parked.release("k", 4)
                seen = await transaction.parked.keys()

            left = parked("k", 6, attempts=0, delay=0, events=2, request="discard", reason="why")
            assert list(seen) == [others[0], left, others[1]]
            assert list(await store.parked_keys("p")) == list(seen)
            assert left.is_due(left.failed_at)
            assert await positions(store) == [6, 8]
            assert await positions(store, "other") == [1, 3, 5]

    async def test_events_are_released_up_to_a_position_inclusive(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 4, 6, 8)

        for through, left in ((1, [2, 4, 6, 8]), (3, [4, 6, 8]), (6, [8]), (7, [8])):
            async with store.transaction("p") as transaction:
                await transaction.parked.release("k", through)
            assert await positions(store) == left
            assert (await only(store)).events == len(left)
            assert (await only(store)).position == left[0]

    @pytest.mark.parametrize("through", [8, 9, 2**53])
    async def test_a_key_is_forgotten_with_its_last_event(
        self, store: ManagedStateStore, through: int
    ) -> None:
        await set_aside(store, "k", 2, 8)
        await set_aside(store, "other", 3, 9)
        await store.request("p", "k", "discard", "why")

        async with store.transaction("p") as transaction:
            await transaction.parked.release("k", through)
            assert [each.key for each in await transaction.parked.keys()] == ["other"]

        assert await names(store) == ["other"]
        assert await positions(store) == []
        assert await positions(store, "other") == [3, 9]
        assert await discarded(store) == []
        await set_aside(store, "k", 5)
        assert (await store.parked_keys("p"))[1] == parked("k", 5)

    async def test_to_release_what_is_not_set_aside_changes_nothing(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store)

        async with store.transaction("p") as transaction:
            await transaction.parked.release("unknown", ALL)
            await transaction.parked.release("gone", ALL)
            await transaction.parked.answer("unknown", "retry")
            assert await transaction.parked.discard("unknown", "why", NOW) == 0
            assert await transaction.parked.discard("gone", "why", NOW) == 0

        assert await everything(store) == before

    # discard

    async def test_events_that_are_given_up_are_listed_with_the_reason(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 8)
        await set_aside(store, "other", 3, 9)
        await store.request("p", "k", "discard", "asked")

        async with store.transaction("p") as transaction:
            assert await transaction.parked.discard("k", "broken \U0001f382", LATER) == 2
            assert [each.key for each in await transaction.parked.keys()] == ["other"]

        assert await names(store) == ["other"]
        assert await positions(store) == []
        assert list(await rival.discarded_events("p")) == [
            DiscardedEvent(
                projection_id="p", key="k", position=each, reason="broken \U0001f382",
                discarded_at=LATER,
            )
            for each in (2, 8)
        ]  # fmt: skip

    async def test_a_key_that_was_given_up_may_be_set_aside_anew(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2)
        await store.request("p", "k", "discard", "why")
        async with store.transaction("p") as transaction:
            await transaction.parked.discard("k", "why", NOW)

        await set_aside(store, "k", 5, 6)

        assert await only(store) == parked("k", 5, events=2)
        assert await positions(store) == [5, 6]
        assert await discarded(store) == [2]

    async def test_events_that_were_given_up_are_listed_by_position_in_slices(
        self, store: ManagedStateStore
    ) -> None:
        for key, given_up in (("b", (5, 30)), ("a", (4, 200)), ("c", (1, 6))):
            await set_aside(store, key, *given_up)
            async with store.transaction("p") as transaction:
                await transaction.parked.discard(key, key, NOW)

        async def listed(after_position: int, limit: int) -> list[int]:
            found = await store.discarded_events("p", after_position=after_position, limit=limit)
            return [each.position for each in found]

        assert await listed(0, ALL) == [1, 4, 5, 6, 30, 200]
        assert await listed(0, 2) == [1, 4]
        assert await listed(4, 2) == [5, 6]
        assert await listed(199, 2**70) == [200]
        assert await listed(200, 1) == []
        assert await listed(2**70, 1) == []

    # clear

    async def test_all_that_one_projection_has_set_aside_or_given_up_is_forgotten(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        others, lease = await everything(store, "q"), await store.lease("p")

        async with store.transaction("p") as transaction:
            await transaction.parked.clear()
            assert list(await transaction.parked.keys()) == []

        assert list(await store.parked_keys("p")) == []
        for key in ("a", "b", "gone"):
            assert await positions(store, key) == []
        assert await store.parked_between("p", 0, ALL) is None
        assert await discarded(store) == []
        assert await everything(store, "q") == others
        assert await store.desired_status("p") == "paused"
        assert await store.lease("p") == lease
        assert await store.load_state("p") == (await store.load_state("p"))
        await set_aside(store, "a", 2)
        assert await only(store) == parked("a", 2)

    # the events of an append

    async def test_the_first_event_that_is_set_aside_in_a_range_tells_its_key(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 10, 40, attempts=3)
        await set_aside(store, "b", 20, 30, delay=None)
        await set_aside(store, "theirs", 15, projection_id="q")
        await store.request("p", "b", "retry")
        a = parked("a", 10, attempts=3, events=2)
        b = parked("b", 20, delay=None, events=2, request="retry")

        ranges = {
            (1, 9): None, (1, 10): a, (10, 10): a, (10, 40): a, (11, 19): None, (11, 20): b,
            (20, 20): b, (20, 40): b, (25, 100): b, (30, 30): b, (31, 39): None, (31, 40): a,
            (40, 40): a, (41, 2**63 - 1): None, (40, 10): None, (15, 15): None,
        }  # fmt: skip
        for (first, last), expected in ranges.items():
            found = await store.parked_between("p", first, last)
            assert found == expected, (first, last)

    async def test_an_event_that_is_no_longer_set_aside_is_in_no_range(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "a", 10, 40)
        await set_aside(store, "b", 20, 30)

        async with store.transaction("p") as transaction:
            await transaction.parked.release("a", 10)
            await transaction.parked.discard("b", "why", NOW)

        assert await store.parked_between("p", 1, 39) is None
        assert await store.parked_between("p", 1, 40) == await only(store)
