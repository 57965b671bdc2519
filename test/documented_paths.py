"""The documented import paths, and a program that imports them all from an installed wheel.

``python test/documented_paths.py`` imports every path and every module of the library.
"""

import importlib
import pkgutil
import sys

MESSAGING = "orchestrix.messaging"
EVENTSOURCING = "orchestrix.eventsourcing"
EVENT_CODEC = "orchestrix.event_codec"
PROJECTION_STATE = "orchestrix.projection_state"
MEMORY_STORE = "orchestrix.memory_store"
PROCESS_MANAGER = "orchestrix.process_manager"

RETRY = [
    "ExponentialBackoff",
    "FixedDelay",
    "LinearBackoff",
    "NoRetry",
    "RetryPolicy",
    "retry_sync",
]
BUSES = ["AsyncMessageBus", "AsyncMessageHandler", "MessageBus", "MessageHandler"]
ENGINE = ["Projection", "ProjectionContext", "ProjectionEngine", "on"]
STATE = ["InMemoryProjectionStateStore", "ProjectionState", "ProjectionStateStore"]
VERSIONING = ["EventUpcast", "EventUpcaster", "UpcasterRegistry", "VersionedEvent"]
SAGA = [
    "InMemorySagaStateStore",
    "Saga",
    "SagaState",
    "SagaStateStore",
    "SagaStatus",
    "SagaStep",
    "SagaStepStatus",
]

DOCUMENTED: dict[str, dict[str, list[str]]] = {
    "orchestrix.core.common": {MESSAGING: ["OrchestrixError", *RETRY]},
    "orchestrix.core.common.exceptions": {
        EVENTSOURCING: ["ConcurrencyError"],
        MESSAGING: ["HandlerError", "OrchestrixError"],
    },
    "orchestrix.core.common.retry": {MESSAGING: RETRY},
    "orchestrix.core.messaging": {
        MESSAGING: [*BUSES, "Command", "CommandHandler", "DeadLetterQueue", "Event", "Message"]
    },
    "orchestrix.core.messaging.message": {MESSAGING: ["Command", "Event", "Message"]},
    "orchestrix.core.messaging.message_bus": {MESSAGING: BUSES},
    "orchestrix.core.messaging.command_handler": {MESSAGING: ["CommandHandler"]},
    "orchestrix.core.messaging.dead_letter_queue": {
        MESSAGING: ["DeadLetterQueue", "DeadLetteredMessage", "InMemoryDeadLetterQueue"]
    },
    "orchestrix.core.eventsourcing": {
        EVENTSOURCING: [
            "AggregateRepository",
            "AggregateRoot",
            "EventStore",
            "ProjectionEngine",
            "Snapshot",
        ],
        EVENT_CODEC: VERSIONING,
    },
    "orchestrix.core.eventsourcing.event_store": {EVENTSOURCING: ["AsyncEventStore", "EventStore"]},
    "orchestrix.core.eventsourcing.aggregate": {
        EVENTSOURCING: ["AggregateRepository", "AggregateRoot"]
    },
    "orchestrix.core.eventsourcing.projection": {EVENTSOURCING: ENGINE, PROJECTION_STATE: STATE},
    "orchestrix.core.eventsourcing.snapshot": {EVENTSOURCING: ["Snapshot"]},
    "orchestrix.core.eventsourcing.versioning": {EVENT_CODEC: [*VERSIONING, "UpcasterException"]},
    "orchestrix.core.execution": {PROCESS_MANAGER: ["Saga"]},
    "orchestrix.core.execution.saga": {PROCESS_MANAGER: SAGA},
    "orchestrix.infrastructure.memory": {
        MEMORY_STORE: ["InMemoryAsyncEventStore", "InMemoryEventStore"],
        MESSAGING: ["InMemoryAsyncMessageBus", "InMemoryMessageBus"],
    },
    "orchestrix.infrastructure.memory.store": {MEMORY_STORE: ["InMemoryEventStore"]},
    "orchestrix.infrastructure.memory.async_store": {MEMORY_STORE: ["InMemoryAsyncEventStore"]},
    "orchestrix.infrastructure.memory.bus": {MESSAGING: ["InMemoryMessageBus"]},
    "orchestrix.infrastructure.memory.async_bus": {MESSAGING: ["InMemoryAsyncMessageBus"]},
}
"""Path -> brick -> the names that are the brick's very objects."""


OF_AN_EXTRA = "orchestrix.testing.conformance"
"""Needs what ``orchestrix[testing]`` installs."""


def main() -> int:
    """Import everything; return the number of names that are not what they should be."""
    wrong = 0
    for path, bricks in DOCUMENTED.items():
        for brick, names in bricks.items():
            for name in names:
                found = getattr(importlib.import_module(path), name, None)
                if found is None or found is not getattr(importlib.import_module(brick), name):
                    wrong += 1
                    print(f"{path}.{name} is not {brick}.{name}")  # noqa: T201 - its answer
    package = importlib.import_module("orchestrix")
    found = [each.name for each in pkgutil.walk_packages(package.__path__, "orchestrix.")]
    modules = [name for name in found if not name.startswith(OF_AN_EXTRA)]
    for module in modules:
        importlib.import_module(module)
    print(f"{len(DOCUMENTED)} documented paths and {len(modules)} modules imported, {wrong} wrong")  # noqa: T201 - its answer
    return wrong


if __name__ == "__main__":
    sys.exit(main())
