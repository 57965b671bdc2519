"""Given, when and then for deciders."""

import inspect
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

from orchestrix.eventsourcing import Decider
from orchestrix.messaging import Event
from orchestrix.testing.decisions import DecisionScenario
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.events import check_events

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")


class DeciderScenario(DecisionScenario[StateT], Generic[CommandT, StateT]):
    """The state that the given events made, and what a decider decides then."""

    def __init__(self, decider: Decider[CommandT, StateT], events: Sequence[Event]) -> None:
        check_events("given", events)
        for name in ("decide", "evolve", "initial"):
            if inspect.iscoroutinefunction(getattr(decider, name)):
                raise InvalidScenario(
                    f"{name} of the decider is async; a decider does not wait, so await elsewhere "
                    "what it needs, and put that into the command"
                )
        super().__init__(decider.fold(events))
        self._decider = decider

    def when(self, command: CommandT) -> Self:
        """Decide about `command`; what that raises is kept for ``then_raises``."""
        self._decide(lambda: self._decider.decided(command, self._state))
        for each in self._events:
            self._state = self._decider.evolve(self._state, each)
        return self
