"""Projection states to rows and back: pure functions."""

from collections.abc import Iterable
from typing import Any

import msgspec

from orchestrix.projection_state import EventIds, PartlyApplied, ProjectionState
from orchestrix.sqlite_store.rows import microseconds, time_at

_SIGN = 2**63
_RANGE = 2**64

_partly_applied = msgspec.json.Decoder(tuple[PartlyApplied, ...])


def state_row(state: ProjectionState) -> tuple[Any, ...]:
    """Return what is stored of a state, but for its event ids."""
    return (
        state.projection_id,
        state.last_processed_event_id,
        state.last_processed_position,
        microseconds(state.updated_at),
        state.revision,
        state.error_count,
        state.is_healthy,
        state.status,
        state.last_error,
        state.store_id,
        state.version,
        state.fingerprint,
        state.applied_count,
        (state.applied_hash + _SIGN) % _RANGE - _SIGN,
        state.feed,
        state.failed_position,
        msgspec.json.encode(state.partly_applied).decode(),
        state.replay_until,
    )


def state_of(row: Iterable[Any], event_ids: Iterable[str]) -> ProjectionState:
    """Return the state that a row and its event ids hold."""
    (
        projection_id, last_processed_event_id, last_processed_position, updated_at, revision,
        error_count, is_healthy, status, last_error, store_id, version, fingerprint,
        applied_count, applied_hash, feed, failed_position, partly_applied, replay_until,
    ) = row  # fmt: skip
    return ProjectionState(
        projection_id=projection_id,
        last_processed_event_id=last_processed_event_id,
        last_processed_position=last_processed_position,
        updated_at=time_at(updated_at),
        revision=revision,
        error_count=error_count,
        is_healthy=bool(is_healthy),
        status=status,
        last_error=last_error,
        store_id=store_id,
        version=version,
        fingerprint=fingerprint,
        applied_count=applied_count,
        applied_hash=applied_hash % _RANGE,
        feed=feed,
        failed_position=failed_position,
        partly_applied=_partly_applied.decode(partly_applied),
        replay_until=replay_until,
        event_ids=EventIds(event_ids),
    )
