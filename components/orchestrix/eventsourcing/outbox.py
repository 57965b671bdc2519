"""The outbox: committed events on their way to a bus, or to whoever else wants them.

Events are committed before anybody hears of them, and the log remembers them until everybody
has: so it is the log itself that is the outbox, and a projection that hands it over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context, ContextVar
from datetime import datetime
from typing import Any, Literal, TypeAlias

from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.engine import ProjectionEngine
from orchestrix.eventsourcing.projections.handlers import finish
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
    remembers its id, or its position. A replay hands nothing over, also not what had not been
    handed over before: make a new outbox, that begins where it is to.

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
    _check_types(types)
    hand_over = _handing(receiver)

    async def publish(_: Event, context: ProjectionContext) -> None:
        if context.recorded is None:
            raise TypeError(
                f"outbox {projection_id!r} hands over what is recorded, with its position; feed "
                "it from an event store"
            )
        await hand_over(context.recorded)

    for each in types:
        engine.on(each, replay=False)(publish)
    return engine


def handed_over() -> RecordedEvent | None:
    """Return the recorded event that an outbox is handing over; None: none is, here."""
    return _handing_over.get()


def _handing(receiver: Receiver) -> Callable[[RecordedEvent], Awaitable[None]]:
    publish: Any = getattr(receiver, "publish", None)
    if isinstance(receiver, type) or not (callable(publish) or callable(receiver)):
        raise TypeError(
            "the receiver of an outbox is a bus, or a function of a recorded event; "
            f"found {receiver!r}"
        )

    async def give(recorded: RecordedEvent) -> None:
        _handing_over.set(recorded)
        called: Any = publish if callable(publish) else receiver
        answer = called(recorded.event if callable(publish) else recorded)
        if answer is not None:
            await finish(answer, called)

    async def hand_over(recorded: RecordedEvent) -> None:
        # In a context of its own: inside of a publish of the same bus, another one only queues.
        await asyncio.create_task(give(recorded), context=Context())

    return hand_over


def _check_types(types: object) -> None:
    if isinstance(types, Collection) and not isinstance(types, str) and types:
        return
    raise TypeError(f"types of an outbox are classes of events, as in [Event]; found {types!r}")
