"""A process manager: which events start and answer its processes, and what its steps are."""

import reprlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from orchestrix.eventsourcing import (
    InvalidAppend,
    ProjectionContext,
    ProjectionEngine,
    check_stream_id,
)
from orchestrix.messaging import Event
from orchestrix.process_manager.process import Process, Timer
from orchestrix.process_manager.process_errors import InvalidProcess
from orchestrix.process_manager.process_events import ProcessEvent
from orchestrix.process_manager.process_rules import Moment, ProcessRules
from orchestrix.process_manager.process_step import ProcessStep
from orchestrix.projection_state import ProjectionStateStore
from orchestrix.read_models import Table

StartT = TypeVar("StartT", bound=Event)


class ProcessManager(Generic[StartT]):
    """Brings processes of one kind to their end: step by step, or undone.

    Declared once, at the top of a module. An event of the class `starts_on` starts a process; its
    steps follow in their order. When one fails, those that were done are undone in reverse order.
    What the process is at is a row that commits with the checkpoint, so it goes on after a crash
    at any moment; a ProcessRunner brings it on its way.

    Args:
        name: Names its rows, its checkpoint and its streams: 1 to 32 ASCII letters, digits and
            underscores, not beginning with a digit.
        starts_on: The class of events that start processes.
        key: Which process an event belongs to, from a starting event or one that steps wait for:
            a text; None: none. A second starting event of a process starts nothing.
        steps: At least one, each with a name of its own. Names stay when the code changes: of
            processes that are under way it is known by name what was done.

    Attributes:
        table: The processes, to be read with ``states.table(manager.table)``.

    Raises:
        InvalidProcess: Such a process manager cannot work.
    """

    def __init__(
        self,
        name: str,
        *,
        starts_on: type[StartT],
        key: Callable[[Any], str | None],
        steps: Sequence[ProcessStep[StartT]],
    ) -> None:
        _check(name, starts_on, key, steps)
        self.name = name
        self.rules = ProcessRules(steps)
        self.table = Table(Process, key="process_id", name=f"{name}_processes", indexes=["due"])
        self.timers = Table(Timer, key=("at", "process_id"), name=f"{name}_timers")
        self._starts_on = starts_on
        self._key = key

    @property
    def projection_id(self) -> str:
        """The name of its checkpoint."""
        return f"process:{self.name}"

    def stream_of(self, process_id: str) -> str:
        """Return the stream in which the manager writes down what became of a process."""
        return f"process:{self.name}-{process_id}"

    def engine(self, state_store: ProjectionStateStore) -> ProjectionEngine:
        """Return the projection that keeps the processes; a ProcessRunner makes its own."""
        engine = ProjectionEngine(self.projection_id, state_store, tables=[self.table, self.timers])
        answers = [each for step in self.rules.steps for each in _answers(step)]
        for event_type in dict.fromkeys([self._starts_on, *answers, ProcessEvent]):
            engine.on(event_type)(self._follow)
        return engine

    async def _follow(self, event: Event, context: ProjectionContext) -> None:
        process_id = self._process_of(event)
        if process_id is None or context.recorded is None:
            return
        moment = Moment(context.position, context.recorded.recorded_at)
        before = await self.table.get(process_id)
        after = self._after(before, process_id, event, moment)
        if after is None or after == before:
            return
        self.table.put(after)
        self._set_timer(before, after)

    def _process_of(self, event: Event) -> str | None:
        if isinstance(event, ProcessEvent):
            return event.process_id if event.manager == self.name else None
        process_id = self._key(event)
        if process_id is None:
            return None
        problem = f"found {reprlib.repr(process_id)}"
        if isinstance(process_id, str) and process_id:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            try:
                check_stream_id(self.stream_of(process_id))
            except InvalidAppend as error:
                problem = f"what became of it cannot be written down: {error}"
            else:
                return process_id
        raise InvalidProcess(
            f"process manager {self.name!r}: the key of a {type(event).__name__} is a text that "
            f"names its process, or None; {problem}"
        )

    def _after(
        self, process: Process | None, process_id: str, event: Event, moment: Moment
    ) -> Process | None:
        if isinstance(event, ProcessEvent):
            return process and self.rules.followed(process, event, moment)
        if process is not None:
            return self.rules.answered(process, event, moment)
        return (
            self.rules.started(process_id, moment) if isinstance(event, self._starts_on) else None
        )

    def _set_timer(self, before: Process | None, after: Process) -> None:
        known = None if before is None else before.deadline
        if known == after.deadline:
            return
        if known is not None:
            self.timers.delete(known, after.process_id)
        if after.deadline is not None:
            self.timers.put(Timer(after.deadline, after.process_id))

    def __repr__(self) -> str:
        return f"ProcessManager({self.name!r})"


def _answers(step: ProcessStep[Any]) -> tuple[type[Event], ...]:
    return (*step.completed_by, *step.failed_by)


def _check(name: object, starts_on: object, key: object, steps: Any) -> None:
    is_name = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= 32
    if not is_name:
        raise InvalidProcess(
            "a process manager's name has 1 to 32 ASCII letters, digits and underscores, and "
            f"begins with no digit; found {name!r}"
        )
    if not (isinstance(starts_on, type) and issubclass(starts_on, Event)):
        raise InvalidProcess(f"{name}: starts_on is a class of events; found {starts_on!r}")
    if not callable(key):
        raise InvalidProcess(f"{name}: key is a function from an event to a text; found {key!r}")
    if isinstance(steps, ProcessStep) or not list(steps):
        raise InvalidProcess(f"{name}: steps are a list of at least one; found {steps!r}")
    for step in steps:
        if not isinstance(step, ProcessStep):
            raise InvalidProcess(f"{name}: a step is a ProcessStep; found {step!r}")
        if starts_on in step.completed_by:
            raise InvalidProcess(
                f"{name}: step {step.name!r} waits for the event that starts the process, which "
                "has come before; let another event complete it"
            )
    names = [each.name for each in steps]
    for each in names:
        if names.count(each) > 1:
            raise InvalidProcess(f"{name}: two steps are called {each!r}; give each its own name")
