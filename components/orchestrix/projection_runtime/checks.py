"""What cannot be run, told before it is."""

import inspect
from collections.abc import Sequence
from math import inf

from orchestrix.eventsourcing import AppendResult, AsyncEventStore, ProjectionEngine
from orchestrix.memory_store import (
    InMemoryAsyncEventStore,
    InMemoryEventStore,
    InMemoryProjections,
)
from orchestrix.projection_runtime.errors import InvalidRunner, InvalidWait
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_state import InMemoryProjectionStateStore


def async_store(store: AsyncEventStore | InMemoryEventStore) -> AsyncEventStore:
    """Return an event store that a runner can wait for, or raise InvalidRunner."""
    if isinstance(store, InMemoryEventStore):
        return InMemoryAsyncEventStore(store)
    if not inspect.iscoroutinefunction(getattr(store, "read_all", None)):
        raise InvalidRunner(f"event_store is an event store with async methods; found {store!r}")
    return store


def check_page_size(page_size: object) -> None:
    """Raise InvalidRunner unless it is a number of events."""
    if not isinstance(page_size, int) or isinstance(page_size, bool) or page_size < 1:
        raise InvalidRunner(f"page_size is a whole number from 1 on; found {page_size!r}")


def check_seconds(name: str, seconds: object) -> None:
    """Raise InvalidRunner unless it is a time to wait."""
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < inf:
        return
    raise InvalidRunner(f"{name} is a number of seconds above 0; found {seconds!r}")


def policy_of(on_failure: object) -> FailurePolicy:
    """Return a failure policy, the usual one for None, or raise InvalidRunner."""
    if on_failure is None:
        return FailurePolicy()
    if isinstance(on_failure, FailurePolicy):
        return on_failure
    raise InvalidRunner(
        f"on_failure is a FailurePolicy, as in FailurePolicy('stop'); found {on_failure!r}"
    )


def check_engines(engines: Sequence[ProjectionEngine], policy: FailurePolicy) -> None:
    """Raise InvalidRunner unless they can be run together, and as the policy says."""
    if isinstance(engines, ProjectionEngine) or not engines:
        raise InvalidRunner(f"a runner needs a list of at least one engine; found {engines!r}")
    names = [each.projection_id for each in engines]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRunner(
                f"two engines of projection {name!r} would handle its events by turns; give each "
                "its own projection_id, or run one"
            )
    for engine in engines:
        _check_model(engine)
        if policy.action == "park" and engine.parking is None:
            raise InvalidRunner(
                f"projection {engine.projection_id!r} keeps its state in {engine.state_store!r}, "
                "which cannot park keys, or not in its transactions (transactional=False); use "
                "InMemoryProjections() or open_sqlite_projections(file), or let the policy stop or "
                "skip"
            )


def _check_model(engine: ProjectionEngine) -> None:
    if not engine.has_model_in_memory():
        return
    if isinstance(engine.state_store, InMemoryProjections):
        raise InvalidRunner(
            f"projection {engine.projection_id!r} keeps its model in memory and its checkpoint in "
            "InMemoryProjections, which would roll back one without the other; give the engine an "
            "InMemoryProjectionStateStore(), or write the model to tables"
        )
    if not isinstance(engine.state_store, InMemoryProjectionStateStore):
        raise InvalidRunner(
            f"projection {engine.projection_id!r} keeps its model in memory and its checkpoint "
            f"in {engine.state_store!r}, so the model would be empty after a restart; give "
            "the engine an InMemoryProjectionStateStore(), or write the model to the store"
        )


def check_wait(target: object, projections: object, seconds: object) -> None:
    """Raise InvalidWait unless that can be waited for."""
    is_position = isinstance(target, int) and not isinstance(target, bool) and target >= 0
    if not is_position and not isinstance(target, AppendResult):
        raise InvalidWait(
            f"wait_for takes what an append returned (after its await), or a position from 0 on; "
            f"found {target!r}"
        )
    if isinstance(projections, str):
        raise InvalidWait(f"projections is a list of names, as in [{projections!r}]")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < inf:
        return
    raise InvalidWait(f"timeout is a number of seconds from 0 on; found {seconds!r}")
