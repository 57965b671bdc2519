"""Functions from one stored form of an event to a later one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrix.event_codec.errors import UnreadableEvent, UpcasterError

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the stored data as plain JSON values, its own to change, and returns the later form."""


@dataclass(frozen=True, slots=True)
class Step:
    """One upcaster of one event type, and the versions between which it leads."""

    event_type: str
    from_version: int
    to_version: int
    upcaster: Upcaster

    @property
    def name(self) -> str:
        """How a text names it."""
        called = getattr(self.upcaster, "__qualname__", repr(self.upcaster))
        return f"upcaster {called} ({self.from_version} to {self.to_version})"

    def apply(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the later form.

        Raises:
            UnreadableEvent: The upcaster raised, or returned something that is not data.
        """
        try:
            later = self.upcaster(data)
        except Exception as error:
            raise self._failed(f"raised {error!r}") from error
        if not isinstance(later, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise self._failed(f"returned {later!r}; it has to return the new data, a dict")
        return later

    def _failed(self, problem: str) -> UnreadableEvent:
        return UnreadableEvent(self.event_type, self.from_version, f"{self.name} {problem}")


Steps = Mapping[tuple[str, int], Step]
"""Every step by its event type and the version it begins with: one way out of each version."""


def checked(step: Step, steps: Steps) -> Step:
    """Return `step` if it can be one of `steps`.

    Raises:
        UpcasterError: It leads nowhere, or another one begins at its version.
    """
    if not isinstance(step.event_type, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise UpcasterError(
            "an upcaster belongs to an event type, a text as it is stored; "
            f"found {step.event_type!r}"
        )
    versions = (step.from_version, step.to_version)
    whole = all(type(each) is int for each in versions)
    if not whole or not 0 <= step.from_version < step.to_version:
        raise UpcasterError(
            f"an upcaster of {step.event_type!r} leads from a version of at least 0 to a later "
            f"one, in whole numbers; found {step.from_version!r} to {step.to_version!r}"
        )
    if not callable(step.upcaster):
        raise UpcasterError(
            f"an upcaster of {step.event_type!r} is a function from data to data, "
            f"found {step.upcaster!r}"
        )
    if (other := steps.get((step.event_type, step.from_version))) is not None:
        raise UpcasterError(
            f"{step.event_type!r} has {other.name} already; "
            "one upcaster leads away from each version: chain them, or remove one"
        )
    return step


def way(steps: Steps, event_type: str, version: int, to_version: int) -> list[Step]:
    """Return the steps that lead from `version` to `to_version`, in order.

    Raises:
        UnreadableEvent: They do not lead there.
    """
    found: list[Step] = []
    reached = version
    while reached < to_version and (step := steps.get((event_type, reached))) is not None:
        found.append(step)
        reached = step.to_version
    if reached == to_version:
        return found
    if reached < to_version:
        remedy = (
            f"its class has version {to_version}; "
            f'register an upcaster: @codec.upcaster("{event_type}", {reached})'
        )
    elif found:
        remedy = f"{found[-1].name} leads past version {to_version} of its class"
    else:
        remedy = (
            f"its class here has version {to_version}, so a newer program wrote it; "
            "run that one, or a later one"
        )
    raise UnreadableEvent(event_type, version, remedy)
