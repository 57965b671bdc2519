"""Where sagas are kept: the port, and a store in this process's memory."""

import copy
from abc import abstractmethod
from typing import Any, Protocol

from orchestrix.process_manager.saga_errors import UnstorableValue
from orchestrix.process_manager.saga_state import SagaState


class SagaStateStore(Protocol):
    """Keeps the state of each saga, by its id.

    Every implementation passes ``orchestrix.testing.conformance.SagaStateStoreConformance``.
    """

    @abstractmethod
    async def load_state(self, saga_id: str) -> SagaState | None:
        """Return the state saved last, None if there is none.

        It is the caller's own: nothing that is saved or changed later shows in it.
        """
        ...

    @abstractmethod
    async def save_state(self, state: SagaState) -> None:
        """Keep `state` under its saga id, all of its fields, in place of an older one.

        Once this returns, the state survives whatever the store promises to survive. When it
        raises, or is cancelled, either the old or the new state is kept, never a mixture.

        What that leaves behind: the saga stops and raises the store's error. It has not undone
        anything, and the kept state may know of one call less than were made. When the store is
        well again, executing the saga goes on from the kept state, and repeats that call.

        Raises:
            UnstorableValue: An argument or a result cannot be kept.
        """
        ...


class InMemorySagaStateStore(SagaStateStore):
    """States that live as long as the process. Any number of sagas of one event loop may share it.

    It keeps deep copies, as a store that writes bytes would: an action that changes a list which
    it was given changes nothing that is kept.
    """

    def __init__(self) -> None:
        self._kept: dict[str, SagaState] = {}

    async def load_state(self, saga_id: str) -> SagaState | None:
        return copy.deepcopy(self._kept.get(saga_id))

    async def save_state(self, state: SagaState) -> None:
        self._kept[state.saga_id] = _copied(state)


def _copied(state: SagaState) -> SagaState:
    try:
        return copy.deepcopy(state)
    except Exception as error:
        raise UnstorableValue(state.saga_id, _culprit(state)) from error


def _culprit(state: SagaState) -> str:
    values: dict[str, Any] = {f"argument {name!r}": each for name, each in state.arguments.items()}
    values |= {
        f"the result of step {each.step_name!r}": each.result
        for each in state.step_statuses.values()
    }
    for name, value in values.items():
        try:
            copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - a value may forbid it in ways of its own
            return name
    return "its state"
