"""Leases and parked events to rows and back: pure functions."""

from typing import Any

from orchestrix.projection_state import DiscardedEvent, Lease, ParkedKey
from orchestrix.sqlite_store.rows import microseconds, time_at


def lease_row(lease: Lease) -> tuple[Any, ...]:
    """Return what is stored of a lease."""
    return (lease.projection_id, lease.holder, lease.token, lease.beat, lease.seconds)


def lease_of(row: tuple[Any, ...]) -> Lease:
    """Return the lease that a row holds."""
    projection_id, holder, token, beat, seconds = row
    return Lease(
        projection_id=projection_id, holder=holder, token=token, beat=beat, seconds=seconds
    )


def parked_row(parked: ParkedKey) -> tuple[Any, ...]:
    """Return what is stored of a key, but for its events and what is asked for it."""
    return (
        parked.projection_id,
        parked.key,
        parked.position,
        microseconds(parked.since),
        parked.attempts,
        parked.error,
        microseconds(parked.failed_at),
        None if parked.delay is None else float(parked.delay),
    )


def parked_of(row: tuple[Any, ...]) -> ParkedKey:
    """Return the key that a row holds, with the number of its events."""
    (
        projection_id, key, position, since, attempts, error, failed_at, delay, request, reason,
        events,
    ) = row  # fmt: skip
    return ParkedKey(
        projection_id=projection_id,
        key=key,
        position=position,
        since=time_at(since),
        attempts=attempts,
        error=error,
        failed_at=time_at(failed_at),
        delay=delay,
        events=events,
        request=request,
        reason=reason,
    )


def discarded_of(row: tuple[Any, ...]) -> DiscardedEvent:
    """Return the discarded event that a row holds."""
    projection_id, position, key, reason, discarded_at = row
    return DiscardedEvent(
        projection_id=projection_id,
        key=key,
        position=position,
        reason=reason,
        discarded_at=time_at(discarded_at),
    )
