"""The outbox: committed events on their way to a bus, or to whoever else wants them.

Events are committed before anybody hears of them, and the log remembers them until everybody
has: so it is the log itself that is the outbox, and a projection that hands it over.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Literal, TypeAlias

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.engine import ProjectionEngine
from orchestrix.messaging import AsyncMessageBus, Event, MessageBus, RecordedEvent

Receiver: TypeAlias = (
    MessageBus | AsyncMessageBus | Callable[[RecordedEvent], Awaitable[object] | None]
)
"""A bus, or a function of the recorded event; async or not."""

_handing_over: ContextVar[RecordedEvent | None] = ContextVar("handing_over", default=None)


def outbox(
    projection_id: str,
    state_store: Any,
    receiver: Receiver,
    *,
    types: Collection[type[Event]] = (Event,),
    ignore: Collection[str] = (),
    start: Literal["beginning"] | int | datetime = "beginning",
) -> ProjectionEngine:
    """Return a projection that hands events of the log over, in order, each at least once.

    Give it to a ProjectionRunner, which tries again what fails, and then stops: no event
    overtakes another. An event comes again when the process was killed before the checkpoint
    after it was saved, which is done after each page of the runner; whoever must not act twice
    remembers its id, or its position. History that is replayed is not handed over again.

    The receiver is called outside of any transaction, so it may append to the log.

    Args:
        projection_id: Names the checkpoint.
        state_store: Where that is kept.
        receiver: A bus, which publishes the event itself (:func:`handed_over` tells its position);
            or a function, which gets the recorded event. What a bus has dead-lettered counts as
            handed over; only when all handlers of an event fail, it is tried again.
        types: Which events, subclasses included.
        ignore: Types of stored events that may pass although no class declares them.
        start: Where to begin, as for an engine; an outbox that is new beside an old log
            hands all of it over otherwise.
    """
    engine = ProjectionEngine(
        projection_id, state_store, ignore=ignore, start=start, transactional=False
    )
    hand_over = _handing(receiver)

    async def publish(_: Event, context: ProjectionContext) -> None:
        if context.recorded is None:
            raise TypeError(
                f"outbox {projection_id!r} hands over what is recorded, with its position; feed "
                "it from an event store"
            )
        token = _handing_over.set(context.recorded)
        try:
            answer = hand_over(context.recorded)
            if inspect.isawaitable(answer):
                await answer
        finally:
            _handing_over.reset(token)

    for each in types:
        engine.on(each, replay=False)(publish)
    return engine


def handed_over() -> RecordedEvent | None:
    """Return the recorded event that an outbox is handing over; None: none is, here."""
    return _handing_over.get()


def _handing(receiver: Receiver) -> Callable[[RecordedEvent], Any]:
    publish = getattr(receiver, "publish", None)
    if callable(publish):
        return lambda recorded: publish(recorded.event)
    if callable(receiver) and not isinstance(receiver, type):
        return receiver
    raise TypeError(
        f"the receiver of an outbox is a bus, or a function of a recorded event; found {receiver!r}"
    )
