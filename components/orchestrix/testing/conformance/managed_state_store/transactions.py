"""Transactions: all or nothing, and one inside another."""

import asyncio

import pytest

from orchestrix.projection_state import ManagedStateStore, StateConflict
from orchestrix.testing.conformance.managed_state_store.samples import (
    ALL,
    NOW,
    ParkedWork,
    Undone,
    discarded,
    everything,
    names,
    only,
    parked,
    positions,
    prepare,
    save_and_add,
    state,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite

CHANGES: dict[str, ParkedWork] = {
    "save": lambda it: it.parked.save(parked("a", 9, attempts=7, error="another")),
    "save and add": lambda it: save_and_add(it, "new", 8),
    "add": lambda it: it.parked.add([("a", 9), ("b", 8)]),
    "release": lambda it: it.parked.release("a", 3),
    "release all": lambda it: it.parked.release("a", 5),
    "answer": lambda it: it.parked.answer("a", "retry"),
    "discard": lambda it: it.parked.discard("a", "why", NOW),
    "clear": lambda it: it.parked.clear(),
}
"""What a transaction can do to what :func:`prepare` has set aside."""


class Transactions(ManagedStateStoreSuite):
    """What a store is, and what a batch keeps."""

    def test_it_is_known_by_what_it_can_do(self, store: ManagedStateStore) -> None:
        assert isinstance(store, ManagedStateStore)

    async def test_of_a_projection_nobody_heard_of_nothing_is_known(
        self, store: ManagedStateStore
    ) -> None:
        async with store.transaction("p") as transaction:
            assert list(await transaction.parked.keys()) == []

        assert list(await store.parked_keys("p")) == []
        assert list(await store.parked_positions("p", "k")) == []
        assert await store.parked_between("p", 1, ALL) is None
        assert list(await store.discarded_events("p")) == []
        assert await store.desired_status("p") == "running"
        assert await store.lease("p") is None

    # transactions

    @pytest.mark.parametrize("change", CHANGES)
    async def test_only_the_transaction_sees_what_it_does_before_it_commits(
        self, store: ManagedStateStore, rival: ManagedStateStore, change: str
    ) -> None:
        await prepare(store)
        before = await everything(rival)

        async with store.transaction("p") as transaction:
            keys = list(await transaction.parked.keys())
            await CHANGES[change](transaction)
            seen = list(await transaction.parked.keys())
            assert seen != keys
            assert await everything(rival) == before
            assert await everything(store) == before

        assert await everything(rival) != before
        assert list(await rival.parked_keys("p")) == seen

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("error", [Undone(), asyncio.CancelledError()], ids=["error", "cancel"])
    async def test_a_transaction_that_raises_leaves_nothing(
        self,
        store: ManagedStateStore,
        rival: ManagedStateStore,
        change: str,
        error: BaseException,
    ) -> None:
        await prepare(store)
        before = await everything(store)

        with pytest.raises(type(error)):  # noqa: PT012 - the batch's end is part of it
            async with store.transaction("p") as transaction:
                await CHANGES[change](transaction)
                await transaction.save_state(state(4), replacing=3)
                raise error

        assert await everything(store) == before
        assert await everything(rival) == before

    @pytest.mark.parametrize("change", CHANGES)
    @pytest.mark.parametrize("replacing", [None, 2, 4])
    async def test_a_conflict_of_states_leaves_nothing(
        self, store: ManagedStateStore, change: str, replacing: int | None
    ) -> None:
        await prepare(store)
        before = await everything(store)

        with pytest.raises(StateConflict):  # noqa: PT012 - the batch's end is part of it
            async with store.transaction("p") as transaction:
                await CHANGES[change](transaction)
                await transaction.save_state(state(9), replacing=replacing)

        assert await everything(store) == before

    async def test_of_two_batches_that_start_from_one_state_one_sets_its_event_aside(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        async def batch(handle: ManagedStateStore, number: int, replacing: int | None) -> None:
            async with handle.transaction("p") as transaction:
                await asyncio.sleep(0)
                position = 10 * (0 if replacing is None else replacing) + number
                await save_and_add(transaction, f"k{position}", position)
                revision = 1 if replacing is None else replacing + 1
                await transaction.save_state(state(revision), replacing=replacing)

        for round_ in range(5):
            replacing = round_ or None
            batches = [batch(store, 1, replacing), batch(rival, 2, replacing)]
            outcomes = await asyncio.gather(*batches, return_exceptions=True)
            assert sum(isinstance(each, StateConflict) for each in outcomes) == 1, outcomes
            assert sum(each is None for each in outcomes) == 1, outcomes
            assert len(await names(store)) == round_ + 1

    async def test_events_and_the_state_they_belong_to_are_seen_together(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        last = 30

        async def work() -> None:
            for revision in range(1, last + 1):
                async with store.transaction("p") as transaction:
                    await save_and_add(transaction, "k", revision)
                    await asyncio.sleep(0)
                    replacing = None if revision == 1 else revision - 1
                    await transaction.save_state(state(revision), replacing=replacing)
                await asyncio.sleep(0)

        async def revision() -> int:
            found = await rival.load_state("p")
            return 0 if found is None else found.revision

        async def watch() -> None:
            while await revision() < last:
                first = await revision()
                events = len(await positions(rival))
                assert first <= events <= await revision()
                await asyncio.sleep(0)

        await asyncio.gather(work(), watch())

    async def test_many_changes_of_one_transaction_follow_each_other(
        self, store: ManagedStateStore, rival: ManagedStateStore
    ) -> None:
        await prepare(store)

        async with store.transaction("p") as transaction:
            events = transaction.parked
            await events.clear()
            await events.save(parked("a", 1))
            await events.add([("a", 1), ("a", 2), ("a", 3)])
            await events.release("a", 1)
            await events.save(parked("b", 4, delay=None))
            await events.add([("b", 4), ("b", 5)])
            assert await events.discard("b", "why", NOW) == 2
            await events.save(parked("b", 6))
            await events.add([("b", 6), ("a", 7)])
            await events.save(parked("a", 2, attempts=5))
            await events.release("b", 6)

        assert await only(rival) == parked("a", 2, attempts=5, events=3)
        assert await positions(rival, "a") == [2, 3, 7]
        assert await discarded(rival) == [4, 5]
