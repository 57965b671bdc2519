"""Loading aggregates, deciding, and saving what was decided."""

import logging
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from orchestrix.eventsourcing.aggregates.aggregate import AggregateRoot
from orchestrix.eventsourcing.aggregates.decisions import Decisions, caused, check_command
from orchestrix.eventsourcing.aggregates.errors import AggregateNotFound, InvalidAggregate
from orchestrix.eventsourcing.aggregates.saved_events import SavedEvents
from orchestrix.eventsourcing.aggregates.snapshots import restore, snapshot_of
from orchestrix.eventsourcing.aggregates.steps import Steps, done, done_async
from orchestrix.eventsourcing.aggregates.streams import Streams, Upcasters
from orchestrix.eventsourcing.append_rules import check_range
from orchestrix.eventsourcing.errors import EventStoreError
from orchestrix.eventsourcing.snapshot import Snapshot
from orchestrix.eventsourcing.store import AsyncEventStore, EventStore
from orchestrix.messaging import Event, Message

logger = logging.getLogger("orchestrix.aggregates")

AggregateT = TypeVar("AggregateT", bound=AggregateRoot)
AnyAggregateT = TypeVar("AnyAggregateT", bound=AggregateRoot)


@dataclass
class AggregateRepository(Generic[AggregateT]):
    """Aggregates, each the fold of one stream. Two writers never overwrite each other.

    ``load``, ``save`` and ``execute`` are for sync stores, those that end in ``_async`` for
    async ones; the wrong one raises WrongColour and does nothing.

    Attributes:
        event_store: Where the streams are.
        snapshot_every: Events after which a save keeps a snapshot of the aggregate, at least 1,
            for later loads to begin with; None: never. A snapshot of other code (fields,
            ``_when_`` methods, ``snapshot_schema_version``) is not used, and made anew. One that
            the store cannot keep is told to the log.
        upcasters: What brings events that were kept as objects up to date, such as an
            ``UpcasterRegistry``.
    """

    event_store: EventStore | AsyncEventStore
    snapshot_every: int | None = None
    upcasters: Upcasters | None = None
    _streams: Streams = field(init=False, repr=False, compare=False)
    _decisions: Decisions = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the arguments.

        Raises:
            InvalidRange: `snapshot_every` is out of its range.
            InvalidAggregate: `event_store` is none.
        """
        if self.snapshot_every is not None:
            check_range("snapshot_every", self.snapshot_every, 1)
        self._streams = Streams(self.event_store, self.upcasters)
        self._decisions = Decisions(self.event_store)

    def load(self, aggregate_type: type[AnyAggregateT], aggregate_id: str) -> AnyAggregateT:
        """Return the aggregate as all of its events made it.

        Raises:
            AggregateNotFound: Its stream has no events.
            UnreadableAggregate: An event in it is of a type that no class declares.
            InvalidAggregate: `aggregate_type` is no AggregateRoot, or needs arguments.
            WrongColour: The store is async.
            StorageError: As the store says; and what reading an event raises.
        """
        self._streams.check_sync("load")
        return done(self._load(aggregate_type, aggregate_id))

    async def load_async(
        self, aggregate_type: type[AnyAggregateT], aggregate_id: str
    ) -> AnyAggregateT:
        """Do as :meth:`load`, with an async store."""
        self._streams.check_async("load_async")
        return await done_async(self._load(aggregate_type, aggregate_id))

    def save(self, aggregate: AggregateRoot, *, command: Message | None = None) -> SavedEvents:
        """Append the aggregate's new events, all or none, if nobody else appended meanwhile.

        When it raises, the events stay new: after a StoreUnavailable save again, which records
        them once; after a ConcurrencyError load and decide again, or use :meth:`execute`.

        Args:
            aggregate: With an id; without new events nothing is written.
            command: What caused the events: those without a cause get its correlation.

        Raises:
            ConcurrencyError: Somebody else appended since the aggregate was loaded.
            InvalidAggregate: Its state is due for a snapshot and cannot be kept. Nothing written.
            WrongColour: The store is async.
            EventStoreError: As the store's ``append`` says.
        """
        self._streams.check_sync("save")
        return done(self._save(aggregate, command))

    async def save_async(
        self, aggregate: AggregateRoot, *, command: Message | None = None
    ) -> SavedEvents:
        """Do as :meth:`save`, with an async store.

        Cancelled, the events may have been recorded; they stay new, so it is safe to save again.
        """
        self._streams.check_async("save_async")
        return await done_async(self._save(aggregate, command))

    def execute(
        self,
        aggregate_type: type[AnyAggregateT],
        aggregate_id: str,
        decide: Callable[[AnyAggregateT], Any],
        *,
        command: Message | None = None,
        create: bool = False,
        attempts: int = 10,
    ) -> SavedEvents:
        """Load the aggregate, let `decide` call its methods, and save what these recorded.

        When somebody else was faster, it is loaded and decided again, after a short random pause.
        A command has one effect on an aggregate: the ids of its events are made from its own id,
        so a command that is repeated, as after a crash, gives back what was recorded first.
        Whoever decides twice about one aggregate has to do it in one call.

        Args:
            aggregate_type: Its class.
            aggregate_id: Its stream.
            decide: Gets the aggregate, once per attempt; what it returns is not used.
            command: What is decided about; its correlation is carried to the events.
            create: Whether a missing aggregate is a new one, which has the version 0.
            attempts: How often to decide at most, at least 1.

        Raises:
            ConcurrencyError: Somebody else was faster each time.
            Exception: What `decide` raises, unless this command was recorded before; then and
                otherwise as :meth:`load` and :meth:`save`.
        """
        self._streams.check_sync("execute")
        return done(self._execute(aggregate_type, aggregate_id, decide, command, create, attempts))

    async def execute_async(
        self,
        aggregate_type: type[AnyAggregateT],
        aggregate_id: str,
        decide: Callable[[AnyAggregateT], Any],
        *,
        command: Message | None = None,
        create: bool = False,
        attempts: int = 10,
    ) -> SavedEvents:
        """Do as :meth:`execute`, with an async store; `decide` may be async, too."""
        self._streams.check_async("execute_async")
        return await done_async(
            self._execute(aggregate_type, aggregate_id, decide, command, create, attempts)
        )

    def _execute(
        self,
        aggregate_type: type[AnyAggregateT],
        aggregate_id: str,
        decide: Callable[[AnyAggregateT], Any],
        command: Message | None,
        create: bool,
        attempts: int,
    ) -> Steps[SavedEvents]:
        return self._decisions.execute(
            aggregate_id,
            command,
            attempts,
            load=lambda: self._load(aggregate_type, aggregate_id, create=create),
            decide=lambda aggregate: _decided(decide, aggregate),
            save=lambda aggregate: self._save(aggregate, command, is_once=True),
        )

    def _load(
        self, aggregate_type: type[AnyAggregateT], aggregate_id: str, *, create: bool = False
    ) -> Steps[AnyAggregateT]:
        aggregate, last_id = _empty(aggregate_type, aggregate_id), None
        if self.snapshot_every is not None:
            snapshot: Snapshot | None = yield self.event_store.load_snapshot(aggregate_id)
            if snapshot is not None and restore(aggregate, snapshot):
                last_id = snapshot.state.get("event_id")
        if not (yield from self._follow(aggregate, last_id)):  # the snapshot is of another log
            aggregate = _empty(aggregate_type, aggregate_id)
            yield from self._follow(aggregate)
        if not aggregate.version and not create:
            raise AggregateNotFound(aggregate_type.__qualname__, aggregate_id)
        return aggregate

    def _follow(self, aggregate: AggregateRoot, last_id: str | None = None) -> Steps[bool]:
        return self._streams.follow(
            aggregate.aggregate_id,
            aggregate.version,
            last_id,
            aggregate._replay_events,  # pyright: ignore[reportPrivateUsage] - documented so
        )

    def _save(
        self, aggregate: AggregateRoot, command: Message | None, *, is_once: bool = False
    ) -> Steps[SavedEvents]:
        if not isinstance(aggregate, AggregateRoot):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidAggregate(f"save takes an aggregate; found {reprlib.repr(aggregate)}")
        check_command(command)
        new = tuple(aggregate.uncommitted_events)
        expected_version = aggregate.version - len(new) - 1
        snapshot = self._snapshot_due(aggregate)
        saved = yield from self._decisions.append(
            aggregate.aggregate_id,
            [caused(each, command) for each in new],
            expected_version,
            command if is_once else None,
        )
        ids = {each.id for each in new}  # others may have been added meanwhile
        left = [each for each in aggregate.uncommitted_events if each.id not in ids]
        aggregate.uncommitted_events = left
        if snapshot is not None and saved.events and not saved.repeated:
            snapshot.state["event_id"] = saved.events[-1].id
            yield from self._keep(aggregate, snapshot)
        return saved

    def _snapshot_due(self, aggregate: AggregateRoot) -> Snapshot | None:
        """Take the snapshot before anything is awaited, in which the aggregate may change."""
        since = aggregate.version - aggregate.snapshot_version
        is_due = self.snapshot_every is not None and since >= self.snapshot_every
        return snapshot_of(aggregate) if is_due else None

    def _keep(self, aggregate: AggregateRoot, snapshot: Snapshot) -> Steps[None]:
        try:
            yield self.event_store.save_snapshot(snapshot)
        except EventStoreError as error:
            logger.warning(
                "the events of %s %r are saved, but its snapshot is not, which a later save "
                "tries again: %s",
                snapshot.aggregate_type, snapshot.aggregate_id, error,
            )  # fmt: skip
        else:
            aggregate.snapshot_version = snapshot.version + 1


def _empty(aggregate_type: type[AnyAggregateT], aggregate_id: str) -> AnyAggregateT:
    _check_aggregate(aggregate_type)
    try:
        aggregate = aggregate_type()
    except TypeError as error:
        raise InvalidAggregate(
            f"{aggregate_type.__qualname__} cannot be made without arguments ({error}); give "
            "every field a default, since a repository makes an empty one and replays its events"
        ) from error
    aggregate.aggregate_id = aggregate_id
    return aggregate


def _decided(decide: Callable[[AnyAggregateT], Any], aggregate: AnyAggregateT) -> Any:
    """Call `decide`; what it returns may have to be awaited, and is not used otherwise."""
    if not callable(decide):
        raise InvalidAggregate(
            "decide is a function of the aggregate, as in lambda account: account.withdraw(5); "
            f"found {reprlib.repr(decide)}"
        )
    answer = decide(aggregate)
    if isinstance(answer, Event) and answer not in aggregate.uncommitted_events:
        raise InvalidAggregate(
            f"what decides returned a {type(answer).__qualname__}, and nobody has recorded it; "
            "call a method of the aggregate, which gives it to _apply_event"
        )
    return answer


def _check_aggregate(cls: object) -> None:
    if not (isinstance(cls, type) and issubclass(cls, AggregateRoot)):
        raise InvalidAggregate(f"an aggregate is a subclass of AggregateRoot; found {cls!r}")
