"""Waiting for events, and questions without meaning."""

import asyncio
from typing import Any

import pytest

from orchestrix.eventsourcing import EventStoreError
from orchestrix.testing.conformance.event_store.refusals import REFUSED_READS
from orchestrix.testing.conformance.event_store.samples import Store, counted
from orchestrix.testing.conformance.event_store.suite import EventStoreSuite
from orchestrix.testing.conformance.waiting import LONG, SHORT, soon, waiting


class Waits(EventStoreSuite):
    """`wait_for_events`, and what is refused."""

    # wait_for_events

    async def test_what_is_there_need_not_be_waited_for(self, store: Store) -> None:
        position = (await store.append("a", counted(1, 2))).last_position

        assert await soon(store.wait_for_events(0, 2 * LONG)) is True
        assert await soon(store.wait_for_events(position - 1, 2 * LONG)) is True
        assert await store.wait_for_events(0, 0) is True

    async def test_an_append_ends_the_wait(self, store: Store, rival: Store) -> None:
        head = (await store.append("a", counted(1))).last_position
        for writer in (store, rival):
            waiter = await waiting(store.wait_for_events(head, 2 * LONG))
            head = (await writer.append("b", counted(2))).last_position

            assert await soon(waiter) is True

    async def test_several_waiters_are_woken_by_one_append(
        self, store: Store, rival: Store
    ) -> None:
        waiters = [
            await waiting(each.wait_for_events(0, 2 * LONG)) for each in (store, rival, store)
        ]
        await store.append("a", counted(1))

        assert await soon(asyncio.gather(*waiters)) == [True, True, True]

    async def test_a_wait_without_events_ends_in_time(self, store: Store) -> None:
        head = (await store.append("a", counted(1))).last_position
        loop = asyncio.get_running_loop()
        began = loop.time()

        assert await soon(store.wait_for_events(head, SHORT)) is False
        assert loop.time() - began > 0.9 * SHORT
        assert await soon(store.wait_for_events(head, 0)) is False

    async def test_an_append_that_writes_nothing_ends_no_wait(self, store: Store) -> None:
        events = counted(1)
        head = (await store.append("a", events)).last_position
        waiter = await waiting(store.wait_for_events(head, 4 * SHORT))
        await store.append("a", events)
        await store.append("b", [])

        assert await soon(waiter) is False

    async def test_a_cancelled_wait_leaves_nothing_behind(self, store: Store) -> None:
        cancelled = await waiting(store.wait_for_events(0, 2 * LONG))
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        patient = await waiting(store.wait_for_events(0, 2 * LONG))
        await store.append("a", counted(1))

        assert await soon(patient) is True
        assert await store.wait_for_events(0, 0) is True

    # bad questions

    @pytest.mark.parametrize(("error", "words", "method", "args", "kw"), REFUSED_READS)
    async def test_a_question_without_meaning_is_refused_in_words(
        self, store: Store, error: Any, words: str, method: str, args: Any, kw: Any
    ) -> None:
        await store.append("a", counted(1))
        with pytest.raises(error, match=words) as caught:
            await soon(getattr(store, method)(*args, **kw))

        assert isinstance(caught.value, EventStoreError)
        assert isinstance(caught.value, ValueError)
