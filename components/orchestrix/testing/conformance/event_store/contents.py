"""What a store knows of itself and of its events, which nobody can change from outside."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta, timezone
from typing import Any

import pytest

from orchestrix.eventsourcing import Snapshot
from orchestrix.messaging import Event
from orchestrix.testing.conformance.event_store.reading import (
    load_first,
    log_of,
    read_all_first,
    read_first,
    stream_of,
    write_threes,
)
from orchestrix.testing.conformance.event_store.samples import (
    NOON,
    HandClock,
    Store,
    counted,
    note,
    note_like,
    snapshot_at,
    spoil,
)
from orchestrix.testing.conformance.event_store.suite import EventStoreSuite


class Contents(EventStoreSuite):
    """Heads, streams, isolation, times, snapshots."""

    # what the store knows of itself

    async def test_a_new_store_is_empty(self, store: Store) -> None:
        assert await store.head() == 0
        assert await store.streams() == []
        assert await store.count_after(0) in (0, None)

    async def test_the_head_is_the_newest_events_position(self, store: Store, rival: Store) -> None:
        for writer in (store, rival):
            result = await writer.append("a", counted(1, 2))
            assert await store.head() == await rival.head() == result.last_position

    async def test_count_after_counts_what_is_still_to_come(self, store: Store) -> None:
        await store.append("a", counted(1, 2))
        await store.append("b", counted(3))
        positions = [0, *(each.position for each in await log_of(store))]

        assert [await store.count_after(each) for each in positions] == [3, 2, 1, 0]
        assert await store.count_after(positions[-1] + 5000) == 0

    async def test_streams_are_listed_in_order_and_in_pages(self, store: Store) -> None:
        names = ["b", "a-2", "a", "B", "ä", "a-10", "a_1", "a%1", "🂡", "\uffee"]
        for name in names:
            await store.append(name, counted(1))
        ordered = sorted(names)

        assert list(await store.streams()) == ordered
        assert list(await store.streams(limit=3)) == ordered[:3]
        assert list(await store.streams(after=ordered[2], limit=3)) == ordered[3:6]
        assert list(await store.streams(after="a-1")) == [each for each in ordered if each > "a-1"]
        assert list(await store.streams(after=ordered[-1])) == []

    async def test_streams_are_found_by_prefix(self, store: Store) -> None:
        for name in ("bank-2", "bank-1", "banker", "Bank-1", "my-bank-1", "b%", "b_", "bank"):
            await store.append(name, counted(1))

        assert list(await store.streams("bank-")) == ["bank-1", "bank-2"]
        assert list(await store.streams("bank-", after="bank-1")) == ["bank-2"]
        assert list(await store.streams("bank", after="bank")) == ["bank-1", "bank-2", "banker"]
        assert list(await store.streams("bank-", after="b")) == ["bank-1", "bank-2"]
        assert list(await store.streams("bank", limit=2)) == ["bank", "bank-1"]
        assert list(await store.streams("b%")) == ["b%"]
        assert list(await store.streams("b_")) == ["b_"]
        assert list(await store.streams("c")) == []

    async def test_the_store_id_belongs_to_the_log(self, store: Store, rival: Store) -> None:
        before = store.store_id
        await store.append("a", counted(1))

        assert isinstance(before, str)
        assert before
        assert store.store_id == rival.store_id == before

    # isolation

    @pytest.mark.parametrize("reader", [read_first, read_all_first, load_first])
    async def test_what_the_writer_changes_later_is_not_recorded(
        self, store: Store, reader: Callable[[Store], Awaitable[Event]]
    ) -> None:
        event = note("one")
        await store.append("a", [event])
        spoil(event)

        assert await reader(store) == note_like(event, "one")

    @pytest.mark.parametrize("reader", [read_first, read_all_first, load_first])
    async def test_what_a_reader_changes_is_its_own(
        self, store: Store, reader: Callable[[Store], Awaitable[Event]]
    ) -> None:
        event = note("one")
        await store.append("a", [event])
        spoil(await reader(store))

        for other in (read_first, read_all_first, load_first):
            assert await other(store) == event == note_like(event, "one")

    async def test_metadata_is_kept_with_each_event(self, store: Store) -> None:
        await store.append("a", counted(1, 2), metadata={"user": "ada", "trace": ""})
        await store.append("a", counted(3))
        expected = [{"user": "ada", "trace": ""}, {"user": "ada", "trace": ""}, {}]

        assert [dict(each.metadata) for each in await stream_of(store, "a")] == expected
        assert [dict(each.metadata) for each in await log_of(store)] == expected

    async def test_metadata_may_be_texts_of_a_kind(self, store: Store) -> None:
        class Text(str):
            __slots__ = ()

        await store.append("a", counted(1), metadata={Text("user"): Text("ada")})

        assert [dict(each.metadata) for each in await log_of(store)] == [{"user": "ada"}]

    async def test_nobody_changes_recorded_metadata(self, store: Store) -> None:
        metadata = {"user": "ada"}
        await store.append("a", counted(1), metadata=metadata)
        metadata["user"] = "writer"
        for each in (*await stream_of(store, "a"), *await log_of(store)):
            changed: Any = each.metadata
            with suppress(TypeError):  # it may be read-only, or the reader's own copy
                changed["user"] = "reader"

        assert [dict(each.metadata) for each in await stream_of(store, "a")] == [{"user": "ada"}]
        assert [dict(each.metadata) for each in await log_of(store)] == [{"user": "ada"}]

    # recorded_at

    async def test_recorded_at_is_utc_and_never_decreases(self, store: Store, rival: Store) -> None:
        await asyncio.gather(
            *(write_threes(w, f"s{n}", 3) for n, w in enumerate((store, rival) * 2))
        )
        times = [each.recorded_at for each in await log_of(store)]

        assert {each.utcoffset() for each in times} == {timedelta(0)}
        assert times == sorted(times)

    async def test_recorded_at_waits_when_the_clock_goes_back(
        self, store: Store, clock: HandClock
    ) -> None:
        hours = [0, -1, 1, -48, 0, 2]
        for hour in hours:
            clock.now = NOON + timedelta(hours=hour)
            await store.append(f"s{hour}", counted(hour))

        assert [each.recorded_at for each in await log_of(store)] == [
            NOON + timedelta(hours=hour) for hour in (0, 0, 1, 1, 1, 2)
        ]

    async def test_a_store_tells_what_its_clock_says(self, store: Store, clock: HandClock) -> None:
        for hour in (0, 3, -2):
            clock.now = (NOON + timedelta(hours=hour)).astimezone(timezone(timedelta(hours=5)))
            said = await store.now()

            assert (said, said.utcoffset()) == (clock.now, timedelta(0))

    # snapshots

    async def test_a_snapshot_is_loaded_as_it_was_saved(self, store: Store, rival: Store) -> None:
        saved = snapshot_at(3, balance=1, tags=["x"])
        await store.save_snapshot(saved)

        assert await rival.load_snapshot("a") == saved
        assert await rival.load_snapshot("b") is None
        assert await store.streams() == []

    async def test_a_snapshot_is_a_copy(self, store: Store) -> None:
        saved = snapshot_at(0, tags=["x"], deep={"a": [1]})
        await store.save_snapshot(saved)
        saved.state["tags"].append("writer")
        saved.state["deep"]["a"].append(2)
        loaded = await store.load_snapshot("a")
        assert loaded is not None
        loaded.state["deep"]["a"].append(3)

        assert loaded.state["tags"] == ["x"]
        assert await store.load_snapshot("a") == snapshot_at(0, tags=["x"], deep={"a": [1]})

    async def test_each_stream_has_a_snapshot_of_its_own(self, store: Store) -> None:
        for name in ("b", "a", "c"):
            await store.save_snapshot(Snapshot(name, "Account", 1, {"of": name}, NOON))

        assert [await store.load_snapshot(name) for name in ("a", "b")] == [
            Snapshot(name, "Account", 1, {"of": name}, NOON) for name in ("a", "b")
        ]

    async def test_an_older_snapshot_never_replaces_a_newer_one(
        self, store: Store, rival: Store
    ) -> None:
        await store.save_snapshot(snapshot_at(5, of=5))
        await rival.save_snapshot(snapshot_at(2, of=2))
        assert await store.load_snapshot("a") == snapshot_at(5, of=5)
        await store.save_snapshot(snapshot_at(6, of=6))

        assert await rival.load_snapshot("a") == snapshot_at(6, of=6)

    async def test_a_snapshot_can_be_taken_again(self, store: Store) -> None:
        await store.save_snapshot(snapshot_at(5, code="old"))
        await store.save_snapshot(snapshot_at(5, code="new"))

        assert await store.load_snapshot("a") == snapshot_at(5, code="new")
