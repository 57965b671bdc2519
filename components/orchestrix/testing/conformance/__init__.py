"""What stores, buses and engines promise, as tests: for everybody who implements one.

A test class subclasses a suite and gives its fixtures; pytest collects the promises with it. The
tests are async: set ``asyncio_mode = "auto"`` for pytest-asyncio. Needs ``orchestrix[testing]``.

What a suite uses is beside it, as ``counted`` in ``orchestrix.testing.conformance.event_store``.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in (
            "event_store",
            "event_store_model",
            "managed_state_store",
            "message_bus",
            "projection_engine",
            "projection_state_store",
            "read_model_table",
            "saga_state_store",
            "suite",
            "waiting",
        )
    )
)

from orchestrix.testing.conformance.event_store import EventStoreConformance, HandClock
from orchestrix.testing.conformance.event_store_model import EventStoreMachine
from orchestrix.testing.conformance.managed_state_store import ManagedStateStoreConformance
from orchestrix.testing.conformance.message_bus import MessageBusConformance
from orchestrix.testing.conformance.projection_engine import ProjectionEngineConformance, World
from orchestrix.testing.conformance.projection_state_store import (
    ProjectionStateStoreConformance,
    TransactionalStateStoreConformance,
)
from orchestrix.testing.conformance.read_model_table import ReadModelTableConformance
from orchestrix.testing.conformance.saga_state_store import SagaStateStoreConformance

__all__ = [
    "EventStoreConformance",
    "EventStoreMachine",
    "HandClock",
    "ManagedStateStoreConformance",
    "MessageBusConformance",
    "ProjectionEngineConformance",
    "ProjectionStateStoreConformance",
    "ReadModelTableConformance",
    "SagaStateStoreConformance",
    "TransactionalStateStoreConformance",
    "World",
]
