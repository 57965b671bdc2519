"""Where each scenario begins: what is given, and to what."""

from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from orchestrix.eventsourcing import AggregateRoot, Decider, Projection, ProjectionEngine
from orchestrix.memory_store import InMemoryProjections
from orchestrix.messaging import Event
from orchestrix.process_manager import ProcessManager
from orchestrix.testing.aggregates import AggregateScenario
from orchestrix.testing.deciders import DeciderScenario
from orchestrix.testing.deliveries import Subject
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.processes import ProcessScenario
from orchestrix.testing.projections import InStream, ProjectionScenario
from orchestrix.testing.texts import shown

AggregateT = TypeVar("AggregateT", bound=AggregateRoot)
ProjectionT = TypeVar("ProjectionT", bound=Projection)
CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


@overload
def given(
    subject: type[AggregateT], *events: Event, aggregate_id: str | None = None
) -> AggregateScenario[AggregateT]: ...


@overload
def given(
    subject: Decider[CommandT, StateT], *events: Event
) -> DeciderScenario[CommandT, StateT]: ...


@overload
def given(
    subject: type[ProjectionT], *events: Event | InStream
) -> ProjectionScenario[ProjectionT]: ...


@overload
def given(subject: ProcessManager[Any], *events: Event) -> ProcessScenario: ...


@overload
def given(
    subject: Callable[[InMemoryProjections], ProjectionEngine], *events: Event | InStream
) -> ProjectionScenario[InMemoryProjections]: ...


def given(subject: object, *events: Any, aggregate_id: str | None = None) -> Any:
    """Begin a scenario: what happened before.

    Args:
        subject: A class of aggregates, a decider, a process manager, a class-style projection, or
            a function that makes an engine over the state store it is given.
        events: Oldest first; none: nothing happened. For a projection also tuples of a stream's
            id and its events; those without are in one stream.
        aggregate_id: Of the aggregate; None: as its class has it.

    Raises:
        InvalidScenario: Something else was given.
        Exception: What the subject raises while it follows the events.
    """
    cls = subject if isinstance(subject, type) else object
    if issubclass(cls, AggregateRoot):
        return AggregateScenario(cls, events, aggregate_id)
    if aggregate_id is not None:
        raise InvalidScenario("only an aggregate has an aggregate_id; leave it out")
    if isinstance(subject, Decider):
        return DeciderScenario(cast("Decider[Any, Any]", subject), events)
    if isinstance(subject, ProcessManager):
        return ProcessScenario(cast("ProcessManager[Any]", subject), events)
    if issubclass(cls, Projection):
        return ProjectionScenario(cls.__qualname__, _class_style(cls), events)
    if callable(subject) and cls is object:
        engine_of = cast("Callable[[InMemoryProjections], ProjectionEngine]", subject)
        return ProjectionScenario(_name(engine_of), Subject(engine_of, _states), events)
    raise InvalidScenario(
        "given takes a class of aggregates, a decider, a process manager, a class of projections, "
        f"or a function that makes an engine over a state store; found {shown(subject)}"
    )


def _class_style(cls: type[ProjectionT]) -> Subject[ProjectionT]:
    def engine_of(states: InMemoryProjections) -> ProjectionEngine:
        engine = ProjectionEngine(cls.__qualname__, states)
        engine.register(cls)
        return engine

    return Subject(engine_of, lambda engine, _: engine.get(cls))


def _states(_: ProjectionEngine, states: InMemoryProjections) -> InMemoryProjections:
    return states


def _name(subject: object) -> str:
    return getattr(subject, "__qualname__", type(subject).__qualname__)
