"""The outbox: what is committed is handed over, in order, each event at least once."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from chaos import SEED, kill_each, longest_life
from children import hand_over_until_killed, started
from sample_events import Deposited, LargeDeposited, Renamed, deposits

from orchestrix.eventsourcing import Promise, handed_over, outbox
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore, InMemoryProjections
from orchestrix.messaging import (
    AsyncMessageBus,
    Event,
    InMemoryAsyncMessageBus,
    InMemoryMessageBus,
    NoRetry,
    RecordedEvent,
    UnknownEvent,
)
from orchestrix.projection_runtime import (
    FailurePolicy,
    InvalidRunner,
    ProjectionRunner,
    ProjectionsStopped,
)
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store
from orchestrix.testing.conformance.event_store import log_of

AT_ONCE = FailurePolicy(retry=NoRetry())

Opened = tuple[Any, ProjectionStateStore]


@asynccontextmanager
async def memory(_: Path) -> AsyncGenerator[Opened, None]:
    yield InMemoryAsyncEventStore(), InMemoryProjections()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncGenerator[Opened, None]:
    file = folder / "events.db"
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        yield store, states


@pytest.fixture(params=[memory, sqlite])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Opened, None]:
    async with request.param(tmp_path) as both:
        yield both


class Receiver:
    """Writes down what it gets; fails at some positions, so often still."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.failing: dict[int, int] = {}

    async def __call__(self, recorded: RecordedEvent) -> None:
        await asyncio.sleep(0)
        if left := self.failing.get(recorded.position, 0):
            self.failing[recorded.position] = left - 1
            raise ConnectionError(f"away at {recorded.position}")
        self.got.append(recorded.position)


async def test_events_are_handed_over_in_the_order_of_the_log(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    for stream in ("a", "b", "a"):
        await store.append(stream, deposits(1, 2))
    runner = ProjectionRunner(store, [outbox("mails", states, receiver)])
    await runner.catch_up()
    await runner.catch_up()

    assert receiver.got == [1, 2, 3, 4, 5, 6]


async def test_a_new_outbox_goes_on_where_the_last_one_stopped(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    for _ in range(2):
        await store.append("a", deposits(1, 2))
        await ProjectionRunner(store, [outbox("mails", states, receiver)]).catch_up()

    assert receiver.got == [1, 2, 3, 4]


async def test_a_bus_hears_the_event_and_may_ask_where_it_stands(opened: Opened) -> None:
    store, states = opened
    heard: list[tuple[Event, str, int]] = []

    def note(event: Event) -> None:
        recorded = handed_over()
        assert recorded is not None
        heard.append((event, recorded.id, recorded.position))

    for bus in (InMemoryMessageBus(), InMemoryAsyncMessageBus()):
        bus.subscribe(Event, note)
        await store.append("a", [Renamed()])
        engine = outbox(type(bus).__name__, states, bus, start=await store.head() - 1)
        await ProjectionRunner(store, [engine]).catch_up()

    log = await log_of(store)
    assert heard == [(each.event, each.id, each.position) for each in log]
    assert handed_over() is None


async def test_a_receiver_may_append_to_the_very_log(opened: Opened) -> None:
    store, states = opened

    async def answer(recorded: RecordedEvent) -> None:
        if isinstance(recorded.event, Deposited):
            await store.append("answers", [Renamed(name=recorded.id)])

    await store.append("a", deposits(1, 2))
    await ProjectionRunner(store, [outbox("answers", states, answer)]).catch_up()

    assert [each.type for each in await log_of(store)] == ["Deposited"] * 2 + ["Renamed"] * 2


async def test_what_fails_is_tried_again_and_nothing_overtakes_it(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    receiver.failing = {2: 1}
    await store.append("a", deposits(1, 2, 3))
    await ProjectionRunner(store, [outbox("mails", states, receiver)]).catch_up()

    assert receiver.got == [1, 2, 3]


async def test_what_keeps_failing_stops_the_outbox_until_it_is_started_again(
    opened: Opened,
) -> None:
    store, states = opened
    receiver = Receiver()
    receiver.failing = {2: 1}
    await store.append("a", deposits(1, 2, 3))
    runner = ProjectionRunner(store, [outbox("mails", states, receiver)], on_failure=AT_ONCE)
    with pytest.raises(ProjectionsStopped, match="away at 2"):
        await runner.catch_up()
    assert receiver.got == [1]
    (status,) = await runner.status()
    assert (status.checkpoint, status.lag) == (1, 2)

    await ProjectionRunner(store, [outbox("mails", states, receiver)]).catch_up()
    assert receiver.got == [1, 2, 3]


async def test_an_outbox_cannot_park_a_key(opened: Opened) -> None:
    store, states = opened
    with pytest.raises(InvalidRunner, match="cannot park keys, or not in its transactions"):
        ProjectionRunner(
            store, [outbox("mails", states, Receiver())], on_failure=FailurePolicy("park")
        )


async def test_only_wanted_types_are_handed_over(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    await store.append("a", [Renamed(), Deposited(amount=1), LargeDeposited(amount=2), Renamed()])
    engine = outbox("mails", states, receiver, types=[Deposited, LargeDeposited])
    await ProjectionRunner(store, [engine]).catch_up()

    assert receiver.got == [2, 3]


async def test_an_outbox_may_begin_at_the_end_of_an_old_log(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    await store.append("a", deposits(1, 2))
    engine = outbox("mails", states, receiver, start=await store.head())
    await store.append("a", deposits(3))
    await ProjectionRunner(store, [engine]).catch_up()

    assert receiver.got == [3]


async def test_a_replay_hands_nothing_over_again(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    await store.append("a", deposits(1, 2))
    engine = outbox("mails", states, receiver)
    await ProjectionRunner(store, [engine]).catch_up()
    await engine.replay(await store.read_all())
    await store.append("a", deposits(3))
    await ProjectionRunner(store, [engine]).catch_up()

    assert receiver.got == [1, 2, 3]


async def test_what_no_class_declares_is_not_passed_over_unless_it_may_be() -> None:
    store, receiver = InMemoryAsyncEventStore(), Receiver()
    await store.append("a", [UnknownEvent(type="gone", data={}), Renamed()])
    states = InMemoryProjections()
    with pytest.raises(ProjectionsStopped, match="gone"):
        await ProjectionRunner(
            store, [outbox("mails", states, receiver)], on_failure=AT_ONCE
        ).catch_up()

    engine = outbox("mails", states, receiver, ignore=["gone"])
    await ProjectionRunner(store, [engine]).catch_up()
    assert receiver.got == [2]


async def test_two_runners_hand_nothing_over_twice(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    first, second = (ProjectionRunner(store, [outbox("mails", states, receiver)]) for _ in range(2))
    async with first.running(), second.running():
        for amount in range(20):
            await first.wait_for(await store.append("a", deposits(amount)), timeout=10)
    await store.append("a", deposits(20))
    await second.catch_up()

    assert receiver.got == list(range(1, 22))


async def test_the_second_goes_on_where_the_first_stopped(opened: Opened) -> None:
    store, states = opened
    receiver = Receiver()
    one, other = (outbox("mails", states, receiver) for _ in range(2))
    for engine in (one, other, one, other):
        await store.append("a", deposits(1))
        await ProjectionRunner(store, [engine]).catch_up()

    assert receiver.got == [1, 2, 3, 4]


async def test_what_is_promised_is_at_least_once() -> None:
    for store in (InMemoryProjections(), InMemoryProjectionStateStore()):
        engine = outbox("mails", store, Receiver())
        in_memory = isinstance(store, InMemoryProjectionStateStore)

        assert engine.promise is (
            Promise.EXACTLY_ONCE_IN_PROCESS if in_memory else Promise.AT_LEAST_ONCE
        )


async def test_bare_events_have_no_place_to_hand_over() -> None:
    engine = outbox("mails", InMemoryProjectionStateStore(), Receiver())
    with pytest.raises(TypeError, match="feed it from an event store"):
        await engine.process_events([Renamed()])


async def test_a_bus_that_is_publishing_already_has_heard_it_before_it_counts(
    opened: Opened,
) -> None:
    store, states = opened
    bus, heard = InMemoryAsyncMessageBus(), list[tuple[str, bool]]()

    def note(event: Event) -> None:
        heard.append((event.type, handed_over() is not None))

    async def catch_up(_: LargeDeposited) -> None:
        await ProjectionRunner(store, [outbox("mails", states, bus)]).catch_up()
        heard.append(("caught up", handed_over() is not None))

    bus.subscribe(Renamed, note)
    bus.subscribe(LargeDeposited, catch_up)
    await store.append("a", [Renamed()])
    await bus.publish(LargeDeposited(amount=1))

    assert heard == [("Renamed", True), ("caught up", False)]


async def test_a_receiver_that_is_a_generator_is_told() -> None:
    async def receive(recorded: RecordedEvent) -> Any:
        yield recorded

    store = InMemoryAsyncEventStore()
    await store.append("a", [Renamed()])
    engine = outbox("mails", InMemoryProjections(), receive)  # type: ignore[arg-type]
    with pytest.raises(ProjectionsStopped, match="generator"):
        await ProjectionRunner(store, [engine], on_failure=AT_ONCE).catch_up()

    assert (await engine.state_store.load_state("mails")).last_processed_position == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("types", [(), None, Renamed, "Renamed"])
def test_types_are_classes_of_events(types: Any) -> None:
    with pytest.raises(TypeError, match=r"classes of events, as in \[Event\]; found"):
        outbox("mails", InMemoryProjections(), Receiver(), types=types)


@pytest.mark.parametrize("receiver", [None, "bus", 5, InMemoryMessageBus])
def test_what_cannot_receive_is_told(receiver: Any) -> None:
    with pytest.raises(TypeError, match="the receiver of an outbox is a bus, or a function"):
        outbox("mails", InMemoryProjectionStateStore(), receiver)


async def test_a_bus_whose_handlers_all_fail_is_asked_again(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    store, states = opened
    bus: AsyncMessageBus = InMemoryAsyncMessageBus()
    tried: list[Event] = []

    def fail_once(event: Event) -> None:
        tried.append(event)
        if len(tried) == 1:
            raise OSError("full")

    bus.subscribe(Renamed, fail_once)
    await store.append("a", [Renamed()])
    with caplog.at_level(logging.CRITICAL):
        await ProjectionRunner(store, [outbox("mails", states, bus)]).catch_up()

    assert len(tried) == 2


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [SEED])  # so that a failure names it
async def test_a_killed_outbox_leaves_nothing_out(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    file, journal = tmp_path / "events.db", tmp_path / "handed over"
    alone = tmp_path / "alone"
    child = started(hand_over_until_killed, tmp_path / "alone.db", alone)
    longest = longest_life(child, lambda: alone.exists() and bool(alone.read_text()))
    for _ in range(12):
        kill_each([started(hand_over_until_killed, file, journal)], chance, longest)
    async with open_sqlite_store(file) as store, open_sqlite_projections(file) as states:
        await ProjectionRunner(store, [outbox("mails", states, journal_of(journal))]).catch_up()
        log = await log_of(store)

    handed = [int(each) for each in journal.read_text().split()]
    assert sorted(set(handed)) == [each.position for each in log]
    assert log, "it was killed before it could append"
    reached = 0
    for position in handed:
        assert position <= reached + 1, "something was left out"
        reached = max(reached, position)


def journal_of(file: Path) -> Callable[[RecordedEvent], Awaitable[None]]:
    async def note(recorded: RecordedEvent) -> None:
        with file.open("a") as lines:
            lines.write(f"{recorded.position}\n")

    return note


def test_a_sync_store_will_do() -> None:
    store, receiver = InMemoryEventStore(), Receiver()
    store.append("a", deposits(1))
    asyncio.run(
        ProjectionRunner(
            store, [outbox("mails", InMemoryProjectionStateStore(), receiver)]
        ).catch_up()
    )

    assert receiver.got == [1]
