"""What may be registered, and what a handler is given."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from sample_events import (
    Balance,
    Deposited,
    LargeDeposited,
    Renamed,
    deposits,
    engine_for,
    log_of,
    page_of,
)

from orchestrix.eventsourcing import (
    Projection,
    ProjectionContext,
    ProjectionEngine,
    RegistrationError,
    UnhandledUnknownEvent,
    on,
)
from orchestrix.messaging import Command, Event, UnknownEvent
from orchestrix.projection_state import InMemoryProjectionStateStore


@pytest.fixture
def engine() -> ProjectionEngine:
    return ProjectionEngine("p", InMemoryProjectionStateStore())


@pytest.mark.parametrize("wrong", [Command, int, "Deposited", Deposited(amount=1), None])
def test_only_classes_of_events_are_handled(engine: ProjectionEngine, wrong: Any) -> None:
    with pytest.raises(RegistrationError, match="give a subclass of Event"):
        engine.on(wrong)(lambda event: None)
    with pytest.raises(RegistrationError, match="give a subclass of Event"):
        on(wrong)


def yields(event: Event) -> Iterator[None]:
    yield


async def yields_async(event: Event) -> AsyncIterator[None]:
    yield


class Yields:
    def __call__(self, event: Event) -> Iterator[None]:
        yield


class YieldsAsync:
    async def __call__(self, event: Event) -> AsyncIterator[None]:
        yield


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda: None, "cannot be a handler"),
        (lambda event, context, more: None, "cannot be a handler"),
        (lambda *, event: None, "cannot be a handler"),
        (5, "cannot be called"),
        (yields, "is a generator"),
        (yields_async, "is a generator"),
        (Yields(), "is a generator"),
        (partial(Yields()), "is a generator"),
        (YieldsAsync(), "is a generator"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_refused(
    engine: ProjectionEngine, function: Any, sentence: str
) -> None:
    with pytest.raises(RegistrationError, match=sentence):
        engine.on(Deposited)(function)
    with pytest.raises(RegistrationError, match=sentence):
        engine.on_batch(function)


def test_a_decorator_without_its_class_is_refused(engine: ProjectionEngine) -> None:
    with pytest.raises(RegistrationError, match="give a subclass of Event"):

        @engine.on  # type: ignore[arg-type]
        def handle(event: Event) -> None: ...


def test_a_refusal_tells_what_the_function_is_called_with(engine: ProjectionEngine) -> None:
    with pytest.raises(RegistrationError, match="a handler: it is called with an event and, if"):
        engine.on(Deposited)(lambda: None)
    with pytest.raises(RegistrationError, match="called with a list of events and, if it asks"):
        engine.on_batch(lambda: None)
    with pytest.raises(RegistrationError, match="a reset hook: it is called with nothing or, if"):
        engine.on_reset(lambda one, two: None)


def test_an_instance_in_place_of_its_class_is_refused(engine: ProjectionEngine) -> None:
    with pytest.raises(RegistrationError, match="makes no projection; register its class, Loud,"):
        engine.register(Loud())  # type: ignore[arg-type]


@dataclass
class Tally:
    """A handler that is equal to every other that counted as much."""

    total: int = 0

    def __call__(self, event: Deposited) -> None:
        self.total += event.amount


async def test_equal_objects_are_two_handlers(engine: ProjectionEngine) -> None:
    one, other, third = Tally(), Tally(), Tally()
    engine.on(Deposited)(one)
    engine.on(LargeDeposited)(other)
    engine.on(Deposited)(third)

    await engine.process_events([LargeDeposited(amount=5)])

    assert [each.total for each in (one, other, third)] == [5, 5, 5]


async def test_equal_handlers_are_told_apart_in_a_retry(engine: ProjectionEngine) -> None:
    one, other, broken = Tally(), Tally(), [True]

    def fail(event: Deposited) -> None:
        if broken:
            raise OSError("no")

    for each in (one, fail, other):
        engine.on(Deposited)(each)
    events = deposits(5)
    with pytest.raises(OSError, match="no"):
        await engine.process_events(events)
    broken.clear()
    await engine.process_events(events)

    assert (one.total, other.total) == (5, 5)


async def test_equal_reset_hooks_and_factories_are_several(engine: ProjectionEngine) -> None:
    @dataclass
    class Emptying:
        times: int = 0

        def __call__(self) -> None:
            self.times += 1

    @dataclass
    class Maker:
        def __call__(self) -> Ledger:
            return Ledger()

    one, other = Emptying(), Emptying()
    for hook in (one, other):
        engine.on_reset(hook)
    for factory in (Maker(), Maker()):
        engine.register(factory)
    await engine.replay(deposits(1))

    assert (one.times, other.times) == (1, 1)


@pytest.mark.parametrize("method", [lambda: MODEL.add, lambda: MODEL.seen.append])
async def test_a_bound_method_is_one_handler_however_often_it_is_asked_for(
    engine: ProjectionEngine, method: Callable[[], Any]
) -> None:
    MODEL.clear()
    engine.on(Deposited)(method())
    engine.on(Event)(method())

    await engine.process_events(deposits(1))

    assert len(MODEL.seen) == 1
    with pytest.raises(RegistrationError, match="handles Deposited already"):
        engine.on(Deposited)(method())


MODEL = Balance()


def test_one_function_handles_a_class_once(engine: ProjectionEngine) -> None:
    model = Balance()
    engine.on(Deposited)(model.add)

    with pytest.raises(RegistrationError, match="handles Deposited already"):
        engine.on(Deposited)(model.add)


async def test_a_refused_registration_leaves_nothing_behind(engine: ProjectionEngine) -> None:
    with pytest.raises(RegistrationError):
        engine.on(Deposited)(lambda: None)

    await engine.process_events(deposits(1))

    state = engine.get_state()
    assert state is not None
    assert state.applied_count == 0


def test_a_batch_handler_stands_alone(engine: ProjectionEngine) -> None:
    engine.on_batch(lambda events: None)
    other = engine_for(Balance())

    with pytest.raises(RegistrationError, match="either one batch handler"):
        engine.on(Deposited)(lambda event: None)
    with pytest.raises(RegistrationError, match="either one batch handler"):
        engine.on_batch(lambda events, context: None)
    with pytest.raises(RegistrationError, match="either one batch handler"):
        other.on_batch(lambda events: None)


async def test_the_context_goes_to_every_kind_of_callable(engine: ProjectionEngine) -> None:
    got: list[tuple[str, ProjectionContext]] = []

    class Caller:
        def __call__(self, event: Event, context: ProjectionContext) -> None:
            got.append(("object", context))

        async def method(self, event: Event, context: ProjectionContext) -> None:
            got.append(("method", context))

    def function(event: Event, context: ProjectionContext) -> None:
        got.append(("function", context))

    def for_partial(name: str, event: Event, context: ProjectionContext) -> None:
        got.append((name, context))

    for each in (Caller(), Caller().method, function, partial(for_partial, "partial")):
        engine.on(Deposited)(each)
    page = page_of([Renamed(), *deposits(1)])

    await engine.process_events(page)

    assert [name for name, _ in got] == ["object", "method", "function", "partial"]
    assert {context for _, context in got} == {
        ProjectionContext("p", 2, page.events[1], replaying=False)
    }


async def test_a_second_parameter_with_a_default_is_the_functions_own_unless_it_is_called_context(
    engine: ProjectionEngine,
) -> None:
    got: list[object] = []

    @engine.on(Deposited)
    def one(event: Deposited, times: int = 3) -> None:
        got.append(times)

    @engine.on(Deposited)
    def two(event: Deposited, context: ProjectionContext | None = None) -> None:
        got.append(context is not None)

    await engine.process_events(deposits(1))

    assert got == [3, True]


async def test_a_context_by_name_is_given_unless_a_partial_filled_it(
    engine: ProjectionEngine,
) -> None:
    got: list[object] = []

    @engine.on(Deposited)
    def optional(event: Deposited, *, context: ProjectionContext | None = None) -> None:
        got.append(context is not None)

    @engine.on(Deposited)
    async def needed(event: Deposited, *, context: ProjectionContext) -> None:
        got.append(context.position)

    @engine.on_reset
    def hook(*, context: ProjectionContext) -> None:
        got.append(context.replaying)

    engine.on(Deposited)(partial(lambda event, *, context: got.append(context), context="filled"))

    await engine.replay(deposits(1))

    assert got == [True, True, 1, "filled"]


async def test_a_bare_event_that_was_half_done_has_its_number_too(engine: ProjectionEngine) -> None:
    a, b, c = deposits(1, 2, 3)
    positions, broken = [], [True]
    engine.on(Deposited)(lambda event: None)

    @engine.on(Deposited)
    def note(event: Deposited, context: ProjectionContext) -> None:
        if broken and event is b:
            raise OSError("no 2")
        positions.append(context.position)

    with pytest.raises(OSError, match="no 2"):
        await engine.process_events([a, b])
    broken.clear()
    await engine.process_events([c, b])

    assert positions == [1, 2, 3]


async def test_a_bare_event_has_its_number_for_a_position(engine: ProjectionEngine) -> None:
    positions: list[int] = []

    @engine.on(Deposited)
    def note(event: Deposited, context: ProjectionContext) -> None:
        positions.append(context.position)

    await engine.process_events([*deposits(1), Renamed(), *deposits(2)])
    await engine.process_events(deposits(3))

    assert positions == [1, 3, 4]


class Ledger(Projection):
    """A base class with handlers, one of them overridden below."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def broken(self) -> str:
        raise AssertionError("no handler is looked for by running a property")

    @on(Deposited)
    async def deposited(self, event: Deposited, context: ProjectionContext) -> None:
        self.lines.append(f"{context.position}:{event.amount}")

    @on(Renamed)
    def renamed(self, event: Renamed) -> None:
        self.lines.append("base")


class Loud(Ledger):
    @on(Renamed)
    def renamed(self, event: Renamed) -> None:
        self.lines.append("loud")

    @on(Event)
    def any_event(self, event: Event) -> None:
        self.lines.append("any")


class Other(Projection):
    @on(Deposited)
    def deposited(self, event: Deposited) -> None: ...


class Unregistered(Other):
    pass


async def test_a_projection_class_handles_with_its_marked_methods(engine: ProjectionEngine) -> None:
    engine.register(Loud)

    await engine.process_events([*deposits(7), Renamed()])

    assert engine.get(Loud).lines == ["1:7", "any", "loud", "any"]
    assert engine.get(Ledger) is engine.get(Loud)


async def test_of_several_projections_the_one_of_the_very_class_is_given(
    engine: ProjectionEngine,
) -> None:
    for each in (Other, Loud, Ledger):
        engine.register(each)

    assert [type(engine.get(each)) for each in (Ledger, Loud, Other)] == [Ledger, Loud, Other]


async def test_among_several_projections_a_subclass_stands_for_its_base(
    engine: ProjectionEngine,
) -> None:
    for each in (Other, Loud):
        engine.register(each)

    assert type(engine.get(Ledger)) is Loud
    with pytest.raises(RegistrationError, match="is not registered"):
        engine.get(Unregistered)


async def test_a_projection_may_come_from_a_factory(engine: ProjectionEngine) -> None:
    def make() -> Ledger:
        made = Ledger()
        made.lines.append("made")
        return made

    engine.register(make)
    await engine.process_events(deposits(7))

    assert engine.get(Ledger).lines == ["made", "1:7"]


def test_a_projection_that_handles_nothing_is_refused(engine: ProjectionEngine) -> None:
    class Empty(Projection):
        pass

    for wrong, sentence in ((Empty, "handles nothing"), (dict, "register a subclass")):
        with pytest.raises(RegistrationError, match=sentence):
            engine.register(wrong)  # type: ignore[arg-type]
    with pytest.raises(RegistrationError, match="is not registered"):
        engine.get(Ledger)


async def test_a_projection_folds_without_an_engine() -> None:
    events = [*deposits(7), Renamed()]
    page = page_of(events)

    async def later() -> AsyncIterator[Event]:
        for event in events:
            yield event

    for feed in (events, page, page.events, iter(events), later()):
        assert (await Loud.fold(feed)).lines == ["1:7", "any", "loud", "any"]
    with pytest.raises(UnhandledUnknownEvent):
        await Loud.fold([UnknownEvent(type="gone")])
    with pytest.raises(ValueError, match="feed it events only"):
        await Loud.fold([5])  # type: ignore[list-item]


def test_only_plain_methods_are_marked(engine: ProjectionEngine) -> None:
    class Static(Projection):
        @staticmethod
        @on(Deposited)
        def add(event: Deposited) -> None: ...

    class ByClass(Projection):
        @classmethod
        @on(Deposited)
        def add(cls, event: Deposited) -> None: ...

    class Property(Projection):
        @property
        @on(Deposited)
        def add(self) -> None: ...

    for wrong in (Static, ByClass, Property):
        with pytest.raises(RegistrationError, match=r"add: @on marks plain methods, not a "):
            engine.register(wrong)
    with pytest.raises(RegistrationError, match="put it next to def"):
        on(Deposited)(property(lambda self: None))  # type: ignore[type-var]


def test_nothing_is_registered_twice(engine: ProjectionEngine) -> None:
    def clear() -> None: ...

    assert engine.register(Ledger) is Ledger
    assert engine.on_reset(clear) is clear

    with pytest.raises(RegistrationError, match="is registered already"):
        engine.register(Ledger)
    with pytest.raises(RegistrationError, match="empties the model already"):
        engine.on_reset(clear)


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_generator_behind_a_wrapper_is_refused_when_it_runs_nothing(is_async: bool) -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(event: Deposited) -> Any:
            return function(event)

        return call

    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    if is_async:

        @engine.on(Deposited)
        @logged
        async def handle(event: Deposited) -> Any:
            yield 1
    else:

        @engine.on(Deposited)
        @logged
        def handle(event: Deposited) -> Any:
            yield 1

    with pytest.raises(RegistrationError, match="handle is a generator: calling it runs nothing"):
        await engine.process_events(deposits(1))
    with pytest.raises(RegistrationError, match="handle is a generator: calling it runs nothing"):
        await engine.replay(log_of(deposits(1)).read_all())


async def test_a_builtin_without_a_module_may_be_a_handler() -> None:
    seen: list[Event] = []
    engine = ProjectionEngine("p", InMemoryProjectionStateStore())
    engine.on(Deposited)(functools.partial(list.append, seen))

    await engine.process_events(events := deposits(1))

    assert seen == events
