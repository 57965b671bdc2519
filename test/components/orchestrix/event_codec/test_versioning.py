"""Event objects are brought to later versions, and never changed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import FrozenInstanceError, dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from orchestrix.event_codec import (
    EventUpcaster,
    UpcasterError,
    UpcasterException,
    UpcasterRegistry,
    VersionedEvent,
)
from orchestrix.messaging import Event, UnknownEvent

STAY = "versioning-test.stay"
THEN = datetime(2020, 1, 1, tzinfo=UTC)
IDENTITY: dict[str, Any] = {
    "id": "7",
    "timestamp": THEN,
    "source": "desk",
    "subject": "room-7",
    "correlation_id": "c",
    "causation_id": "b",
}


@dataclass(frozen=True, kw_only=True)
class Stay(Event, type=STAY):
    """An event that says its version itself, with nested data."""

    version: Any = 1
    guests: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SlottedStay(Event, type="versioning-test.slotted-stay", schema_version=2):
    guest: str = ""


@dataclass(frozen=True, kw_only=True)
class Old(Event, type="versioning-test.old"):
    guest: str


@dataclass(frozen=True, kw_only=True)
class New(Event, type="versioning-test.new", schema_version=2):
    first_name: str
    last_name: str


def stay(version: Any = 1, guest: str = "Ada") -> Stay:
    return Stay(version=version, guests=[{"name": guest}], **IDENTITY)


Upcast = Callable[[Any], Any]


class Step(EventUpcaster):
    """Does what it is told; by default it notes its versions."""

    def __init__(self, source: Any, target: Any, upcast: Upcast | None = None) -> None:
        super().__init__(source, target)
        self.given: list[Event] = []
        self._upcast: Upcast = upcast or self._note

    async def upcast(self, event: Event) -> Event:
        self.given.append(event)
        made = self._upcast(event)
        return await made if isinstance(made, Awaitable) else made

    def _note(self, event: Stay) -> Stay:
        way = [*event.guests, {"step": f"{self.source_version}-{self.target_version}"}]
        return Stay(version=self.target_version, guests=way)


def registry_with(*steps: tuple[int, int] | Step, event_type: str = STAY) -> UpcasterRegistry:
    registry = UpcasterRegistry()
    for step in steps:
        registry.register(event_type, step if isinstance(step, Step) else Step(*step))
    return registry


def way_of(event: Event) -> list[str]:
    assert isinstance(event, Stay)
    return [each["step"] for each in event.guests if "step" in each]


def fails_with(upcast: Upcast, event: Event | None = None) -> UpcasterException:
    """What the registry raises when its only upcaster, 1 to 2, does this."""
    registry = registry_with(Step(1, 2, upcast))
    with pytest.raises(UpcasterException) as caught:
        asyncio.run(registry.upcast(event or stay(), STAY, 2))
    return caught.value


# the weaknesses of the original: V1 to V5


async def test_the_event_that_is_given_never_changes() -> None:
    def in_place(event: Stay) -> Stay:
        object.__setattr__(event, "version", 2)
        object.__setattr__(event, "subject", "another")
        event.guests[0]["name"] = "changed"
        return event

    event = stay()
    later = await registry_with(Step(1, 2, in_place)).upcast(event, STAY, 2)

    assert event == stay()
    assert later == stay(2, "changed")


async def test_what_an_upcaster_returned_is_not_changed_either() -> None:
    cached = stay(2)
    object.__setattr__(cached, "id", "cached")

    later = await registry_with(Step(1, 2, lambda _: cached)).upcast(stay(), STAY, 2)

    assert later.id == "7"
    assert cached.id == "cached"


async def test_what_one_upcaster_keeps_the_next_does_not_change() -> None:
    kept = stay(2)

    def in_place(event: Stay) -> Stay:
        object.__setattr__(event, "version", 3)
        event.guests.clear()
        return event

    later = await registry_with(Step(1, 2, lambda _: kept), Step(2, 3, in_place)).upcast(
        stay(), STAY, 3
    )

    assert later == Stay(version=3, guests=[], **IDENTITY)
    assert kept == stay(2)


@pytest.mark.parametrize(
    ("steps", "target", "way"),
    [
        ([(1, 3)], 3, ["1-3"]),
        ([(1, 2), (2, 3)], 3, ["1-2", "2-3"]),
        ([(1, 2), (2, 3), (3, 4), (4, 5)], 5, ["1-2", "2-3", "3-4", "4-5"]),
        ([(1, 2), (2, 3), (1, 3)], 3, ["1-3"]),
        ([(1, 2), (2, 3), (3, 5), (1, 4), (4, 5)], 5, ["1-4", "4-5"]),
        ([(1, 5), (5, 6), (1, 2), (2, 3), (3, 6)], 6, ["1-5", "5-6"]),
        ([(1, 9), (1, 2), (2, 4)], 4, ["1-2", "2-4"]),
    ],
)
async def test_steps_that_skip_versions_are_used_and_the_fewest_are_taken(
    steps: list[tuple[int, int]], target: int, way: list[str]
) -> None:
    for order in (steps, steps[::-1]):
        assert way_of(await registry_with(*order).upcast(stay(), STAY, target)) == way


@pytest.mark.parametrize("order", [1, -1])
async def test_of_equally_short_ways_the_one_that_goes_furthest_first_is_taken(order: int) -> None:
    steps = [(1, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 6)][::order]

    assert way_of(await registry_with(*steps).upcast(stay(), STAY, 5)) == ["1-3", "3-5"]


@pytest.mark.parametrize("result", [None, {"version": 2}, "event", Stay])
def test_a_result_that_is_no_event_is_refused_with_the_name_of_the_upcaster(result: Any) -> None:
    error = fails_with(lambda _: result)

    assert str(error).startswith(f"event '7' of type '{STAY}': upcaster Step (v1->v2) returned ")
    assert str(error).endswith("; it has to return the later event")
    assert vars(error)["event_type"] == STAY
    assert (error.source_version, error.target_version) == (1, 2)


def test_an_upcaster_without_an_upcast_of_its_own_cannot_be_made() -> None:
    class Forgotten(EventUpcaster):
        pass

    kinds: list[Any] = [EventUpcaster, Forgotten]
    for kind in kinds:
        with pytest.raises(TypeError, match=r"abstract method '?upcast"):
            kind(1, 2)


async def test_an_upcaster_may_fix_its_versions_itself() -> None:
    class OneToTwo(EventUpcaster):
        def __init__(self) -> None:
            super().__init__(1, 2)

        async def upcast(self, event: Event) -> Event:
            return stay(2)

    registry = UpcasterRegistry()
    registry.register(STAY, OneToTwo())

    assert registry.get_chain_info(STAY) == [(1, 2)]
    assert await registry.upcast(stay(), STAY, 2) == stay(2)


@pytest.mark.parametrize("name", IDENTITY)
async def test_an_event_stays_the_one_it_was_whatever_the_upcasters_give(name: str) -> None:
    def other(version: int) -> Upcast:
        changed: dict[str, Any] = {**IDENTITY, name: f"other {version}"}
        return lambda _: Stay(version=version, guests=[], **changed)

    seen = Step(2, 3, other(3))

    later = await registry_with(Step(1, 2, other(2)), seen).upcast(stay(), STAY, 3)

    assert getattr(later, name) == IDENTITY[name]
    assert getattr(seen.given[0], name) == IDENTITY[name]


async def test_what_an_event_lacks_no_upcaster_adds() -> None:
    event = Stay(guests=[])
    filled = Step(1, 2, lambda _: stay(2))

    later = await registry_with(filled).upcast(event, STAY, 2)

    assert (later.subject, later.correlation_id, later.causation_id) == (None, None, None)


async def test_the_rest_is_the_upcasters() -> None:
    rest: dict[str, Any] = {
        "specversion": "1.1",
        "type": "another",
        "data": {"a": 1},
        "datacontenttype": "text/plain",
        "dataschema": "https://example.org",
        "version": 2,
        "guests": [],
    }
    assert rest.keys() | IDENTITY.keys() == {field.name for field in fields(Stay)}

    later = await registry_with(Step(1, 2, lambda _: Stay(**rest))).upcast(stay(), STAY, 2)

    assert later == Stay(**IDENTITY, **rest)


async def test_frozen_classes_with_slots_are_results_too() -> None:
    def slotted(event: Stay) -> SlottedStay:
        return SlottedStay(guest=event.guests[0]["name"])

    later = await registry_with(Step(1, 2, slotted)).upcast(stay(), STAY, 2)

    assert later == SlottedStay(guest="Ada", **IDENTITY)


# which version an event has


async def test_an_event_without_the_attribute_has_the_version_of_its_class() -> None:
    def split(event: Old) -> New:
        first, last = event.guest.split()
        return New(first_name=first, last_name=last)

    registry = registry_with(Step(1, 2, split), event_type="versioning-test.old")
    old = Old(guest="Ada Lovelace", **IDENTITY)
    new = New(first_name="Ada", last_name="Lovelace", **IDENTITY)

    assert await registry.upcast(old, "versioning-test.old", 2) == new
    assert await registry.upcast(new, "versioning-test.old", 2) is new


async def test_the_attribute_goes_before_the_class() -> None:
    class Said(Event, type="versioning-test.said", schema_version=5):
        version: ClassVar[int] = 2

    event = Said()

    assert await UpcasterRegistry().upcast(event, "versioning-test.said", 2) is event


@pytest.mark.parametrize("version", [True, False, None, "1", 1.0, 0, -1])
async def test_a_version_that_is_no_number_from_1_is_refused(version: Any) -> None:
    event, registry, step = stay(version), registry_with((1, 2)), Step(1, 2)
    problem = f"event '7' of type '{STAY}': its attribute 'version' has to be .*{version!r}"

    with pytest.raises(UpcasterException, match=problem):
        await registry.upcast(event, STAY, 2)
    with pytest.raises(UpcasterException, match=problem):
        await registry.upcast_to_latest(event)
    with pytest.raises(UpcasterException, match=problem):
        registry.upcast_now(event)
    with pytest.raises(UpcasterException, match=problem):
        await step.can_upcast(event)


async def test_of_an_unknown_event_no_version_is_guessed() -> None:
    unknown = UnknownEvent(type=STAY, data={"guests": []})

    with pytest.raises(UpcasterException, match="its class is unknown here, and so is its version"):
        await registry_with((1, 2)).upcast_to_latest(unknown)
    assert await UpcasterRegistry().upcast_to_latest(unknown) is unknown


@pytest.mark.parametrize("version", [1, 3, True, 2.0, None, "2"])
def test_a_result_of_another_version_than_the_upcasters_target_is_refused(version: Any) -> None:
    error = fails_with(lambda _: stay(version))

    assert str(error) == (
        f"event '7' of type '{STAY}': upcaster Step (v1->v2) returned a Stay of version "
        f"{version!r}; give it the attribute version=2, or its class schema_version=2"
    )


def test_a_result_whose_class_has_another_version_is_refused() -> None:
    assert "returned a Old of version 1" in str(fails_with(lambda _: Old(guest="Ada")))


def test_an_upcaster_that_returns_what_it_was_given_is_noticed() -> None:
    assert "returned a Stay of version 1" in str(fails_with(lambda event: event))


# what fails


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyError("name"), StopIteration(), UpcasterException("mine")]
)
def test_whatever_an_upcaster_raises_is_wrapped(error: Exception) -> None:
    def fail(_: Event) -> Event:
        raise error

    wrapped = fails_with(fail)

    assert f"event '7' of type '{STAY}': upcaster Step (v1->v2) raised " in str(wrapped)
    assert (wrapped.event_type, wrapped.source_version, wrapped.target_version) == (STAY, 1, 2)
    cause = wrapped.__cause__
    assert cause is error or (cause and cause.__cause__ is error)


def test_an_error_tells_the_step_that_failed_and_not_the_whole_way() -> None:
    def fail(_: Event) -> Event:
        raise ValueError("no")

    registry = registry_with((1, 2), Step(2, 4, fail), (4, 5))
    with pytest.raises(UpcasterException, match=r"\(v2->v4\) raised ValueError\('no'\)") as caught:
        registry.upcast_now(stay())
    assert (caught.value.source_version, caught.value.target_version) == (2, 4)


def test_the_steps_of_a_way_are_those_of_the_type_that_the_event_had_at_first() -> None:
    def rename(_: Event) -> Event:
        return Stay(type="versioning-test.renamed", version=2, guests=[])

    def fail(_: Event) -> Event:
        raise ValueError("no")

    renaming = Step(1, 2, rename)
    assert way_of(registry_with(renaming, (2, 3)).upcast_now(stay())) == ["2-3"]

    with pytest.raises(UpcasterException, match=f"of type '{STAY}'.*v2->v3") as caught:
        registry_with(renaming, Step(2, 3, fail)).upcast_now(stay())
    assert caught.value.event_type == STAY


async def test_a_cancelled_load_ends_so() -> None:
    async def wait(event: Event) -> Event:
        await asyncio.sleep(60)
        return event

    registry = registry_with(Step(1, 2, wait))
    load = asyncio.create_task(registry.upcast_to_latest(stay()))
    await asyncio.sleep(0)
    load.cancel()

    with pytest.raises(asyncio.CancelledError):
        await load


def test_an_event_that_cannot_be_copied_is_given_to_no_upcaster() -> None:
    step = Step(1, 2)
    event = Stay(guests=[], data=(each for each in "x"))

    with pytest.raises(UpcasterException, match=r"cannot be given a copy of the event .*generator"):
        registry_with(step).upcast_now(event)
    assert not step.given


# asking for a version


@pytest.mark.parametrize("steps", [[], [(1, 2)]])
async def test_an_event_of_the_version_asked_for_is_returned_itself(
    steps: list[tuple[int, int]],
) -> None:
    event = stay(2)

    assert await registry_with(*steps).upcast(event, STAY, 2) is event


async def test_there_is_no_way_back() -> None:
    with pytest.raises(UpcasterException, match=f"^Cannot downcast {STAY} v3->v1; ask for") as e:
        await registry_with((1, 3)).upcast(stay(3), STAY, 1)
    assert (e.value.event_type, e.value.source_version, e.value.target_version) == (STAY, 3, 1)


@pytest.mark.parametrize(
    ("steps", "known"),
    [
        ([], "none"),
        ([(1, 2)], "v1->v2"),
        ([(2, 3), (1, 4)], "v1->v4, v2->v3"),
    ],
)
async def test_where_no_steps_lead_those_that_exist_are_told(
    steps: list[tuple[int, int]], known: str
) -> None:
    with pytest.raises(UpcasterException) as caught:
        await registry_with(*steps).upcast(stay(), STAY, 3)

    assert str(caught.value) == (
        f"No upcaster found for {STAY} v1->v3; registered: {known}; add what is missing"
    )
    assert vars(caught.value) == {
        "event_type": STAY,
        "source_version": 1,
        "target_version": 3,
    }


async def test_the_steps_of_another_type_are_not_used() -> None:
    registry = registry_with((1, 2), event_type="versioning-test.other")

    with pytest.raises(UpcasterException, match=f"No upcaster found for {STAY} v1->v2"):
        await registry.upcast(stay(), STAY, 2)
    assert way_of(await registry.upcast(stay(), "versioning-test.other", 2)) == ["1-2"]


# loading: the latest version, with and without waiting

Load = Callable[[UpcasterRegistry, Event], Event]


def latest(registry: UpcasterRegistry, event: Event) -> Event:
    return asyncio.run(registry.upcast_to_latest(event))


both = pytest.mark.parametrize("load", [latest, UpcasterRegistry.upcast_now])


@both
@pytest.mark.parametrize(
    ("version", "way"),
    [(1, ["1-2", "2-3", "3-5"]), (2, ["2-3", "3-5"]), (3, ["3-5"]), (7, ["7-8"])],
)
def test_a_loaded_event_gets_the_highest_version_that_can_be_reached_from_its_own(
    load: Load, version: int, way: list[str]
) -> None:
    registry = registry_with((1, 2), (2, 3), (2, 4), (3, 5), (7, 8))

    assert way_of(load(registry, stay(version))) == way


@both
def test_a_long_way_to_a_lower_version_does_not_go_before_a_short_one(load: Load) -> None:
    assert way_of(load(registry_with((1, 5), (1, 2), (2, 3)), stay())) == ["1-5"]


@both
@pytest.mark.parametrize("version", [4, 5, 6, 9])
def test_a_loaded_event_from_whose_version_no_step_leads_is_returned_itself(
    load: Load, version: int
) -> None:
    event = stay(version)

    assert load(registry_with((1, 2), (2, 4), (7, 8)), event) is event


@both
def test_a_loaded_event_of_a_type_without_steps_is_returned_unseen(load: Load) -> None:
    event = stay("no version")

    assert load(registry_with((1, 2), event_type="versioning-test.other"), event) is event


@both
def test_the_type_of_the_instance_decides_which_steps_are_taken(load: Load) -> None:
    event = Event(type=STAY, data="Ada", **IDENTITY)
    registry = registry_with(Step(1, 2, lambda given: stay(2, given.data)))

    later = load(registry, event)

    assert isinstance(later, Stay)
    assert later.guests == [{"name": "Ada"}]


@both
def test_a_failing_step_fails_the_load(load: Load) -> None:
    with pytest.raises(UpcasterException, match="returned None"):
        load(registry_with(Step(1, 2, lambda _: None)), stay())


async def test_an_upcaster_may_wait_in_an_async_load() -> None:
    async def wait(_: Event) -> Event:
        await asyncio.sleep(0)
        return stay(2)

    assert await registry_with(Step(1, 2, wait)).upcast_to_latest(stay()) == stay(2)


async def test_a_sync_load_runs_inside_a_loop_too() -> None:
    assert way_of(registry_with((1, 2)).upcast_now(stay())) == ["1-2"]


def test_a_sync_load_stops_an_upcaster_that_waits_and_says_so() -> None:
    ended: list[str] = []

    async def wait(_: Event) -> Event:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append("closed")
        return stay(2)

    with pytest.raises(UpcasterException) as caught:
        registry_with(Step(1, 2, wait)).upcast_now(stay())

    assert str(caught.value) == (
        f"event '7' of type '{STAY}': an upcaster waits for something, which a synchronous load "
        "cannot; use the async load, or an upcaster without await"
    )
    assert caught.value.event_type == STAY
    assert ended == ["closed"]


@pytest.mark.parametrize("waits", [True, False])
def test_an_upcaster_that_fails_or_waits_while_it_is_stopped_hides_nothing(waits: bool) -> None:
    async def stubborn(_: Event) -> Event:
        try:
            await asyncio.sleep(0)
        finally:
            if waits:
                await asyncio.sleep(0)
            raise ValueError("no")

    with pytest.raises(UpcasterException, match="use the async load") as caught:
        registry_with(Step(1, 2, stubborn)).upcast_now(stay())
    assert ("GeneratorExit" if waits else "ValueError('no')") in str(caught.value.__cause__)


def test_an_upcaster_that_needs_a_loop_fails_without_one() -> None:
    async def timer(event: Event) -> Event:
        await asyncio.sleep(1)
        return event

    with pytest.raises(UpcasterException, match="no running event loop"):
        registry_with(Step(1, 2, timer)).upcast_now(stay())


# making and registering


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (0, 1),
        (-1, 1),
        (1, 1),
        (2, 1),
        (True, 2),
        (1.0, 2),
        (1, 2.0),
        ("1", 2),
        (None, 2),
        (1, None),
    ],
)
def test_an_upcaster_that_leads_nowhere_cannot_be_made(source: Any, target: Any) -> None:
    problem = f"in whole numbers; found {source!r} to {target!r}"

    with pytest.raises(ValueError, match=problem):
        Step(source, target)


async def test_an_upcaster_tells_which_events_it_takes() -> None:
    step = Step(2, 3)

    assert [await step.can_upcast(stay(version)) for version in (1, 2, 3)] == [False, True, False]
    assert await step.can_upcast(New(first_name="Ada", last_name="Lovelace"))


class Duck:
    """Upcasts without being an EventUpcaster, and without async."""

    def __init__(self, source: Any = 1, target: Any = 2) -> None:
        self.source_version = source
        self.target_version = target

    def upcast(self, event: Event) -> Event:
        return stay(2)


async def test_whatever_has_the_three_names_is_an_upcaster() -> None:
    registry = UpcasterRegistry()
    registry.register(STAY, Duck())  # type: ignore[arg-type]

    assert await registry.upcast(stay(), STAY, 2) == stay(2)
    assert registry.upcast_now(stay()) == stay(2)


class Mute:
    source_version = 1
    target_version = 2
    upcast = None


class Aim:
    source_version = 1

    async def upcast(self, event: Event) -> Event:
        return event


class Class(Duck):
    source_version = 1
    target_version = 2


@pytest.mark.parametrize("upcaster", [None, "text", print, Mute(), Aim(), Class, Step])
def test_what_is_no_upcaster_is_not_registered(upcaster: Any) -> None:
    registry = UpcasterRegistry()

    with pytest.raises(UpcasterError, match="an instance of a subclass of EventUpcaster; found"):
        registry.register(STAY, upcaster)
    assert registry.get_chain_info(STAY) == []


@pytest.mark.parametrize("versions", [(2, 1), (0, 1), (1, 1), ("1", 2), (True, 2)])
def test_versions_that_lead_nowhere_are_not_registered(versions: tuple[Any, Any]) -> None:
    registry = UpcasterRegistry()

    with pytest.raises(UpcasterError, match="leads from a version of at least 1 to a later one"):
        registry.register(STAY, Duck(*versions))  # type: ignore[arg-type]
    assert registry.get_chain_info(STAY) == []


@pytest.mark.parametrize("event_type", ["", None, 7])
def test_an_upcaster_belongs_to_an_event_type(event_type: Any) -> None:
    with pytest.raises(ValueError, match=f"belongs to an event type, found {event_type!r}"):
        UpcasterRegistry().register(event_type, Step(1, 2))


def test_a_second_upcaster_between_two_versions_is_refused_and_the_first_stays() -> None:
    first = Step(1, 2)
    registry = registry_with(first, (1, 3), (2, 3))

    with pytest.raises(ValueError, match=rf"'{STAY}' has upcaster Step \(v1->v2\) already"):
        registry.register(STAY, Step(1, 2))
    assert registry.get_upcaster(STAY, 1, 2) is first

    registry.register("versioning-test.other", Step(1, 2))


def test_the_steps_of_a_type_are_told_in_order() -> None:
    registry = registry_with((2, 3), (10, 11), (1, 3), (1, 2))

    assert registry.get_chain_info(STAY) == [(1, 2), (1, 3), (2, 3), (10, 11)]
    assert registry.get_chain_info("versioning-test.other") == []


def test_an_upcaster_is_found_by_its_exact_step() -> None:
    step = Step(1, 3)
    registry = registry_with(step)

    assert registry.get_upcaster(STAY, 1, 3) is step
    assert registry.get_upcaster(STAY, 1, 2) is None
    assert registry.get_upcaster("versioning-test.other", 1, 3) is None


# an event and its version


def test_a_versioned_event_is_a_frozen_record() -> None:
    event = stay()
    versioned = VersionedEvent(event, 1, STAY)

    assert (versioned.event, versioned.version, versioned.event_type) == (event, 1, STAY)
    assert versioned == VersionedEvent(event=event, version=1, event_type=STAY)
    with pytest.raises(FrozenInstanceError):
        versioned.version = 2  # type: ignore[misc]


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_the_version_of_an_event_counts_from_1(version: Any) -> None:
    with pytest.raises(ValueError, match=f"counts from 1, in whole numbers; found {version!r}"):
        VersionedEvent(stay(), version, STAY)


def test_a_versioned_event_has_a_type() -> None:
    with pytest.raises(ValueError, match="event_type must not be empty"):
        VersionedEvent(stay(), 1, "")
