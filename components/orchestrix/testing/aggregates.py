"""Given, when and then for aggregates."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self, TypeVar, cast

from orchestrix.eventsourcing import AggregateRoot
from orchestrix.messaging import Event
from orchestrix.testing.decisions import DecisionScenario
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.events import check_events
from orchestrix.testing.texts import shown

AggregateT = TypeVar("AggregateT", bound=AggregateRoot)


class AggregateScenario(DecisionScenario[AggregateT]):
    """An aggregate as the given events made it, and what its methods decide then."""

    def __init__(
        self, cls: type[AggregateT], events: Sequence[Event], aggregate_id: str | None
    ) -> None:
        check_events("given", events)
        super().__init__(_empty(cls))
        if aggregate_id is not None:
            self._state.aggregate_id = aggregate_id
        self._state._replay_events(events)  # pyright: ignore[reportPrivateUsage] - documented so

    def when(self, action: Callable[[AggregateT], object]) -> Self:
        """Call `action` with the aggregate; what it raises is kept for ``then_raises``."""
        if not callable(action):
            raise InvalidScenario(
                "when takes a function of the aggregate, as in when(lambda account: "
                f"account.withdraw(5)); found {shown(action)}"
            )

        def decide() -> tuple[Event, ...]:
            answer = action(self._state)
            if isinstance(answer, Coroutine):
                cast("Coroutine[Any, Any, Any]", answer).close()
                raise InvalidScenario(
                    "when(...) returned a coroutine; an aggregate decides without waiting, so "
                    "await elsewhere what it needs, and call a plain method with that"
                )
            return tuple(self._state.uncommitted_events)

        self._decide(decide)
        return self


def _empty(cls: type[AggregateT]) -> AggregateT:
    try:
        return cls()
    except TypeError as error:
        raise InvalidScenario(
            f"{cls.__qualname__} cannot be made without arguments ({error}); give every field a "
            "default, as a repository needs it, too"
        ) from error
