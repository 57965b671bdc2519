"""The order of the log, and slices of it and of a stream."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from orchestrix.eventsourcing import ConcurrencyError, InvalidRange, Page
from orchestrix.testing.conformance.event_store.reading import (
    log_of,
    pages_of,
    pages_seen,
    stream_of,
    write_threes,
)
from orchestrix.testing.conformance.event_store.samples import Counted, Store, counted, mixed
from orchestrix.testing.conformance.event_store.suite import EventStoreSuite


class Reads(EventStoreSuite):
    """What is read."""

    # the order of the log

    async def test_positions_ascend_over_all_streams_in_commit_order(
        self, store: Store, rival: Store
    ) -> None:
        for number, stream_id in enumerate("abacab"):
            await (rival if number % 2 else store).append(stream_id, counted(number, number))
        found = await log_of(store)

        assert "".join(each.stream_id for each in found) == "aabbaaccaabb"
        assert found[0].position >= 1
        assert all(left.position < right.position for left, right in pairwise(found))

    async def test_whoever_saw_a_position_never_sees_a_smaller_one_later(
        self, store: Store, rival: Store
    ) -> None:
        writers = [write_threes(w, f"s-{n}", 15) for n, w in enumerate((store, rival) * 2)]
        pages = await pages_seen(store, 180, *writers)
        seen = [each for page in pages for each in page.events]

        assert [each.position for each in seen] == sorted({each.position for each in seen})
        assert seen == await log_of(store)

    async def test_an_append_is_seen_whole_or_not_at_all(self, store: Store, rival: Store) -> None:
        writers = [write_threes(store, "a", 15), write_threes(rival, "b", 15)]
        pages = await pages_seen(rival, 90, *writers)

        for page in pages:
            numbers = [each.event.number for each in page.events if isinstance(each.event, Counted)]
            assert [number % 3 for number in numbers] == [0, 1, 2] * (len(numbers) // 3)

    # read

    async def test_read_begins_with_the_version_asked_for(self, store: Store) -> None:
        await store.append("a", counted(0, 1, 2))

        for version in range(4):
            page = await store.read("a", from_version=version)
            assert [each.version for each in page.events] == list(range(version, 3))

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
    async def test_a_stream_is_read_in_pages(self, store: Store, limit: int) -> None:
        await store.append("a", counted(*range(5)))
        await store.append("b", counted(9))
        pages = [await store.read("a", limit=limit)]
        while not pages[-1].at_end:
            version = pages[-1].next_version
            pages.append(await store.read("a", from_version=version, limit=limit))
            assert pages[-1].next_version > version, f"no progress: {pages[-1]}"

        assert [each.version for page in pages for each in page.events] == [0, 1, 2, 3, 4]
        assert all(len(page.events) == limit for page in pages[:-1])
        assert 0 < len(pages[-1].events) <= limit
        assert [page.next_version for page in pages][-1] == 5
        assert {page.stream_id for page in pages} == {"a"}

    async def test_a_missing_stream_is_an_empty_page(self, store: Store) -> None:
        await store.append("b", counted(1))
        page = await store.read("a")

        assert (page.events, page.stream_id) == ((), "a")
        assert (page.next_version, page.at_end) == (0, True)
        assert await store.streams() == ["b"]

    async def test_behind_the_end_of_a_stream_is_an_empty_page(self, store: Store) -> None:
        await store.append("a", counted(1))

        for version in (1, 5):
            page = await store.read("a", from_version=version)
            assert (page.events, page.next_version, page.at_end) == ((), version, True)

    async def test_reading_a_stream_goes_on_where_it_ended(self, store: Store) -> None:
        await store.append("a", counted(1))
        version = (await store.read("a")).next_version
        await store.append("a", counted(2))
        page = await store.read("a", from_version=version)

        assert [each.version for each in page.events] == [1]

    async def test_a_page_holds_a_thousand_events_unless_told(self, store: Store) -> None:
        for start in (0, 600):
            await store.append("a", counted(*range(start, start + 600)))

        assert [len((await store.read("a")).events), len((await store.read_all()).events)] == [
            1000, 1000,
        ]  # fmt: skip

    # read_all

    async def test_read_all_begins_after_the_position_given(self, store: Store) -> None:
        await store.append("a", counted(1, 2))
        await store.append("b", counted(3))
        positions = [each.position for each in await log_of(store)]

        for index, position in enumerate(positions):
            page = await store.read_all(after_position=position)
            assert [each.position for each in page.events] == positions[index + 1 :]
            assert page.after_position == position

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
    async def test_the_log_is_read_in_pages(self, store: Store, limit: int) -> None:
        await store.append("a", counted(0, 1, 2))
        await store.append("b", counted(3, 4))
        pages = await pages_of(store, limit)
        events = [each.event for page in pages for each in page.events]

        assert [event.number for event in events if isinstance(event, Counted)] == [0, 1, 2, 3, 4]
        assert all(len(page.events) <= limit for page in pages)
        assert all(page.events[-1].position <= page.last_position for page in pages if page.events)
        assert all(left.last_position == right.after_position for left, right in pairwise(pages))
        assert (pages[0].after_position, pages[-1].last_position) == (0, await store.head())
        assert {page.store_id for page in pages} == {store.store_id}

    async def test_a_page_that_reached_the_head_says_so(self, store: Store) -> None:
        assert await store.read_all() == Page((), 0, 0, True, store.store_id)
        await store.append("a", counted(1, 2))

        assert not (await store.read_all(limit=1)).at_end
        assert (await store.read_all(limit=2)).at_end
        assert (await store.read_all(limit=3)).at_end

    async def test_after_the_head_is_an_empty_page(self, store: Store) -> None:
        await store.append("a", counted(1))
        head = await store.head()

        for after in (head, head + 5000):
            assert await store.read_all(after_position=after) == Page(
                (), after, after, True, store.store_id
            )

    async def test_reading_the_log_goes_on_where_it_ended(self, store: Store) -> None:
        await store.append("a", counted(1))
        after = (await store.read_all(types={"none such"})).last_position
        await store.append("a", counted(2))
        page = await store.read_all(after_position=after)

        assert [each.version for each in page.events] == [1]

    @pytest.mark.parametrize("limit", [1, 2, 3, 1000])
    async def test_a_filter_takes_types(self, store: Store, limit: int) -> None:
        await store.append("a", mixed(5))
        await store.append("b", mixed(4))
        types: Sequence[set[str]] = ({"conformance.noted"}, {"conformance.noted", "none such"})

        assert await log_of(store, limit, types={"conformance.noted\0x", "\ud800"}) == []
        for chosen in types:
            found = await log_of(store, limit, types=chosen)
            assert [(each.stream_id, each.version) for each in found] == [
                ("a", 1), ("a", 3), ("b", 1), ("b", 3),
            ]  # fmt: skip
        assert (
            len(await log_of(store, limit, types=["conformance.noted", "conformance.counted"])) == 9
        )

    @pytest.mark.parametrize("limit", [1, 2, 3, 1000])
    async def test_a_filter_takes_categories(self, store: Store, limit: int) -> None:
        names = ["bank-1", "bank", "bank-a-b", "banker-1", "my-bank", "Bank-1", "-bank", "b%k"]
        for name in names:
            await store.append(name, counted(1))

        for category, expected in {
            "bank": ["bank-1", "bank", "bank-a-b"],
            "banker": ["banker-1"],
            "my": ["my-bank"],
            "": ["-bank"],
            "bank-a": [],
            "b%k": ["b%k"],
            "ban%": [],
            "bank\0er": [],
            "\ud800": [],
        }.items():
            found = await log_of(store, limit, categories=[category])
            assert [each.stream_id for each in found] == expected, category
        both = await log_of(store, limit, categories=("banker", "my"))
        assert [each.stream_id for each in both] == ["banker-1", "my-bank"]

    async def test_two_filters_hold_both(self, store: Store) -> None:
        await store.append("a-1", mixed(4))
        await store.append("b-1", mixed(4))
        found = await log_of(store, types={"conformance.noted"}, categories={"b"})

        assert [(each.stream_id, each.version) for each in found] == [("b-1", 1), ("b-1", 3)]

    @pytest.mark.parametrize("limit", [1, 3, 1000])
    async def test_a_filtered_page_says_how_far_it_looked(self, store: Store, limit: int) -> None:
        await store.append("a", mixed(7))

        for chosen in ({"conformance.noted"}, {"none such"}, set[str]()):
            pages = await pages_of(store, limit, types=chosen)
            assert all(len(page.events) <= limit for page in pages)
            assert all(
                page.events[-1].position <= page.last_position for page in pages if page.events
            )
            assert pages[-1].last_position == await store.head()
            assert pages[-1].at_end

    async def test_a_number_beyond_all_events_is_a_number(self, store: Store) -> None:
        await store.append("a", counted(1, 2))
        huge = 10**30

        assert len((await store.read("a", limit=huge)).events) == 2
        assert len((await store.read_all(limit=huge)).events) == 2
        assert len((await store.read_all(limit=huge, types={"conformance.counted"})).events) == 2
        assert await store.streams(limit=huge) == ["a"]
        for page in (
            await store.read("a", from_version=huge),
            await store.read_all(after_position=huge),
        ):
            assert (page.events, page.at_end) == ((), True)
        assert await store.count_after(huge) in (0, None)
        assert await store.wait_for_events(huge, 0) is False
        with pytest.raises(ConcurrencyError):
            await store.append("a", counted(3), expected_version=huge)

    # the documented short names

    async def test_save_is_append(self, store: Store) -> None:
        saved: Any = await store.save("a", counted(0, 1))
        await store.save("a", counted(2), 1)
        await store.save("a", counted(3), expected_version=2)
        with pytest.raises(ConcurrencyError):
            await store.save("a", counted(4), 1)

        assert saved is None
        assert len(await stream_of(store, "a")) == 4

    async def test_load_gives_bare_events_from_a_version_on(self, store: Store) -> None:
        events = counted(0, 1, 2)
        await store.save("a", events)
        await store.save("b", counted(9))

        assert await store.load("a") == events
        assert await store.load("a", 1) == events[1:]
        assert await store.load("a", from_version=2) == events[2:]
        assert await store.load("a", 3) == []
        assert await store.load("none") == []

    async def test_load_is_not_cut_at_a_page(self, store: Store) -> None:
        for start in range(0, 2100, 700):
            await store.save("a", counted(*range(start, start + 700)))
        loaded = await store.load("a")

        assert [each.number for each in loaded if isinstance(each, Counted)] == list(range(2100))

    async def test_load_refuses_a_negative_version(self, store: Store) -> None:
        with pytest.raises(InvalidRange, match=r"from_version.*found -1"):
            await store.load("a", -1)
