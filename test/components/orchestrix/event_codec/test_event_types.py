"""Which class a stored event belongs to."""

import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from orchestrix.event_codec import AmbiguousEventType, EventCodec
from orchestrix.messaging import Event, UnknownEvent

STORED = b'{"id":"7","timestamp":"2020-01-01T00:00:00Z"}'

CELL = """
from dataclasses import dataclass
from orchestrix.messaging import Event

@dataclass(frozen=True, kw_only=True)
class Base(Event, type="codec-test.cell-base"):
    pass

@dataclass(frozen=True, kw_only=True, slots={slots})
class Sold({base}, type="codec-test.cell", schema_version={version}):
    {field}: int = {default}
"""


@pytest.fixture
def notebook() -> Iterator[ModuleType]:
    module = ModuleType("codec_test_notebook")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]
    module.__dict__.clear()
    gc.collect()


def run_cell(
    notebook: ModuleType,
    field: str = "size",
    *,
    base: str = "Event",
    version: int = 1,
    slots: bool = False,
) -> Any:
    source = CELL.format(field=field, base=base, version=version, slots=slots, default=1)
    exec(compile(source, "cell", "exec"), notebook.__dict__)  # noqa: S102 - ours
    return notebook.__dict__["Sold"]


def declared(event_type: str, name: str = "Made", base: type[Event] = Event) -> type[Event]:
    cls = type(name, (base,), {"__module__": __name__, "__qualname__": name}, type=event_type)
    return dataclass(frozen=True, kw_only=True)(cls)


# found by the type


def test_a_class_is_found_by_its_event_type_however_deep_it_is() -> None:
    middle = declared("codec-test.middle", "Middle")
    deep = declared("codec-test.deep", "Deep", middle)

    assert type(EventCodec().decode("codec-test.deep", 1, STORED)) is deep
    assert type(EventCodec().decode("codec-test.middle", 1, STORED)) is middle


def test_a_class_that_is_declared_after_its_type_was_met_is_found() -> None:
    codec = EventCodec()
    assert type(codec.decode("codec-test.late", 1, STORED)) is UnknownEvent

    late = declared("codec-test.late")

    assert type(codec.decode("codec-test.late", 1, STORED)) is late


def test_a_class_has_no_name_but_its_event_type() -> None:
    declared("codec-test.typed", "OnlyCodecTestName")

    assert type(EventCodec().decode("OnlyCodecTestName", 1, STORED)) is UnknownEvent


def test_a_class_without_a_type_of_its_own_has_its_name() -> None:
    @dataclass(frozen=True, kw_only=True)
    class NamedOnlyInCodecTest(Event):
        pass

    assert type(EventCodec().decode("NamedOnlyInCodecTest", 1, STORED)) is NamedOnlyInCodecTest


def test_a_class_of_two_bases_counts_once() -> None:
    left, right = declared("codec-test.left", "Left"), declared("codec-test.right", "Right")
    both = dataclass(frozen=True, kw_only=True)(
        type("Both", (left, right), {"__module__": __name__}, type="codec-test.both")
    )

    assert type(EventCodec().decode("codec-test.both", 1, STORED)) is both


def test_an_unknown_event_is_no_class_of_the_type_it_is_named() -> None:
    event = EventCodec().decode("UnknownEvent", 2, STORED)

    assert type(event) is UnknownEvent
    assert event.type == "UnknownEvent"
    assert event.data == {"id": "7", "timestamp": "2020-01-01T00:00:00Z"}


# two classes of one type


@pytest.fixture
def rivals() -> tuple[type[Event], type[Event]]:
    first = declared("codec-test.rivals", "Rival")
    return first, declared("codec-test.rivals", "OtherRival", declared("codec-test.rival-base"))


NAMES = rf"'codec-test.rivals' belongs to {__name__}.(Other)?Rival and to {__name__}.(Other)?Rival;"


def test_an_event_whose_type_two_classes_have_is_not_written(rivals: Any) -> None:
    codec = EventCodec()

    for cls in [*rivals, *rivals]:
        with pytest.raises(AmbiguousEventType, match=NAMES):
            codec.encode(cls())


def test_an_event_whose_type_two_classes_have_is_not_read(rivals: Any) -> None:
    codec = EventCodec()

    for _ in range(2):
        with pytest.raises(AmbiguousEventType, match=NAMES) as caught:
            codec.decode("codec-test.rivals", 1, STORED)
        assert {caught.value.first, caught.value.second} == {
            f"{__name__}.Rival",
            f"{__name__}.OtherRival",
        }


def test_a_second_class_of_a_type_is_refused_though_the_first_was_met_before() -> None:
    first = declared("codec-test.met", "Met")
    codec = EventCodec()
    codec.encode(first())
    second = declared("codec-test.met", "MetAgain")

    with pytest.raises(AmbiguousEventType):
        codec.encode(second())


def test_a_subclass_that_says_the_type_of_its_base_is_ambiguous() -> None:
    base = declared("codec-test.same", "SameBase")
    sub = declared("codec-test.same", "SameSub", base)

    with pytest.raises(AmbiguousEventType):
        EventCodec().encode(sub())


def test_a_type_is_read_again_when_only_one_class_of_it_is_left() -> None:
    codec = EventCodec()
    stays, goes = declared("codec-test.goes", "Stays"), declared("codec-test.goes", "Goes")
    with pytest.raises(AmbiguousEventType):
        codec.decode("codec-test.goes", 1, STORED)

    del goes
    gc.collect()

    assert type(codec.decode("codec-test.goes", 1, STORED)) is stays


def test_three_classes_of_one_type_are_ambiguous_too() -> None:
    made = [declared("codec-test.three", f"Three{number}") for number in range(3)]

    with pytest.raises(AmbiguousEventType):
        EventCodec().encode(made[1]())


# the same class again


def test_a_class_that_is_defined_again_counts_once_as_it_was_last(notebook: ModuleType) -> None:
    old = run_cell(notebook)
    new = run_cell(notebook, "weight")

    assert old is not new
    assert type(EventCodec().decode("codec-test.cell", 1, STORED)) is new
    assert EventCodec().encode(new()).schema_version == 1


def test_the_newest_wins_though_it_has_another_base(notebook: ModuleType) -> None:
    old = run_cell(notebook)
    notebook.__dict__["Older"] = notebook.__dict__["Base"]
    new = run_cell(notebook, base="Older")

    assert type(EventCodec().decode("codec-test.cell", 1, STORED)) is new is not old


def test_the_newest_wins_though_it_lost_its_base(notebook: ModuleType) -> None:
    old = run_cell(notebook, base="Base")
    new = run_cell(notebook)

    assert type(EventCodec().decode("codec-test.cell", 1, STORED)) is new is not old


def test_a_class_with_slots_counts_once(notebook: ModuleType) -> None:
    run_cell(notebook, slots=True)
    new = run_cell(notebook, "weight", slots=True)

    event = EventCodec().decode("codec-test.cell", 1, STORED)

    assert type(event) is new


def test_a_class_of_a_function_counts_once_and_the_newest_wins() -> None:
    def make() -> type[Event]:
        @dataclass(frozen=True, kw_only=True)
        class Local(Event, type="codec-test.local"):
            pass

        return Local

    old, new = make(), make()

    assert type(EventCodec().decode("codec-test.local", 1, STORED)) is new is not old


def test_a_new_definition_is_read_as_soon_as_it_was_written_once(notebook: ModuleType) -> None:
    codec = EventCodec()
    run_cell(notebook)
    codec.decode("codec-test.cell", 1, STORED)

    new = run_cell(notebook, "weight")
    codec.encode(new())

    assert type(codec.decode("codec-test.cell", 1, STORED)) is new


def test_older_versions_lead_to_the_new_definition_too(notebook: ModuleType) -> None:
    codec = EventCodec()
    codec.upcaster("codec-test.cell", 1)(lambda data: data)
    run_cell(notebook, version=2)
    codec.decode("codec-test.cell", 1, STORED)

    new = run_cell(notebook, "weight", version=2)
    codec.encode(new())

    assert type(codec.decode("codec-test.cell", 1, STORED)) is new


def test_an_event_of_the_old_definition_can_still_be_written(notebook: ModuleType) -> None:
    codec = EventCodec()
    old = run_cell(notebook)
    event = old()
    run_cell(notebook, "size", base="Base")

    stored = codec.encode(event)

    assert codec.decode("codec-test.cell", stored.schema_version, stored.data).id == event.id


def test_classes_of_one_name_in_two_functions_are_two() -> None:
    def first() -> type[Event]:
        class Twin(Event, type="codec-test.functions"):
            pass

        return Twin

    def second() -> type[Event]:
        class Twin(Event, type="codec-test.functions"):
            pass

        return Twin

    twins = [first(), second()]

    with pytest.raises(AmbiguousEventType, match=r"first\.<locals>\.Twin .*second\.<locals>"):
        EventCodec().encode(twins[0]())


def test_classes_of_one_name_in_two_modules_are_two() -> None:
    here = declared("codec-test.modules", "Twin")
    there = declared("codec-test.modules", "Twin")
    there.__module__ = "elsewhere"

    with pytest.raises(AmbiguousEventType, match=r"elsewhere\.Twin"):
        EventCodec().encode(here())
