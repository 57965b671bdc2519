"""What every store decides before it writes, free of I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrix.eventsourcing.errors import (
    ConcurrencyError,
    DuplicateEvent,
    InvalidAppend,
    InvalidRange,
)
from orchestrix.eventsourcing.store import NO_STREAM, AppendResult
from orchestrix.messaging import Event


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
        if not (_is_text(event.id) and _is_text(event.type)):
            raise InvalidAppend(
                f"append to stream {stream_id!r}: the id and type of item {index} are texts, "
                f"not empty; found {event.id!r} and {event.type!r}"
            )
    _check_metadata(stream_id, metadata)
    if expected_version is not None:
        name = f"append to stream {stream_id!r}: expected_version"
        check_range(name, expected_version, NO_STREAM)
    _check_ids(stream_id, events)


def check_stream_id(stream_id: str) -> None:
    """Raise InvalidAppend unless `stream_id` is a text with something in it."""
    if not _is_text(stream_id):
        raise InvalidAppend(f"a stream id is a text, not empty; found {stream_id!r}")


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
    return AppendResult(known[-1].version, known[-1].position)


def check_version(stream_id: str, expected_version: int | None, actual_version: int) -> None:
    """Raise ConcurrencyError unless the stream is where the writer expected it."""
    if expected_version is not None and expected_version != actual_version:
        raise ConcurrencyError(stream_id, expected_version, actual_version)


def check_range(name: str, value: int, least: int) -> None:
    """Raise InvalidRange unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidRange(f"{name} is a whole number from {least} on, found {value!r}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _check_metadata(stream_id: str, metadata: Mapping[str, str] | None) -> None:
    texts: Mapping[str, str] = {} if metadata is None else metadata
    if not isinstance(texts, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidAppend(
            f"append to stream {stream_id!r}: metadata is a mapping of text to text, "
            f"found {metadata!r}"
        )
    for key, value in texts.items():
        if not (isinstance(key, str) and isinstance(value, str)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise InvalidAppend(
                f"append to stream {stream_id!r}: metadata is text to text, "
                f"found {key!r}: {value!r}"
            )


def _check_ids(stream_id: str, events: Sequence[Event]) -> None:
    seen: set[str] = set()
    for event in events:
        if event.id in seen:
            raise DuplicateEvent(event.id, stream_id, "stands twice in this append")
        seen.add(event.id)
