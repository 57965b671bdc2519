"""Random histories: whatever happens, no handler is called twice for what it returned from."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sample_events import Deposited, LargeDeposited, Renamed, log_of

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.messaging import Event
from orchestrix.projection_state import InMemoryProjectionStateStore


class World:
    """Three handlers without a context, of which the second fails when it is told to."""

    def __init__(self) -> None:
        self.store = InMemoryProjectionStateStore()
        self.returned: Counter[tuple[str, str]] = Counter()
        self.order: list[str] = []
        self.failing: set[str] = set()

    def engine(self, batch_size: int) -> ProjectionEngine:
        engine = ProjectionEngine("p", self.store, batch_size=batch_size)
        engine.on(Event)(self.first)
        engine.on(Deposited)(self.second)
        engine.on(LargeDeposited)(self.third)
        return engine

    async def first(self, event: Event) -> None:
        self.returned["first", event.id] += 1
        self.order.append(event.id)

    def second(self, event: Deposited) -> None:
        if event.id in self.failing:
            raise OSError(event.id)
        self.returned["second", event.id] += 1

    async def third(self, event: LargeDeposited) -> None:
        self.returned["third", event.id] += 1


def events_of(kinds: Sequence[str]) -> list[Event]:
    make = {
        "d": lambda: Deposited(amount=1),
        "l": lambda: LargeDeposited(amount=2),
        "r": lambda: Renamed(),
    }
    return [make[kind]() for kind in kinds]


@given(
    kinds=st.lists(st.sampled_from("dlr"), min_size=1, max_size=12),
    calls=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans(), st.booleans()), max_size=8
    ),
    batch_size=st.integers(1, 5),
    is_bare=st.booleans(),
)
async def test_every_handler_returns_once_for_every_event(
    kinds: list[str],
    calls: list[tuple[int, int, bool, bool]],
    batch_size: int,
    is_bare: bool,
) -> None:
    events, world = events_of(kinds), World()
    feed: list[Any] = list(events if is_bare else log_of(events).read_all().events)
    engine = world.engine(batch_size)

    for start, stop, fails, restarts in calls:
        engine = world.engine(batch_size) if restarts else engine
        world.failing = {event.id for event in events[::2]} if fails else set()
        part = feed[start:stop] + feed[start:stop] if is_bare else feed[:stop]
        try:
            await engine.process_events(part)
        except OSError:
            assert fails
    world.failing = set()
    await engine.process_events(feed)

    expected = Counter(("first", event.id) for event in events)
    expected.update(("second", each.id) for each in events if isinstance(each, Deposited))
    expected.update(("third", each.id) for each in events if isinstance(each, LargeDeposited))
    assert world.returned == expected
    state = engine.get_state()
    assert state is not None
    assert state.applied_count == state.last_processed_position == len(events)
    assert state.is_healthy
    assert state.partly_applied == ()
    if not is_bare:
        assert world.order == [event.id for event in events]
