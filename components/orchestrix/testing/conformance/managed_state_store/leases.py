"""Leases: who runs a projection."""

import asyncio
from dataclasses import replace

from orchestrix.projection_state import Lease, ManagedStateStore
from orchestrix.testing.conformance.managed_state_store.samples import lease_of, taken
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite


class Leases(ManagedStateStoreSuite):
    """Taken, renewed, given back."""

    # leases

    async def test_the_first_lease_has_the_first_token(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        lease = await store.take_lease("p", "host \U0001f382", 0.25, seen=None)

        assert lease == lease_of("p", holder="host \U0001f382", seconds=0.25)
        assert await store.lease("p") == lease
        assert await rival.lease("p") == lease

    async def test_leases_of_projections_have_nothing_to_do_with_each_other(
        self, store: ManagedStateStore
    ) -> None:
        first = await taken(store)
        assert await store.lease("q") is None

        second = await taken(store, "two", "q")
        await store.renew_lease(first)
        await taken(store, "three")

        assert second == lease_of("q", holder="two")
        assert await store.lease("q") == second
        await store.release_lease(second)
        assert await store.lease("p") == lease_of("p", holder="three", token=2)

    async def test_a_lease_is_taken_from_its_holder_as_it_was_seen(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        first = await taken(store)
        await store.renew_lease(first)

        seen = await rival.lease("p")
        second = await rival.take_lease("p", "two", 20, seen=seen)

        assert second == lease_of("p", holder="two", token=2, seconds=20)
        assert await store.lease("p") == second

    async def test_a_holder_may_take_its_own_lease_anew(self, store: ManagedStateStore) -> None:
        first = await taken(store)

        second = await store.take_lease("p", "one", 10, seen=first)

        assert second == lease_of("p", token=2)
        assert await store.renew_lease(first) is None

    async def test_a_lease_that_is_not_as_it_was_seen_is_not_taken(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        async def refused(seen: Lease | None) -> None:
            before = await rival.lease("p")
            assert await rival.take_lease("p", "late", 10, seen=seen) is None
            assert await rival.lease("p") == before

        await refused(lease_of("p"))
        first = await taken(store)
        await refused(None)
        renewed = await store.renew_lease(first)
        await refused(first)
        await refused(None)
        await store.release_lease(first)
        await refused(first)
        await refused(renewed)
        await refused(None)
        released = await store.lease("p")
        second = await taken(store, "two")
        await refused(released)
        await refused(replace(second, token=1))
        await refused(replace(second, holder="one"))
        await refused(replace(second, beat=1))

    async def test_of_several_that_want_a_lease_exactly_one_gets_it(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for round_ in range(20):
            seen = await store.lease("p")
            leases = await asyncio.gather(
                *(
                    handle.take_lease("p", f"{number}", 10, seen=seen)
                    for number, handle in enumerate((store, rival) * 3)
                )
            )
            (won,) = [each for each in leases if each is not None]
            assert won.token == round_ + 1
            assert await store.lease("p") == await rival.lease("p") == won

    async def test_of_who_renews_a_lease_and_who_takes_it_exactly_one_has_it(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        held = await taken(store)
        for round_ in range(20):
            both = [store.renew_lease(held), rival.take_lease("p", "other", 10, seen=held)]
            leases = await asyncio.gather(*(both if round_ % 2 else reversed(both)))
            (held,) = [each for each in leases if each is not None]
            assert await rival.lease("p") == held

    async def test_a_lease_is_renewed_as_often_as_its_holder_likes(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        lease = first = await taken(store)
        for beat in range(1, 4):
            renewed = await store.renew_lease(lease)
            assert renewed is not None
            assert renewed == replace(first, beat=beat)
            lease = renewed
            assert await rival.lease("p") == lease

    async def test_a_holder_that_missed_an_answer_renews_its_lease_nonetheless(
        self, store: ManagedStateStore
    ) -> None:
        first = await taken(store)
        await store.renew_lease(first)

        assert await store.renew_lease(first) == replace(first, beat=2)
        assert await store.lease("p") == replace(first, beat=2)

    async def test_a_lease_that_was_lost_is_not_renewed(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        first = await taken(store)
        renewed = await store.renew_lease(first)
        assert renewed is not None
        for holder in ("two", "one"):
            won = await taken(rival, holder)
            for lost in (first, renewed, replace(won, token=won.token - 1)):
                assert await store.renew_lease(lost) is None
            assert await store.lease("p") == won

    async def test_a_lease_that_nobody_had_is_not_renewed(self, store: ManagedStateStore) -> None:
        assert await store.renew_lease(lease_of("p")) is None
        assert await store.lease("p") is None

        second = await taken(store, "two")

        assert await store.renew_lease(lease_of("p", holder="one")) is None
        assert await store.renew_lease(lease_of("p", holder="two", token=2)) is None
        assert await store.lease("p") == second

    async def test_a_lease_that_was_given_back_is_taken_at_once_with_a_higher_token(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        for token in range(1, 5):
            held = await taken(store, f"{token}")
            assert held.token == token
            if token % 2:
                await store.renew_lease(held)

            await store.release_lease(held)

            free = await rival.lease("p")
            assert free is not None
            assert (free.holder, free.token) == ("", token)
            assert await store.renew_lease(held) is None
            assert await store.renew_lease(free) is None
            assert await rival.lease("p") == free

    async def test_a_lease_that_was_lost_is_not_given_back(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await store.release_lease(lease_of("p"))
        assert await store.lease("p") is None

        first = await taken(store)
        for holder in ("two", "one"):
            won = await taken(rival, holder)
            await store.release_lease(first)
            await store.release_lease(replace(won, holder="three"))
            await store.release_lease(replace(won, projection_id="q"))
            assert await store.lease("p") == won
        assert await store.lease("q") is None

        await rival.release_lease(won)
        free = await store.lease("p")
        await rival.release_lease(won)
        assert await store.lease("p") == free
