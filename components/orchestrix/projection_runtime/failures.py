"""Whose fault an exception is."""

import asyncio
from collections.abc import Awaitable
from typing import Final

from orchestrix.eventsourcing import (
    NoKey,
    NoTransaction,
    ProjectionError,
    StoreClosed,
    UnhandledUnknownEvent,
)
from orchestrix.projection_runtime.errors import HandlerCancelled
from orchestrix.read_models import (
    NoBatch,
    NoTableStore,
    SchemaChanged,
    TableDeclarationError,
    TableTaken,
)

_HANDLERS_OWN: Final = (UnhandledUnknownEvent, NoTransaction, NoKey)
"""Errors of the engine that an event or its handler is at fault for."""

_FINAL: Final = (
    ProjectionError, StoreClosed,
    NoBatch, NoTableStore, SchemaChanged, TableDeclarationError, TableTaken,
)  # fmt: skip
"""What no other event and no other attempt would mend."""


def is_final(error: BaseException) -> bool:
    """Say whether a projection is to stop at once, since no event is at fault."""
    return isinstance(error, _FINAL) and not isinstance(error, _HANDLERS_OWN)


async def not_cancelled(work: Awaitable[None], projection_id: str) -> None:
    """Do `work`, which calls handlers.

    Raises:
        HandlerCancelled: It ended in CancelledError, and nobody has cancelled this task.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        await work
    except asyncio.CancelledError as error:
        if task is None or task.cancelling() > before:
            raise
        raise HandlerCancelled(
            f"a handler of projection {projection_id!r} ended in CancelledError: something that it "
            "waited for was cancelled"
        ) from error
