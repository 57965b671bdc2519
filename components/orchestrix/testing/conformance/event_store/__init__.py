"""What every event store promises; a store's test subclasses it and gives a fixture ``store``.

One class, because a store that keeps half of these promises is not an event store.
"""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, repeat
from typing import Any, ClassVar, TypeVar

import pytest

from orchestrix.eventsourcing import (
    NO_STREAM,
    AppendResult,
    AsyncEventStore,
    ConcurrencyError,
    DuplicateEvent,
    EventStoreError,
    InvalidAppend,
    InvalidRange,
    Page,
    Snapshot,
)
from orchestrix.messaging import Event, RecordedEvent, StreamEvent

T = TypeVar("T")
Store = AsyncEventStore

LONG = 10.0
"""Seconds that no passing test waits: it turns a hang into a failure."""

SHORT = 0.03
"""Seconds in which what must not happen has its chance to happen."""

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Counted(Event, type="conformance.counted"):
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Noted(Event, type="conformance.noted"):
    notes: list[dict[str, Any]] = field(default_factory=list)


class HandClock:
    """A clock that stands until a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def counted(*numbers: int) -> list[Event]:
    return [Counted(number=number) for number in numbers]


def mixed(count: int) -> list[Event]:
    """Counted and noted events by turns, the counted first."""
    return [Noted() if number % 2 else Counted(number=number) for number in range(count)]


def note(text: str) -> Noted:
    return Noted(notes=[{"text": text, "tags": ["a"]}], data={"words": [text]})


def spoil(event: Event) -> None:
    """Change whatever can be changed in a note."""
    assert isinstance(event, Noted)
    event.notes[0]["tags"].append("spoiled")
    event.notes.append({"text": "spoiled"})
    event.data["words"].append("spoiled")


def snapshot_at(version: int, **state: Any) -> Snapshot:
    return Snapshot("a", "Account", version, state, NOON)


async def stream_of(store: Store, stream_id: str, limit: int = 1000) -> list[StreamEvent]:
    found: list[StreamEvent] = []
    at_end, version = False, 0
    while not at_end:
        page = await store.read(stream_id, from_version=version, limit=limit)
        assert page.at_end or page.next_version > version, f"no progress: {page}"
        found += page.events
        at_end, version = page.at_end, page.next_version
    return found


async def pages_of(store: Store, limit: int = 1000, **filters: Any) -> list[Page]:
    pages = [await store.read_all(limit=limit, **filters)]
    while not pages[-1].at_end:
        after = pages[-1].last_position
        pages.append(await store.read_all(after_position=after, limit=limit, **filters))
        assert pages[-1].at_end or pages[-1].last_position > after, f"no progress: {pages[-1]}"
    return pages


async def log_of(store: Store, limit: int = 1000, **filters: Any) -> list[RecordedEvent]:
    return [each for page in await pages_of(store, limit, **filters) for each in page.events]


async def tail(store: Store, count: int) -> list[Page]:
    """Follow the log until `count` events have been seen."""
    pages: list[Page] = []
    after = 0
    while sum(len(page.events) for page in pages) < count:
        assert await store.wait_for_events(after, LONG), f"{count} events expected, saw {pages}"
        pages.append(await store.read_all(after_position=after))
        assert pages[-1].last_position > after, f"no progress: {pages[-1]}"
        after = pages[-1].last_position
    return pages


async def pages_seen(store: Store, count: int, *writers: Coroutine[Any, Any, None]) -> list[Page]:
    """Follow the log while others write."""
    async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
        reading = group.create_task(tail(store, count))
        for writer in writers:
            group.create_task(writer)
    return reading.result()


async def write_threes(store: Store, stream_id: str, rounds: int) -> None:
    for number in range(rounds):
        await store.append(stream_id, counted(*range(3 * number, 3 * number + 3)))
        await asyncio.sleep(0)  # let the others have their turn


async def read_first(store: Store) -> Event:
    return (await store.read("a")).events[0].event


async def read_all_first(store: Store) -> Event:
    return (await store.read_all()).events[0].event


async def load_first(store: Store) -> Event:
    return (await store.load("a"))[0]


async def soon(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, LONG)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - it comes about in a thread of the store
            await asyncio.sleep(0.001)


async def waiting(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Start `work` and make sure that it does not end by itself."""
    task = asyncio.create_task(work)
    ended, _ = await asyncio.wait([task], timeout=SHORT)
    assert not ended, "it was to wait"
    return task


def refused(error: type[EventStoreError], words: str, method: str, *args: Any, **kw: Any) -> Any:
    """A call that must raise `error`, with `words` in its text."""
    shown = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kw.items())])
    return pytest.param(error, words, method, args, kw, id=f"{method}({shown})"[:60])


UNTYPED: Any = 7
LOCK = threading.Lock()  # no store can keep it

REFUSED_APPENDS = [
    refused(InvalidAppend, "stream id.*''", "append", "", []),
    refused(InvalidAppend, "stream id.* NUL", "append", "a\0b", []),
    refused(InvalidAppend, "stream id.* surrogates", "append", "\ud800", []),
    refused(InvalidAppend, "stream id.* 512", "append", "x" * 513, []),
    refused(InvalidAppend, "stream id.* 512", "append", "x" * 10_000_000, []),
    refused(InvalidAppend, "'a': .*item 0.*found '' and", "append", "a", [Event(id="")]),
    refused(InvalidAppend, "'a': .*item 1.* NUL", "append", "a", [Event(), Event(id="a\0b")]),
    refused(InvalidAppend, "'a': .*item 0.* 512", "append", "a", [Event(type="x" * 513)]),
    refused(InvalidAppend, "stream id.*7", "append", 7, []),
    refused(InvalidAppend, "stream id.*''", "save", "", []),
    refused(InvalidAppend, "stream id.*''", "save_snapshot", Snapshot("", "Account", 0, {})),
    refused(InvalidAppend, "'a': item 0 is 'opened', not an Event", "append", "a", ["opened"]),
    refused(InvalidAppend, "'a': .*item 0.*found 7 and", "append", "a", [Event(id=UNTYPED)]),
    refused(InvalidAppend, "'a': .*item 0.* and 7", "append", "a", [Event(type=UNTYPED)]),
    refused(InvalidAppend, "event 'x'.*lock", "append", "a", [Event(id="x", data=LOCK)]),
    refused(InvalidAppend, "snapshot.*'a'.*lock", "save_snapshot", snapshot_at(0, lock=LOCK)),
    refused(InvalidAppend, "'a': metadata.*'k': 7", "append", "a", [], metadata={"k": 7}),
    refused(InvalidAppend, "'a': metadata.*7: 'v'", "append", "a", [], metadata={7: "v"}),
    refused(InvalidAppend, "metadata.*surrogates", "append", "a", [], metadata={"k": "\ud800"}),
    refused(InvalidAppend, "'a': metadata.*'k=v'", "append", "a", [], metadata="k=v"),
    refused(InvalidRange, "version.* 0 on, found -1", "save_snapshot", snapshot_at(-1)),
    refused(InvalidRange, "'a': its version is at most", "save_snapshot", snapshot_at(2**63)),
    *(
        refused(InvalidAppend, words, "save_snapshot", replace(snapshot_at(0), **{name: bad}))
        for name, bad, words in (
            ("aggregate_type", None, "'a': its aggregate_type is a text .*found None"),
            ("aggregate_type", "\ud800", "'a': its aggregate_type is a text"),
            ("state", [1], "'a': its state is a dict, found"),
            ("state", None, "'a': its state is a dict, found None"),
            ("timestamp", "noon", "'a': its timestamp is a datetime, found 'noon'"),
        )
    ),
    *(
        refused(
            InvalidRange, f"'a': .*-1 on, found {bad!r}", "append", "a", [], expected_version=bad
        )
        for bad in (-2, True, 0.5, "0")
    ),
]

REFUSED_READS = [
    *(
        refused(InvalidAppend, f"stream id.*{bad!r}", method, bad)
        for method in ("read", "load", "load_snapshot")
        for bad in ("", 7, None)
    ),
    *(
        refused(InvalidRange, f"from_version.* 0 on, found {bad!r}", "read", "a", from_version=bad)
        for bad in (-1, True, 0.5, "0")
    ),
    *(
        refused(InvalidRange, f"limit.* 1 on, found {bad!r}", method, *args, limit=bad)
        for method, args in (("read", "a"), ("read_all", ()), ("streams", ()))
        for bad in (0, -1, True, None)
    ),
    *(
        refused(InvalidRange, f"position.* 0 on, found {bad!r}", method, *args, **kw)
        for bad in (-1, True, 0.5, None)
        for method, args, kw in (
            ("read_all", (), {"after_position": bad}),
            ("count_after", (bad,), {}),
            ("wait_for_events", (bad, 0), {}),
        )
    ),
    *(
        refused(InvalidRange, f"{name} is a collection.*found", "read_all", **{name: bad})
        for name in ("types", "categories")
        for bad in ("conformance.counted", [Counted], repeat("conformance.counted", 1))
    ),
    *(
        refused(InvalidRange, f"{name} is a text without NUL", "streams", **{name: bad})
        for name in ("prefix", "after")
        for bad in (None, 7, "\ud800", "a\0")
    ),
    *(
        refused(InvalidRange, f"timeout.*seconds.*found {bad!r}", "wait_for_events", 0, bad)
        for bad in (-1, -math.inf, math.nan, True, "1", None, -(10**400))
    ),
]

REFUSED_REPETITIONS: dict[str, Callable[[Event, Event, Event], list[Event]]] = {
    "reordered": lambda a, b, c: [b, a],
    "with a hole": lambda a, b, c: [a, c],
    "the known first": lambda a, b, c: [a, b, *counted(9)],
    "the known last": lambda a, b, c: [*counted(9), c],
    "the known in between": lambda a, b, c: [*counted(8), b, *counted(9)],
    "twice": lambda a, b, c: [a, a],
}


class EventStoreConformance:
    """What every event store promises, whatever it is made of."""

    cannot: ClassVar[dict[str, str]] = {}
    """Test name -> reason, for promises this store does not make."""

    @pytest.fixture
    def clock(self) -> HandClock:
        """The clock of the store; one that takes its time from elsewhere says so in `cannot`."""
        return HandClock()

    @pytest.fixture
    def store(self) -> AsyncEventStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    @pytest.fixture
    def rival(self, store: Store) -> AsyncEventStore:
        """A second handle on the same storage, as another process would hold."""
        return store

    @pytest.fixture(autouse=True)
    def _skip_what_it_cannot_do(self, request: pytest.FixtureRequest) -> None:
        assert all(hasattr(self, test) for test in self.cannot), "unknown name in `cannot`"
        if request.node.originalname in self.cannot:
            pytest.skip(self.cannot[request.node.originalname])

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


def note_like(event: Event, text: str) -> Event:
    """The note as it was when it was written."""
    return Noted(
        id=event.id, timestamp=event.timestamp, notes=note(text).notes, data=note(text).data
    )
