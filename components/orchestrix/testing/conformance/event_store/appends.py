"""What an append does, and when it does nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    ConcurrencyError,
    EventStoreError,
    InvalidAppend,
)
from orchestrix.messaging import Event, RecordedEvent, StreamEvent
from orchestrix.testing.conformance.event_store.reading import log_of, stream_of
from orchestrix.testing.conformance.event_store.refusals import REFUSED_APPENDS, UNTYPED
from orchestrix.testing.conformance.event_store.samples import Counted, Store, counted, note
from orchestrix.testing.conformance.event_store.suite import EventStoreSuite


class Appends(EventStoreSuite):
    """Versions, all or nothing."""

    # append

    async def test_what_is_read_is_what_was_appended(self, store: Store) -> None:
        first = Counted(number=1, source="till", subject="x", correlation_id="c", causation_id="d")
        events = [first, note("two"), Event(id="any text", type="plain", data=[1, {"a": None}])]
        await store.append("account-1", events)
        of_stream, of_log = await stream_of(store, "account-1"), await log_of(store)

        assert [each.event for each in of_stream] == events
        assert [each.event for each in of_log] == events
        assert [(each.id, each.type) for each in of_log] == [(e.id, e.type) for e in events]
        assert {each.stream_id for each in (*of_stream, *of_log)} == {"account-1"}

    async def test_a_stream_and_the_log_agree_on_every_event(self, store: Store) -> None:
        await store.append("a", counted(1, 2), metadata={"user": "ada"})
        await store.append("b", counted(3))
        of_streams = [*await stream_of(store, "a"), *await stream_of(store, "b")]

        assert of_streams == await log_of(store)

    async def test_one_stream_is_not_taken_for_the_log(self, store: Store) -> None:
        await store.append("a", counted(1))

        assert [type(each) for each in await stream_of(store, "a")] == [StreamEvent]
        assert [type(each) for each in await log_of(store)] == [RecordedEvent]

    async def test_versions_count_from_zero_without_gaps(self, store: Store) -> None:
        for size in (1, 3, 2):
            await store.append("a", counted(*range(size)))
            await store.append("b", counted(*range(size)))

        assert [each.version for each in await stream_of(store, "a")] == [0, 1, 2, 3, 4, 5]
        assert [each.version for each in await stream_of(store, "b")] == [0, 1, 2, 3, 4, 5]

    async def test_append_answers_where_it_ended(self, store: Store) -> None:
        for stream_id, last_version in (("a", 1), ("b", 1), ("a", 3)):
            result = await store.append(stream_id, counted(1, 2))
            *_, first, newest = await stream_of(store, stream_id)

            assert result == AppendResult(last_version, newest.position, first.position)
            assert result.last_position == await store.head()

    async def test_any_text_names_a_stream_of_its_own(self, store: Store) -> None:
        names = ["a", "A", "a-", "a b", "a.b", "a/b", "a*", "a>", "a%", "a_", "'a'", "ä", "-", "🂡"]
        for number, name in enumerate(names):
            await store.append(name, counted(number), expected_version=NO_STREAM)
        log = await log_of(store)

        assert [each.stream_id for each in log] == names
        for name, recorded in zip(names, log, strict=True):
            assert await stream_of(store, name) == [recorded]

    async def test_the_writers_list_may_be_emptied_afterwards(self, store: Store) -> None:
        events = counted(1, 2)
        await store.append("a", events)
        events.clear()

        assert len(await store.load("a")) == 2

    async def test_events_may_come_from_a_generator(self, store: Store) -> None:
        generated: Any = (event for event in counted(1, 2))

        assert (await store.append("a", generated, expected_version=NO_STREAM)).last_version == 1
        assert len(await store.load("a")) == 2

    # append: the expected version

    async def test_without_an_expected_version_nothing_is_checked(self, store: Store) -> None:
        for _ in range(3):
            await store.append("a", counted(1))

        assert len(await store.load("a")) == 3

    async def test_the_version_last_seen_is_the_one_to_expect(self, store: Store) -> None:
        version = NO_STREAM
        for size in (2, 1, 3):
            events = counted(*range(size))
            version = (await store.append("a", events, expected_version=version)).last_version

        assert version == 5

    @pytest.mark.parametrize("expected", [NO_STREAM, 0, 2, 99])
    async def test_another_version_than_expected_is_refused(
        self, store: Store, rival: Store, expected: int
    ) -> None:
        await rival.append("a", counted(1, 2))
        before = await log_of(store)
        with pytest.raises(ConcurrencyError, match=r"'a'.*reload") as caught:
            await store.append("a", counted(3), expected_version=expected)

        error = caught.value
        assert (error.aggregate_id, error.expected_version, error.actual_version) == (
            "a", expected, 1,
        )  # fmt: skip
        assert await log_of(store) == before
        assert await stream_of(store, "a") == before

    async def test_a_failed_check_creates_no_stream(self, store: Store) -> None:
        with pytest.raises(ConcurrencyError) as caught:
            await store.append("ghost", counted(1), expected_version=0)

        assert caught.value.actual_version == NO_STREAM
        assert await store.streams() == []
        assert (await store.head(), await log_of(store)) == (0, [])
        await store.append("ghost", counted(1), expected_version=NO_STREAM)

    async def test_an_empty_append_only_checks_the_version(self, store: Store) -> None:
        nothing = AppendResult(NO_STREAM, 0, 0)
        assert await store.append("a", []) == nothing
        assert await store.append("a", [], expected_version=NO_STREAM) == nothing
        assert await store.streams() == []
        first = await store.append("a", counted(1))
        await store.append("b", counted(2))

        assert await store.append("a", [], expected_version=0) == first
        for expected in (NO_STREAM, 1):
            with pytest.raises(ConcurrencyError):
                await store.append("a", [], expected_version=expected)

    # append: all or nothing

    async def test_when_the_iterator_fails_nothing_is_written(self, store: Store) -> None:
        def failing() -> Iterator[Event]:
            yield from counted(1, 2)
            raise OSError("boom")

        events: Any = failing()
        with pytest.raises(OSError, match="boom"):
            await store.append("a", events)

        assert await store.streams() == []
        assert await store.head() == 0

    async def test_after_a_refusal_the_good_events_can_be_appended(self, store: Store) -> None:
        good = counted(1, 2)
        with pytest.raises(InvalidAppend):
            await store.append("a", [good[0], UNTYPED, good[1]])

        assert (await store.append("a", good, expected_version=NO_STREAM)).last_version == 1
        assert [each.version for each in await stream_of(store, "a")] == [0, 1]

    @pytest.mark.parametrize(("error", "words", "method", "args", "kw"), REFUSED_APPENDS)
    async def test_what_cannot_be_written_is_refused_in_words(
        self, store: Store, error: Any, words: str, method: str, args: Any, kw: Any
    ) -> None:
        with pytest.raises(error, match=words) as caught:
            await getattr(store, method)(*args, **kw)

        assert isinstance(caught.value, EventStoreError)
        assert isinstance(caught.value, ValueError)
        assert (await store.streams(), await store.head()) == ([], 0)
        assert await store.load_snapshot("a") is None
