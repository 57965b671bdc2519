"""One batch of a projection in memory: rows, parked events and state, committed together."""

from typing import NoReturn

from orchestrix.eventsourcing import NoTransaction
from orchestrix.memory_store.contents import Contents
from orchestrix.memory_store.parked_changes import ParkedChanges
from orchestrix.memory_store.table_storage import MemoryStorage
from orchestrix.projection_state import ManagedTransaction, ProjectionState, StateConflict
from orchestrix.read_models import TableTransaction


class MemoryTransaction(TableTransaction, ManagedTransaction):
    """What is saved and written here is seen by others when it commits."""

    def __init__(self, projection_id: str, contents: Contents) -> None:
        self._contents = contents
        self._tables = MemoryStorage(contents)
        self._parked = ParkedChanges(projection_id, contents)
        self._states: dict[str, ProjectionState] = {}
        self._expected: dict[str, int | None] = {}

    @property
    def connection(self) -> NoReturn:
        raise NoTransaction(
            "InMemoryProjections keeps tables and nothing else, so there is no connection to "
            "write with; declare a Table in the engine's tables=[...], or use "
            "open_sqlite_projections(file)"
        )

    @property
    def tables(self) -> MemoryStorage:
        return self._tables

    @property
    def parked(self) -> ParkedChanges:
        return self._parked

    async def save_state(self, state: ProjectionState, *, replacing: int | None) -> None:
        name = state.projection_id
        if name in self._states:
            self._compare(name, replacing, self._states[name].revision)
        else:
            self._check_revision(name, replacing)
            self._expected[name] = replacing
        self._states[name] = state

    def put(self, state: ProjectionState) -> None:
        """Keep `state`, whatever is stored."""
        self._states[state.projection_id] = state

    def commit(self) -> None:
        """Let everybody see all of it, or nobody anything when somebody else was faster."""
        with self._contents.gate:
            for name, replacing in self._expected.items():
                self._check_revision(name, replacing)
            self._tables.check()
            parked = self._parked.committed()
            self._tables.commit()
            self._contents.parked |= parked
            self._contents.states |= self._states

    def _check_revision(self, projection_id: str, replacing: int | None) -> None:
        stored = self._contents.states.get(projection_id)
        self._compare(projection_id, replacing, None if stored is None else stored.revision)

    def _compare(self, projection_id: str, replacing: int | None, found: int | None) -> None:
        if found != replacing:
            raise StateConflict(projection_id, replacing, found)
