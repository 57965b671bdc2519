"""Making the status of a projection."""

from datetime import UTC, datetime

from orchestrix.eventsourcing import AsyncEventStore, StorageError
from orchestrix.projection_runtime.errors import sentence
from orchestrix.projection_runtime.follower import Follower
from orchestrix.projection_runtime.status import Condition, ProjectionStatus
from orchestrix.projection_state import ParkedKey


async def status_of(follower: Follower, store: AsyncEventStore) -> ProjectionStatus:
    """Return how a projection is now; raises what the event store raises."""
    state, keys, problem = None, list[ParkedKey](), follower.problem_in_words()
    condition = follower.condition
    try:
        state, keys = await follower.load_state(), await _keys_of(follower)
        condition = await _condition_of(follower)
        problem = problem or (None if state is None else state.last_error)
    except (StorageError, OSError) as error:  # of the others there is something to tell
        problem = sentence(error)
    checkpoint = 0 if state is None else state.last_processed_position
    waiting = await store.read_all(after_position=checkpoint, limit=1)
    oldest = waiting.events[0].recorded_at if waiting.events else None
    return ProjectionStatus(
        projection_id=follower.projection_id,
        condition=condition,
        checkpoint=checkpoint,
        head=await store.head(),
        lag=await store.count_after(checkpoint),
        lag_seconds=0.0 if oldest is None else _seconds_since(oldest),
        throughput=follower.throughput.per_second(),
        error_count=0 if state is None else state.error_count,
        problem=problem,
        retrying_keys=sum(each.status == "retrying" for each in keys),
        parked_keys=sum(each.status == "parked" for each in keys),
        parked_events=sum(each.events for each in keys),
        promise=follower.engine.promise,
    )


async def _keys_of(follower: Follower) -> list[ParkedKey]:
    if follower.management is None:
        return []
    return list(await follower.management.states.parked_keys(follower.projection_id))


async def _condition_of(follower: Follower) -> Condition:
    if follower.stall is not None:
        return "stalled"
    management, condition = follower.management, follower.condition
    if condition == "not running" and management is not None and await management.is_to_pause():
        return "paused"
    return condition


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())
