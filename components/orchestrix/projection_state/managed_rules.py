"""What may be asked of a managed state store, free of I/O: stores call these first."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from orchestrix.projection_state.errors import InvalidArgument
from orchestrix.projection_state.lease import Lease
from orchestrix.projection_state.managed import DesiredStatus
from orchestrix.projection_state.parked import KeyRequest, ParkedKey


def check_slice(after_position: int, limit: int) -> None:
    """Raise InvalidArgument unless events can be listed after there, and so many."""
    _check_whole("after_position", after_position, 0)
    _check_whole("limit", limit, 1)


def check_request(request: KeyRequest) -> None:
    """Raise InvalidArgument unless this can be asked for."""
    _check_one_of("a request", request, get_args(KeyRequest))


def check_desired_status(status: DesiredStatus) -> None:
    """Raise InvalidArgument unless a projection can be wanted so."""
    _check_one_of("a desired status", status, get_args(DesiredStatus))


def check_taking(projection_id: str, holder: str, seconds: float, seen: Lease | None) -> None:
    """Raise InvalidArgument unless a lease can be taken so."""
    if not isinstance(holder, str) or not holder:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidArgument(f"holder is a text, not empty; found {holder!r}")
    if not _is_finite(seconds) or seconds <= 0:
        raise InvalidArgument(f"seconds is a finite number above 0, found {seconds!r}")
    if seen is not None and seen.projection_id != projection_id:
        raise InvalidArgument(
            f"seen is the lease of projection {projection_id!r} as it was read, or None; found "
            f"that of {seen.projection_id!r}"
        )


def checked_parked(projection_id: str, parked: ParkedKey) -> ParkedKey:
    """Return what stores keep of `parked`, its times in UTC.

    Raises:
        InvalidArgument: It is another projection's, or a number or a time is out of its range.
    """
    if parked.projection_id != projection_id:
        raise InvalidArgument(
            f"parked is a key of projection {projection_id!r}, found one of "
            f"{parked.projection_id!r}"
        )
    _check_whole("position", parked.position, 1)
    _check_whole("attempts", parked.attempts, 0)
    if parked.delay is not None and not (_is_finite(parked.delay) and parked.delay >= 0):
        raise InvalidArgument(
            f"delay is a finite number of seconds from 0 on, or None; found {parked.delay!r}"
        )
    since, failed_at = in_utc("since", parked.since), in_utc("failed_at", parked.failed_at)
    return replace(parked, since=since, failed_at=failed_at)


def in_utc(name: str, time: datetime) -> datetime:
    """Return `time` in UTC.

    Raises:
        InvalidArgument: It has no offset; `name` says what it was given for.
    """
    if time.utcoffset() is None:
        raise InvalidArgument(f"{name} is a time with an offset, best UTC; found {time!r}")
    return time.astimezone(UTC)


def _check_whole(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidArgument(f"{name} is a whole number from {least} on, found {value!r}")


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidArgument(f"{name} is {' or '.join(map(repr, known))}, found {value!r}")


def _is_finite(value: float) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
    return known and abs(value) <= sys.float_info.max
