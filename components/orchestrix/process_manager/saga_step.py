"""Steps: what a saga does, and how each of it is undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrix.process_manager.saga_call import RESERVED, Call, action_call, compensation_call
from orchestrix.process_manager.saga_errors import InvalidArguments, InvalidSaga


@dataclass(frozen=True)
class SagaStep:
    """Something to do, and how to undo it. Each is a function, sync or async.

    Both are given, by name, those arguments of the saga that they have a parameter for, or all
    of them with ``**kwargs``. Whatever they return is awaited if it can be. Beside that

    * a parameter ``results`` is given what the steps before returned, a read-only mapping from
      their names;
    * a compensation's parameter ``result`` is given what its own action returned.

    Both may be called again after a crash, so calling them twice must do what calling once does.
    An action that raises, or is cancelled, is not compensated: it leaves nothing behind.

    Attributes:
        name: Unique in its saga, not empty.
        action: What the step does.
        compensation: What undoes it; None: there is nothing to undo.

    Raises:
        InvalidSaga: No name, no action, or one that cannot be called so.
    """

    name: str
    action: Callable[..., Any]
    compensation: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        """Refuse now what could not be called later."""
        if not self.name:
            raise InvalidSaga("Step name cannot be empty: a step's result is found by its name")
        if self.action is None:  # pyright: ignore[reportUnnecessaryComparison] - callers may be untyped
            raise InvalidSaga(f"Step action cannot be None: give step {self.name!r} a function")
        planned(self)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step, and what it is to be called with."""

    name: str
    action: Call
    compensation: Call | None

    def calls(self) -> list[Call]:
        """Return the action, and the compensation if there is one."""
        return [self.action] if self.compensation is None else [self.action, self.compensation]


def planned(step: SagaStep) -> PlannedStep:
    """Decide what the action and the compensation of a step are called with.

    Raises:
        InvalidSaga: They cannot be called so.
    """
    undo = step.compensation
    return PlannedStep(
        step.name,
        action_call(step.name, step.action),
        None if undo is None else compensation_call(step.name, undo),
    )


def check_steps(saga_type: str, steps: Sequence[SagaStep]) -> None:
    """Raise InvalidSaga unless there are steps, each with a name of its own."""
    if not steps:
        raise InvalidSaga(f"saga {saga_type!r} has no steps; give it one at least")
    names = [step.name for step in steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidSaga(
            f"saga {saga_type!r} has several steps named {', '.join(map(repr, twice))}; "
            "name each differently, since results are found by these names"
        )


def check_arguments(
    saga_id: str, steps: Sequence[PlannedStep], arguments: Mapping[str, Any]
) -> None:
    """Raise InvalidArguments unless every step can be called, and every argument is for one."""
    if reserved := sorted(RESERVED & arguments.keys()):
        problem = "the saga gives these to its steps itself; rename them"
        raise InvalidArguments(saga_id, reserved, problem)
    calls = [call for step in steps for call in step.calls()]
    if strange := [name for name in arguments if not any(call.takes(name) for call in calls)]:
        problem = "no step has a parameter for them; remove or correct them"
        raise InvalidArguments(saga_id, strange, problem)
    for step in steps:
        if missing := sorted(
            {name for call in step.calls() for name in call.required - arguments.keys()}
        ):
            problem = f"step {step.name!r} needs them; give them to execute"
            raise InvalidArguments(saga_id, missing, problem)
