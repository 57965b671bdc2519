"""What every store decides before it writes, free of I/O."""

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from orchestrix.eventsourcing.errors import (
    ConcurrencyError,
    DuplicateEvent,
    InvalidAppend,
    InvalidRange,
)
from orchestrix.eventsourcing.snapshot import Snapshot
from orchestrix.eventsourcing.store import NO_STREAM, AppendResult
from orchestrix.messaging import Event

LONGEST_NAME: Final = 512
"""Characters of a stream id, event id or event type: what an index of every store can hold."""

_LARGEST: Final = 2**63 - 1

_NAME = f"a text of 1 to {LONGEST_NAME} characters, without NUL and lone surrogates"


@dataclass(frozen=True, slots=True)
class RecordedId:
    """Where an event id is already recorded."""

    stream_id: str
    version: int
    position: int


def check_append(
    stream_id: str,
    events: Sequence[Event],
    expected_version: int | None,
    metadata: Mapping[str, str] | None,
) -> None:
    """Refuse what no store could write, before anything is looked up.

    Raises:
        InvalidAppend: The stream id, an event or the metadata is of the wrong kind.
        InvalidRange: `expected_version` is below ``NO_STREAM``.
        DuplicateEvent: Two of `events` have one id.
    """
    check_stream_id(stream_id)
    for index, event in enumerate(events):
        if not isinstance(event, Event):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidAppend(
                f"append to stream {stream_id!r}: item {index} is {event!r}, not an Event; "
                "declare its class as a subclass of Event"
            )
        if not (is_name(event.id) and is_name(event.type)):
            raise InvalidAppend(
                f"append to stream {stream_id!r}: the id and type of item {index} are each "
                f"{_NAME}; found {reprlib.repr(event.id)} and {reprlib.repr(event.type)}"
            )
    _check_metadata(stream_id, metadata)
    if expected_version is not None:
        name = f"append to stream {stream_id!r}: expected_version"
        check_range(name, expected_version, NO_STREAM)
    _check_ids(stream_id, events)


def listed(stream_id: str, events: Iterable[Event]) -> list[Event]:
    """Return the events of an append as a list of its own.

    Raises:
        InvalidAppend: They are none that can be gone through, such as a single event.
        Exception: Whatever going through them raises.
    """
    if isinstance(events, Event) or not isinstance(events, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidAppend(
            f"append to stream {stream_id!r}: events are a list, as in [event]; found "
            f"{reprlib.repr(events)}"
        )
    return list(events)


def check_stream_id(stream_id: str) -> None:
    """Raise InvalidAppend unless `stream_id` is a text that can name a stream."""
    if not is_name(stream_id):
        raise InvalidAppend(f"a stream id is {_NAME}; found {reprlib.repr(stream_id)}")


def check_snapshot(snapshot: Snapshot) -> None:
    """Refuse a snapshot that no store could keep, whatever its state holds.

    Raises:
        InvalidAppend: Its aggregate id or type names nothing, or its state or time is of the
            wrong kind.
        InvalidRange: Its version is below 0 or above what a store counts to.
    """
    check_stream_id(snapshot.aggregate_id)
    name = f"the snapshot of stream {snapshot.aggregate_id!r}"
    if not is_name(snapshot.aggregate_type):
        raise InvalidAppend(
            f"{name}: its aggregate_type is {_NAME}; found {reprlib.repr(snapshot.aggregate_type)}"
        )
    if not isinstance(snapshot.state, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidAppend(f"{name}: its state is a dict, found {reprlib.repr(snapshot.state)}")
    if not isinstance(snapshot.timestamp, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidAppend(f"{name}: its timestamp is a datetime, found {snapshot.timestamp!r}")
    check_range("the version of a snapshot", snapshot.version, 0)
    if snapshot.version > _LARGEST:
        raise InvalidRange(f"{name}: its version is at most {_LARGEST}, found {snapshot.version}")


def repeated_append(
    stream_id: str, events: Sequence[Event], recorded: Sequence[RecordedId | None]
) -> AppendResult | None:
    """Return the first result of an append that is repeated, None for a new one.

    Args:
        stream_id: The stream of this append.
        events: What is appended now.
        recorded: For each of `events`, where its id is recorded, None if nowhere.

    Raises:
        DuplicateEvent: Some ids are recorded, but not all of them as this very append.
    """
    known = [place for place in recorded if place is not None]
    if not known:
        return None
    for index, (event, place) in enumerate(zip(events, recorded, strict=True)):
        if place is None:
            continue
        if place.stream_id != stream_id:
            raise DuplicateEvent(event.id, stream_id, f"is in stream {place.stream_id!r}")
        if len(known) < len(events):
            raise DuplicateEvent(event.id, stream_id, "is recorded, others of this append are not")
        if place.version != known[0].version + index:
            raise DuplicateEvent(event.id, stream_id, "is recorded in another order")
    last, first = known[-1], known[0]
    return AppendResult(last.version, last.position, first.position, repeated=True)


def check_version(stream_id: str, expected_version: int | None, actual_version: int) -> None:
    """Raise ConcurrencyError unless the stream is where the writer expected it."""
    if expected_version is not None and expected_version != actual_version:
        raise ConcurrencyError(stream_id, expected_version, actual_version)


def check_range(name: str, value: int, least: int) -> None:
    """Raise InvalidRange unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidRange(f"{name} is a whole number from {least} on, found {value!r}")


def time_of(clock: Callable[[], datetime]) -> datetime:
    """Return what a store's clock says, in UTC.

    Raises:
        TypeError: It says something else than a time.
        ValueError: It says a time without an offset, or one that is none in UTC.
    """
    now = clock()
    remedy = "give the store clock=lambda: datetime.now(UTC)"
    if not isinstance(now, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - clocks may be untyped
        raise TypeError(f"the clock of this store says {now!r}, which is no datetime; {remedy}")
    if now.utcoffset() is None:
        raise ValueError(
            f"the clock of this store says {now!r}, a time without an offset; {remedy}"
        )
    try:
        return now.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(
            f"the clock of this store says {now!r}, which is no time in UTC ({error}); {remedy}"
        ) from error


def is_unicode(text: str) -> bool:
    """Say whether a text can be stored: lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def is_name(value: object) -> bool:
    """Say whether a value can name something in every store."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or "\0" in value:
        return False
    return value.isascii() or is_unicode(value)


def _check_metadata(stream_id: str, metadata: Mapping[str, str] | None) -> None:
    texts: Mapping[str, str] = {} if metadata is None else metadata
    if not isinstance(texts, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidAppend(
            f"append to stream {stream_id!r}: metadata is a mapping of text to text, "
            f"found {metadata!r}"
        )
    for key, value in texts.items():
        texts_only = isinstance(key, str) and isinstance(value, str)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        if not (texts_only and is_unicode(key + value)):
            raise InvalidAppend(
                f"append to stream {stream_id!r}: metadata is text to text, without lone "
                f"surrogates; found {key!r}: {value!r}"
            )


def _check_ids(stream_id: str, events: Sequence[Event]) -> None:
    seen: set[str] = set()
    for event in events:
        if event.id in seen:
            raise DuplicateEvent(event.id, stream_id, "stands twice in this append")
        seen.add(event.id)
