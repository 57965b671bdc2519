"""Keys that are set aside, with their events."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from orchestrix.projection_state import ManagedStateStore, NotParked
from orchestrix.testing.conformance.managed_state_store.samples import (
    LATER,
    NOW,
    TEXTS,
    discarded,
    everything,
    lease_of,
    names,
    only,
    parked,
    positions,
    prepare,
    set_aside,
    taken,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite
from orchestrix.testing.conformance.managed_state_store.transactions import CHANGES


class SettingAside(ManagedStateStoreSuite):
    """What is kept of a key."""

    async def test_every_field_of_a_key_comes_back(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        saved = [
            parked("one", 2**53 + 1, attempts=2**40, error="", delay=86400.25),
            parked("two", 2**53 + 3, attempts=0, error="x" * 4000, delay=None),
            parked("three", 2**53 + 5, since=LATER, failed_at=NOW, delay=0),
        ]
        async with store.transaction("p") as transaction:
            for each in saved:
                await transaction.parked.save(each)
                await transaction.parked.add([(each.key, each.position)])

        for reader in (store, rival):
            found = await reader.parked_keys("p")
            assert list(found) == saved
            assert [each.status for each in found] == ["retrying", "parked", "retrying"]

    async def test_times_are_in_utc_and_keep_their_microseconds(
        self, store: ManagedStateStore
    ) -> None:
        zone = timezone(timedelta(hours=5, minutes=30))
        times = [datetime(1, 1, 2, tzinfo=zone), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)]
        async with store.transaction("p") as transaction:
            for position, each in enumerate([*times, NOW.astimezone(zone)], 1):
                key = parked(str(each), position, since=each, failed_at=each)
                await transaction.parked.save(key)
                await transaction.parked.add([(key.key, position), (key.key, position + 10)])
            before = await transaction.parked.keys()
            await transaction.parked.discard(str(times[0]), "why", LATER.astimezone(zone))

        found = await store.parked_keys("p")
        (first, _) = await store.discarded_events("p")
        assert [(each.since, each.failed_at) for each in before] == [
            (each, each) for each in (*times, NOW)
        ]
        assert [each.since for each in found] == [times[1], NOW]
        assert first.discarded_at == LATER
        read = [*before, *found]
        for each in (
            first.discarded_at,
            *(time for key in read for time in (key.since, key.failed_at)),
        ):
            assert each.tzinfo is UTC

    async def test_events_are_counted_whatever_was_said_of_them(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2, 3, events=99)
        assert (await only(store)).events == 3

        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked(events=1))
            await transaction.parked.add([("k", 4)])
            (seen,) = await transaction.parked.keys()
            assert seen.events == 4

        assert (await only(store)).events == 4

    async def test_a_key_that_is_saved_again_keeps_its_events_and_its_request(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2)
        await set_aside(store, "other", 5)
        await store.request("p", "k", "discard", "why")
        new = parked(since=LATER, attempts=2, error="KeyError", failed_at=NOW, delay=None)

        async with store.transaction("p") as transaction:
            await transaction.parked.save(new)

        (first, other) = await store.parked_keys("p")
        assert first == replace(new, events=2, request="discard", reason="why")
        assert other == parked("other", 5)
        assert await positions(store) == [1, 2]

    async def test_nothing_is_asked_for_by_saving_a_key(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1, request="retry", reason="why")
        assert await only(store) == parked()

        await store.request("p", "k", "retry")
        await set_aside(store, "k", 1, request="discard", reason="why")

        assert await only(store) == parked(request="retry")

    async def test_keys_are_listed_by_the_positions_of_their_first_events(
        self, store: ManagedStateStore
    ) -> None:
        for key, position in (("b", 10), ("c", 9), ("a", 100), ("d", 1)):
            await set_aside(store, key, position, position + 1000)

        assert await names(store) == ["d", "c", "b", "a"]
        async with store.transaction("p") as transaction:
            await transaction.parked.release("d", 1)
            assert [each.key for each in await transaction.parked.keys()] == ["c", "b", "a", "d"]

    @pytest.mark.parametrize("collection", [list, tuple, set, dict.fromkeys])
    async def test_events_are_listed_by_position_however_they_were_added(
        self, store: ManagedStateStore, collection: Callable[[Any], Any]
    ) -> None:
        events = [("k", each) for each in (30, 4, 200, 5)]
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked(position=4))
            await transaction.parked.add(collection(events[:2]))
            await transaction.parked.add(collection(events[2:]))
            await transaction.parked.add(collection([]))

        assert await positions(store) == [4, 5, 30, 200]
        assert (await only(store)).events == 4

    async def test_who_adds_events_may_change_their_list_afterwards(
        self, store: ManagedStateStore
    ) -> None:
        events = [("k", 1)]
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked())
            await transaction.parked.add(events)
            events[:] = [("k", 2), ("unknown", 3)]

        assert await positions(store) == [1]

    async def test_an_event_that_is_added_again_stays_once(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", 1, 2, 2)

        await set_aside(store, "k", 1, 2, 3)

        assert await positions(store) == [1, 2, 3]
        assert (await only(store)).events == 3

    async def test_events_are_added_to_keys_that_are_saved_only(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        await set_aside(store, "theirs", 7, projection_id="q")
        before = await everything(store)

        for key in ("new", "gone", "theirs"):
            with pytest.raises(NotParked, match=f"'p'.* {key!r} aside"):  # noqa: PT012 - a batch
                async with store.transaction("p") as transaction:
                    await transaction.parked.save(parked("good", 8))
                    await transaction.parked.add([("good", 8), (key, 9)])

        assert await everything(store) == before

    async def test_a_key_with_thousands_of_events_is_read_in_slices(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        expected = list(range(1, 15_001, 3))
        async with store.transaction("p") as transaction:
            await transaction.parked.save(parked())
            await transaction.parked.save(parked("other", 2))
            for start in range(0, 5000, 1000):
                await transaction.parked.add([("k", e) for e in expected[start : start + 1000]])
                await transaction.parked.add(
                    [("other", e + 1) for e in expected[start : start + 2]]
                )

        read: list[int] = []
        while found := await rival.parked_positions(
            "p", "k", after_position=read[-1] if read else 0, limit=700
        ):
            assert len(found) == min(700, 5000 - len(read))
            read += found
        assert read == expected
        assert [each.events for each in await rival.parked_keys("p")] == [5000, 10]
        async with store.transaction("p") as transaction:
            await transaction.parked.release("k", expected[2499])
        assert await positions(rival) == expected[2500:]
        async with store.transaction("p") as transaction:
            assert await transaction.parked.discard("k", "why", NOW) == 2500
        assert await discarded(rival) == expected[2500:]

    async def test_after_a_position_is_exclusive_and_a_limit_is_the_most(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 2, 4, 6)

        async def listed(after_position: int, limit: int) -> list[int]:
            return list(
                await store.parked_positions("p", "k", after_position=after_position, limit=limit)
            )

        assert await listed(0, 1) == [2]
        assert await listed(1, 2) == [2, 4]
        assert await listed(2, 2) == [4, 6]
        assert await listed(3, 3) == [4, 6]
        assert await listed(6, 1) == []
        assert await listed(0, 2**70) == [2, 4, 6]
        assert await listed(2**70, 1) == []

    async def test_without_a_limit_a_thousand_are_listed(self, store: ManagedStateStore) -> None:
        await set_aside(store, "k", *range(1, 1003))
        assert list(await store.parked_positions("p", "k")) == list(range(1, 1001))

        async with store.transaction("p") as transaction:
            await transaction.parked.discard("k", "why", NOW)

        found = await store.discarded_events("p")
        assert [each.position for each in found] == list(range(1, 1001))

    async def test_keys_and_projections_may_have_any_name(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for number, text in enumerate(TEXTS, 1):
            await set_aside(store, text, number, number + 100)
            if text:
                await set_aside(store, "k", number, projection_id=text, error=text)
                await store.set_desired_status(text, "paused")
                await taken(store, holder=text, projection_id=text)

        assert await names(rival) == TEXTS
        for number, text in enumerate(TEXTS, 1):
            assert await positions(rival, text) == [number, number + 100]
            assert await rival.parked_between("p", number, number) == parked(text, number, events=2)
            await rival.request("p", text, "discard", text)
            async with store.transaction("p") as transaction:
                assert await transaction.parked.discard(text, text, NOW) == 2
            assert await names(rival) == TEXTS[number:]
        for number, text in enumerate(TEXTS, 1):
            if text:
                found = await only(rival, text)
                assert found == parked("k", number, projection_id=text, error=text)
                assert await rival.lease(text) == lease_of(text, holder=text)
        given_up = await rival.discarded_events("p", limit=len(TEXTS))
        assert [(each.key, each.reason) for each in given_up] == [(each, each) for each in TEXTS]

    async def test_projections_do_not_share_what_they_set_aside(
        self, store: ManagedStateStore
    ) -> None:
        await prepare(store)
        before = await everything(store, "q")

        for work in CHANGES.values():
            async with store.transaction("p") as transaction:
                await work(transaction)
                await transaction.parked.save(parked("a", 1))
                await transaction.parked.add([("a", each) for each in (1, 3, 5)])
            await store.request("p", "a", "discard", "why")

        assert await everything(store, "q") == before

    async def test_a_key_may_be_set_aside_by_several_projections(
        self, store: ManagedStateStore
    ) -> None:
        await set_aside(store, "k", 1, 2)
        await set_aside(store, "k", 2, 3, 4, projection_id="q", error="another")

        assert await only(store) == parked(events=2)
        assert await only(store, "q") == parked(
            "k", 2, projection_id="q", error="another", events=3
        )
        assert await positions(store, "k", "q") == [2, 3, 4]
