"""Appends that come again, and appends at once."""

import asyncio

import pytest

from orchestrix.eventsourcing import NO_STREAM, AppendResult, ConcurrencyError, DuplicateEvent
from orchestrix.messaging import Event
from orchestrix.testing.conformance.event_store.reading import log_of, stream_of, write_threes
from orchestrix.testing.conformance.event_store.refusals import REFUSED_REPETITIONS
from orchestrix.testing.conformance.event_store.samples import Counted, Store, counted
from orchestrix.testing.conformance.event_store.suite import EventStoreSuite
from orchestrix.testing.conformance.waiting import soon


class Repetitions(EventStoreSuite):
    """Idempotent, and one after the other."""

    # append: idempotent

    @pytest.mark.parametrize("expected", [None, NO_STREAM, 0, 2, 99])
    async def test_an_append_repeated_gives_its_first_result(
        self, store: Store, rival: Store, expected: int | None
    ) -> None:
        events = counted(1, 2, 3)
        first = await store.append("a", events, metadata={"try": "1"})
        before = await log_of(store)

        for writer in (store, rival):
            again = await writer.append(
                "a", events, expected_version=expected, metadata={"try": "2"}
            )
            assert again == first
        assert await log_of(store) == before
        assert await stream_of(store, "a") == before
        assert [dict(each.metadata) for each in before] == [{"try": "1"}] * 3

    async def test_an_append_repeated_late_gives_its_first_result(self, store: Store) -> None:
        await store.append("a", counted(1))
        events = counted(2, 3)
        first = await store.append("a", events, expected_version=0)
        await store.append("a", counted(4, 5))
        await store.append("b", counted(6))

        assert await store.append("a", events, expected_version=0) == first
        assert await store.append("a", events, expected_version=NO_STREAM) == first
        assert len(await log_of(store)) == 6

    async def test_a_consecutive_part_may_be_repeated(self, store: Store) -> None:
        a, b, c, d = events = counted(1, 2, 3, 4)
        await store.append("a", [a, b, c])
        await store.append("a", [d])
        position = {each.id: each.position for each in await log_of(store)}

        for part in ([a], [b, c], [c, d], events):
            again = await store.append("a", part, expected_version=0)
            assert again == AppendResult(
                events.index(part[-1]), position[part[-1].id], position[part[0].id]
            )
        assert len(await log_of(store)) == 4

    @pytest.mark.parametrize("how", REFUSED_REPETITIONS)
    async def test_any_other_repetition_is_refused(self, store: Store, how: str) -> None:
        known = counted(1, 2, 3)
        await store.append("a", known)
        before = await log_of(store)
        with pytest.raises(DuplicateEvent, match=r"'a'.*new ids") as caught:
            await store.append("a", REFUSED_REPETITIONS[how](*known))

        assert caught.value.stream_id == "a"
        assert caught.value.event_id in {event.id for event in known}
        assert await log_of(store) == before

    @pytest.mark.parametrize("new", [counted(), counted(9)], ids=["whole", "in part"])
    async def test_an_event_of_another_stream_is_refused(
        self, store: Store, rival: Store, new: list[Event]
    ) -> None:
        known = counted(1, 2)
        await rival.append("a", known)
        with pytest.raises(DuplicateEvent, match=f"'b'.*{known[0].id!r}"):
            await store.append("b", [*known, *new])

        assert await store.streams() == ["a"]
        assert len(await log_of(store)) == 2

    async def test_a_new_event_that_stands_twice_is_refused(self, store: Store) -> None:
        twice = Counted(number=1)
        with pytest.raises(DuplicateEvent, match=f"'a'.*{twice.id!r}.*twice"):
            await store.append("a", [twice, *counted(2), twice])

        assert (await store.streams(), await store.head()) == ([], 0)

    async def test_ids_come_before_the_expected_version(self, store: Store) -> None:
        known = counted(1)
        await store.append("a", known)

        with pytest.raises(DuplicateEvent):
            await store.append("a", [*known, *counted(2)], expected_version=99)

    # append: many writers

    async def test_of_many_writers_exactly_one_wins(self, store: Store, rival: Store) -> None:
        for number in range(20):
            outcomes = await asyncio.gather(
                *(
                    writer.append(f"s{number}", counted(1), expected_version=NO_STREAM)
                    for writer in (store, rival) * 3
                ),
                return_exceptions=True,
            )

            assert sum(isinstance(each, ConcurrencyError) for each in outcomes) == 5, outcomes
            assert len(await stream_of(store, f"s{number}")) == 1

    async def test_of_many_repetitions_exactly_one_is_written(
        self, store: Store, rival: Store
    ) -> None:
        for number in range(10):
            events = counted(1, 2)
            results = await asyncio.gather(
                *(writer.append(f"s{number}", events) for writer in (store, rival) * 3)
            )

            assert len(set(results)) == 1
            assert [each.event for each in await stream_of(store, f"s{number}")] == events

    async def test_many_writers_leave_no_gaps(self, store: Store, rival: Store) -> None:
        writers = [write_threes(writer, "a", 10) for writer in (store, rival) * 2]
        await soon(asyncio.gather(*writers))
        found = await stream_of(store, "a")

        assert [each.version for each in found] == list(range(120))
        positions = [each.position for each in found]
        assert positions == sorted(set(positions))
