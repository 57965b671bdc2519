"""Any appends, repeated and mixed up: the store agrees with a list and the rules in words."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrix.eventsourcing import AppendResult, ConcurrencyError, DuplicateEvent
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event

Answer = AppendResult | type[Exception]

STREAMS = ("a-1", "a-2", "b")
EVENTS = [Event(id=str(number), type="xyz"[number % 3]) for number in range(8)]


@dataclass(frozen=True)
class Attempt:
    stream_id: str
    numbers: list[int]
    expected: int | None

    @property
    def events(self) -> list[Event]:
        return [EVENTS[number] for number in self.numbers]


def runs(start: int, size: int) -> list[int]:
    """Neighbours, so that repetitions whole and in part come up often."""
    return [number % len(EVENTS) for number in range(start, start + size)]


attempts = st.builds(
    Attempt,
    st.sampled_from(STREAMS),
    st.builds(runs, st.integers(0, 7), st.integers(0, 3)) | st.lists(st.integers(0, 7), max_size=4),
    st.none() | st.integers(-1, 4),
)


class Model:
    """A log is a list of (stream, event id), searched from the beginning for every question."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []

    def positions(self, stream_id: str) -> list[int]:
        return [at for at, (name, _) in enumerate(self.log, 1) if name == stream_id]

    def append(self, attempt: Attempt) -> Answer:
        entries = [(attempt.stream_id, event.id) for event in attempt.events]
        stream = [entry for entry in self.log if entry[0] == attempt.stream_id]
        if len(set(entries)) < len(entries):
            return DuplicateEvent
        for start in range(len(stream)):
            if entries and stream[start : start + len(entries)] == entries:
                return self._end(attempt.stream_id, start + len(entries), len(entries))
        if {known for _, known in self.log} & {event.id for event in attempt.events}:
            return DuplicateEvent
        if attempt.expected not in (None, len(stream) - 1):
            return ConcurrencyError
        self.log += entries
        return self._end(attempt.stream_id, len(stream) + len(entries), len(entries))

    def _end(self, stream_id: str, count: int, new: int) -> AppendResult:
        positions = [0, *self.positions(stream_id)]
        return AppendResult(count - 1, positions[count], positions[count - max(new - 1, 0)])


def answer_of(store: InMemoryEventStore, attempt: Attempt) -> Answer:
    try:
        return store.append(attempt.stream_id, attempt.events, expected_version=attempt.expected)
    except (ConcurrencyError, DuplicateEvent) as error:
        return type(error)


@settings(max_examples=150, deadline=None)
@given(tried=st.lists(attempts, max_size=12))
def test_every_append_ends_as_the_model_says(tried: list[Attempt]) -> None:
    store, model = InMemoryEventStore(), Model()
    for attempt in tried:
        assert answer_of(store, attempt) == model.append(attempt), attempt

    log = store.read_all().events
    assert [(each.stream_id, each.id) for each in log] == model.log
    assert [each.position for each in log] == list(range(1, len(log) + 1))
    assert list(store.streams()) == sorted({name for name, _ in model.log})
    for stream_id in STREAMS:
        stream = store.read(stream_id).events
        assert [each.position for each in stream] == model.positions(stream_id)
        assert [each.version for each in stream] == list(range(len(stream)))


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(1, 4)), max_size=8),
    after=st.integers(0, 25),
    limit=st.integers(1, 8),
    types=st.none() | st.sets(st.sampled_from("xyz")),
    categories=st.none() | st.sets(st.sampled_from("ab")),
)
def test_pages_hold_what_the_whole_log_holds(
    sizes: list[tuple[str, int]],
    after: int,
    limit: int,
    types: set[str] | None,
    categories: set[str] | None,
) -> None:
    store = InMemoryEventStore()
    for stream_id, size in sizes:
        store.append(stream_id, [Event(type="xyz"[number % 3]) for number in range(size)])
    wanted = [
        each
        for each in store.read_all(after_position=after).events
        if (types is None or each.type in types)
        and (categories is None or each.stream_id.split("-")[0] in categories)
    ]
    found = list(wanted[:0])
    looked, at_end = after, False
    while not at_end:
        page = store.read_all(
            after_position=looked, limit=limit, types=types, categories=categories
        )
        assert len(page.events) <= limit
        assert page.after_position == looked
        assert page.last_position > looked or page.at_end
        found, looked, at_end = found + list(page.events), page.last_position, page.at_end

    assert found == wanted
    assert looked == max(after, store.head())
