"""The projection engine: events in, a read model that knows how far it is."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from orchestrix.eventsourcing.projections.call import in_turn
from orchestrix.eventsourcing.projections.cancellation import check_cancelled, requests_to_end
from orchestrix.eventsourcing.projections.dispatch import Dispatch, ignored
from orchestrix.eventsourcing.projections.feed import Events, check_events
from orchestrix.eventsourcing.projections.handlers import check_event_type
from orchestrix.eventsourcing.projections.keys import KeyFunction, Keys
from orchestrix.eventsourcing.projections.managed_work import ManagedWork
from orchestrix.eventsourcing.projections.open_models import OpenModels
from orchestrix.eventsourcing.projections.parking import Parking
from orchestrix.eventsourcing.projections.projection import Projection
from orchestrix.eventsourcing.projections.read_model import ReadModel
from orchestrix.eventsourcing.projections.registry import Registry
from orchestrix.eventsourcing.projections.settings import Settings
from orchestrix.eventsourcing.projections.state_keeper import (
    Promise,
    StateKeeper,
    check_state_store,
)
from orchestrix.eventsourcing.projections.transactional_work import TransactionalWork
from orchestrix.eventsourcing.projections.turn import turn_of
from orchestrix.eventsourcing.projections.work import Work
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import ManagedStateStore, ProjectionState, ProjectionStateStore

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
FactoryT = TypeVar("FactoryT", bound=Callable[[], Projection])
ProjectionT = TypeVar("ProjectionT", bound=Projection)

logger = logging.getLogger("orchestrix.projections")


class ProjectionEngine:
    """Feeds events to handlers, in order, and remembers how far it is.

    What it promises depends on where its state is kept; :attr:`promise` says it. With a
    transactional store: exactly once, for what handlers write through ``context.transaction``.
    With an ``InMemoryProjectionStateStore``: exactly once for the life of the process, and no
    handler that returned for an event is called for it again. With a plain ``load_state`` /
    ``save_state`` pair: the same until the process crashes, and at least once across a crash.

    Calls queue and happen one after the other, also those of other engines on the same
    in-memory state. A call from inside a handler, from a second loop or from a second thread
    raises EngineInUse. A feed that never ends keeps the others waiting.

    Args:
        projection_id: Names the projection and its state. Not empty.
        state_store: Where the state is kept.
        version: Version of the projection's code, at least 1. A state that another version
            built is refused until it is replayed.
        ignore: Types of stored events that may pass although no class declares them.
        window: Bare events only: remember at least this many of the last ids, in place of all.
            Bounds the memory and weakens the promise: an older event that comes again is
            applied again.
        start: Where the projection begins, in its first run and in each replay: at the
            beginning of the log, after a position (exclusive), or at the first event recorded
            at a time (inclusive, with offset). The last two are for recorded events only.
        batch_size: Events between two saved states, and the most a batch handler gets of
            anything but a page, at least 1. A page is a batch of its own.
        tables: The read models that handlers write, for example Tables: written at the end of
            each batch, in its transaction, and emptied before a replay. They need a state store
            that keeps tables.
        key: What events have in common that must not overtake each other, from the event, as
            handlers get it: a text. None: their stream. With tables, a row belongs to the key
            of its first writer, and another key's handlers may not change it; but what a batch
            handler writes is not checked, and without a key function nothing is.
        transactional: False: handlers are called outside of the state store's transactions, as
            those need it that reach out, append to the log or take long: at least once, as with a
            plain store.

    Attributes:
        parking: What can be done with events that fail, besides trying them again; None when
            the state store is not managed, or not used for transactions.

    Raises:
        ValueError: An argument is out of its range, two tables have one name, or the state
            store cannot keep them.
    """

    def __init__(
        self,
        projection_id: str,
        state_store: ProjectionStateStore,
        *,
        version: int = 1,
        ignore: Collection[str] = (),
        window: int | None = None,
        start: Literal["beginning"] | int | datetime = "beginning",
        batch_size: int = 1000,
        tables: Sequence[ReadModel] = (),
        key: KeyFunction | None = None,
        transactional: bool = True,
    ) -> None:
        check_state_store(state_store)
        _check_arguments(projection_id, version, window, start, batch_size)
        if tables and not transactional:
            raise ValueError(
                f"projection {projection_id!r}: tables are written in the transaction of a batch; "
                "leave out transactional=False, or the tables"
            )
        self.projection_id = projection_id
        self._keeper = StateKeeper(projection_id, state_store, transactional=transactional)
        keys = Keys(projection_id, key)
        models = OpenModels(projection_id, tables, state_store, keys)
        self._registry = Registry(key, empties_models=bool(models))
        self._turn = turn_of(projection_id, self._keeper.shared)
        settings = Settings(projection_id, version, window, start, batch_size)
        dispatch = Dispatch(projection_id, ignored(ignore), keys, models.mark)
        parts = self._keeper, self._registry, dispatch, settings
        store = self._keeper.transactional
        self.parking: Parking | None = None
        self._work = Work(*parts)
        if isinstance(store, ManagedStateStore):
            self._work = managed = ManagedWork(store, *parts, models, keys)
            self.parking = Parking(self._turn, managed)
        elif store is not None:
            self._work = TransactionalWork(store, *parts, models)

    @property
    def promise(self) -> Promise:
        """What this engine promises, given its state store."""
        return self._keeper.promise

    @property
    def state_store(self) -> ProjectionStateStore:
        """Where the state is kept."""
        return self._keeper.store

    def has_model_in_memory(self) -> bool:
        """Say whether instances of class-style projections hold the read model.

        They are taken not to where the engine has tables.
        """
        return bool(self._registry.instances()) and not self._registry.empties_models

    def on(
        self, event_type: type[Event], *, replay: bool = True
    ) -> Callable[[FunctionT], FunctionT]:
        """Register a handler of `event_type` and its subclasses; use it as a decorator.

        The handler takes the event, and a ProjectionContext when it has a second parameter that
        needs a value or is called ``context``, or a keyword-only one of that name. It may be
        sync or async; what a sync one returns is awaited when it can be. All handlers of an event
        are called, in the order they were registered, each at most once.

        Args:
            event_type: A subclass of Event; Event itself takes every event but unknown ones.
            replay: False: not called for history that is handled again, as for a handler
                that sends mail.

        Raises:
            RegistrationError: No class of events, a function that cannot be called so, or one
                that handles this class already.
        """
        check_event_type(event_type)

        def register(function: FunctionT) -> FunctionT:
            self._registry.add_function(event_type, function, replay)
            return function

        return register

    def on_batch(self, function: FunctionT) -> FunctionT:
        """Register the one handler that takes a list of events at once, in place of ``on``.

        A batch is handled when the handler returns; when it raises, none of it is. With a
        transactional store it is then called again, for one event at a time.
        """
        self._registry.set_batch(function)
        return function

    def on_reset(self, function: FunctionT) -> FunctionT:
        """Register what empties the read model before a replay. It may take a context."""
        self._registry.add_reset_hook(function)
        return function

    def register(self, factory: FactoryT) -> FactoryT:
        """Register a class-style projection: the class, or a function that makes an instance.

        The engine makes one at once and a new one for each replay; :meth:`get` returns it.
        Returns `factory`, so that it can be a decorator.
        """
        self._registry.add_projection(factory)
        return factory

    def get(self, cls: type[ProjectionT]) -> ProjectionT:
        """Return the present instance of a registered projection, or raise RegistrationError."""
        return self._registry.instance_of(cls)

    async def initialize(self) -> None:
        """Load the state, or save a first one. Optional: the first call of any kind does it."""
        await in_turn(self._turn, self._work, self._work.initialize)

    async def handle_event(self, event: Event) -> None:
        """Process one event; see :meth:`process_events`."""
        await self.process_events([event])

    async def process_events(self, events: Events) -> None:
        """Handle `events` in order, those that were handled before left out.

        Bare events are told apart by their ids, recorded events by their positions; a
        projection keeps to one kind. Recorded events ascend, and a Page must not begin above
        the checkpoint. After each batch the state is saved; what an async iterable yields is
        handled, and the state saved, one event at a time as it comes.

        Raises:
            FeedError: `events` cannot be processed as they are (GapInFeed, MixedFeed, NotTheLog,
                OutOfOrder). The batches before the one at fault are handled.
            OutdatedProjection: Another version built the state.
            UnhandledUnknownEvent: A stored event has no class here.
            Exception: What a handler raised, as it is. The events before it are handled, the
                failure is counted in the state, and the same call made again goes on with the
                handlers that had not returned.
        """
        check_events(self.projection_id, events)
        before = requests_to_end()
        call = self._turn.begin() or await self._turn.wait()
        self._work.requests_before = before
        try:
            await self._work.process(events)
        except Exception as error:
            check_cancelled(error, before)
            raise
        finally:
            self._turn.end(call)

    async def skip(self, failed: RecordedEvent) -> None:
        """Pass over the event that failed last: it counts as handled, and not as applied.

        What it did to a model that is not in the transaction of a state store stays.

        Args:
            failed: The event at ``failed_position`` of the state.

        Raises:
            FeedError: Another one failed, or none; nothing is passed over.
        """
        await in_turn(self._turn, self._work, lambda: self._work.skip(failed))

    async def replay(self, events: Events) -> None:
        """Empty the read model and handle `events` from scratch, as history.

        The model is emptied by the hooks given to :meth:`on_reset` and by new instances of
        registered projections, once the first batch is known to be sound; with a transactional
        store in one transaction with it, or with its first event when a later one fails.
        Handlers registered with ``replay=False`` are not called. After a failure,
        :meth:`process_events` goes on with the replay where it stopped; so it does after a page
        that was not the last one, as long as the events were handled before: as recorded events
        of the same store, since no other checkpoint can be compared.

        Raises:
            Exception: As :meth:`process_events`, and what a hook raises.
        """
        check_events(self.projection_id, events)
        if self._registry.has_unmanaged_model():
            logger.warning(
                "projection %r is replayed into a read model that nothing empties; "
                "give the engine a function to empty it: @engine.on_reset",
                self.projection_id,
            )
        await in_turn(self._turn, self._work, lambda: self._work.replay(events))

    def get_state(self) -> ProjectionState | None:
        """Return the state after the last batch; None while none was loaded or saved.

        So it is when a call was ended in a commit, too: the next call, or :meth:`initialize`,
        finds out whether that was done.

        Call it in the thread that the engine's loop runs in.
        """
        return self._keeper.known()

    def is_healthy(self) -> bool:
        """Say whether the last event that was tried succeeded; False while nothing is known."""
        state = self.get_state()
        return state is not None and state.is_healthy


def _check_arguments(
    projection_id: object, version: object, window: object, start: object, batch_size: object
) -> None:
    if not isinstance(projection_id, str) or not projection_id:
        raise ValueError(f"projection_id is a text, not empty; found {projection_id!r}")
    at_least = {"version": (version, 1), "batch_size": (batch_size, 1)}
    if window is not None:
        at_least["window"] = (window, 1)
    if not isinstance(start, datetime) and start != "beginning":
        at_least["start"] = (start, 0)
    for name, (value, least) in at_least.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} is a whole number from {least} on; found {value!r}")
    if isinstance(start, datetime) and start.tzinfo is None:
        raise ValueError(f"start needs an offset, as in datetime.now(UTC); found {start!r}")
