"""The read models that an engine was given, through its batches."""

from collections.abc import Sequence
from typing import Any, cast

from orchestrix.eventsourcing.projections.keys import Keys
from orchestrix.eventsourcing.projections.read_model import OpenReadModel, ReadModel
from orchestrix.messaging import Event
from orchestrix.projection_state import ProjectionStateStore


class OpenModels:
    """Declared read models, opened for one engine; a batch goes through all of them alike.

    Raises:
        ValueError: Two have one name, or the state store cannot keep one of them.
    """

    def __init__(
        self,
        projection_id: str,
        tables: Sequence[ReadModel],
        store: ProjectionStateStore,
        keys: Keys,
    ) -> None:
        _check(projection_id, tables)
        self._keys = keys
        self._models: list[OpenReadModel] = [each.opened(projection_id, store) for each in tables]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._models)

    async def begin(self, transaction: Any, revision: int | None, *, one_by_one: bool) -> None:
        """Begin a batch; see :class:`OpenReadModel`, also for the other methods.

        Args:
            transaction: The store's transaction.
            revision: Of the state that is stored.
            one_by_one: Whether each event is marked before it is handled.
        """
        for each in self._models:
            await each.begin(transaction, revision)
            if one_by_one and self._keys.is_declared:
                each.segment_key = None  # nobody's event yet, and yet it is checked whose rows

    async def empty(self) -> None:
        """Empty all of them."""
        for each in self._models:
            await each.empty()

    async def prefetch(self, events: Sequence[Event]) -> None:
        """Load what the handlers of the next slice will ask for."""
        for each in self._models:
            await each.prefetch(events)

    def mark(self, event: Event) -> None:
        """Take note of whose event is handled next."""
        key = self._keys.of_event(event)
        for each in self._models:
            each.segment_key = key

    async def settle(self) -> None:
        """End a slice."""
        for each in self._models:
            await each.settle()

    async def flush(self) -> None:
        """Write what was changed."""
        for each in self._models:
            await each.flush()

    def end(self, revision: int | None) -> None:
        """End the batch."""
        for each in self._models:
            each.end(revision)


def _check(projection_id: str, tables: object) -> None:
    if not isinstance(tables, (list, tuple)):
        raise ValueError(f"tables is a list of read models, as in [Table(...)]; found {tables!r}")
    names: set[str] = set()
    for each in cast("Sequence[ReadModel]", tables):
        if isinstance(each, type) or not hasattr(each, "opened"):
            raise ValueError(f"tables holds read models, as Table(...) is one; found {each!r}")
        if each.name.lower() in names:
            raise ValueError(
                f"projection {projection_id!r} has two tables {each.name!r}; give one another "
                "name=..."
            )
        names.add(each.name.lower())
