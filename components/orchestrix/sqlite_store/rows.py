"""Rows to events and back: pure functions."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar, cast

import msgspec

from orchestrix.event_codec import EventCodec
from orchestrix.eventsourcing import InvalidAppend, Snapshot
from orchestrix.messaging import Event, RecordedEvent

RecordedT = TypeVar("RecordedT", bound=RecordedEvent)

EncodedRow = tuple[str, str, int, str | None, str]
"""Event id, type, schema version, correlation id and data: what does not depend on the log."""

SnapshotRow = tuple[str, str, int, str, str]
"""Aggregate id and type, version, state as JSON, time in ISO 8601."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_metadata = msgspec.json.Decoder(dict[str, str])


def encoded_row(codec: EventCodec, event: Event) -> EncodedRow:
    """Return what is stored of `event` itself."""
    stored = codec.encode(event)
    schema, data = stored.schema_version, stored.data.decode()
    return event.id, event.type, schema, event.correlation_id, data


def encoded_metadata(metadata: Mapping[str, str] | None) -> str | None:
    """Return metadata as JSON, None for nothing."""
    if not metadata:
        return None
    texts = {key[:]: value[:] for key, value in metadata.items()}  # of subclasses of str, the text
    return msgspec.json.encode(texts).decode()


def microseconds(time: datetime) -> int:
    """Return a time as it is stored."""
    return (time - _EPOCH) // _MICROSECOND


def time_at(microseconds: int) -> datetime:
    """Return a time from how it is stored."""
    return _EPOCH + timedelta(microseconds=microseconds)


def recorded_events(
    rows: Iterable[tuple[Any, ...]], codec: EventCodec, made: type[RecordedT]
) -> tuple[RecordedT, ...]:
    """Return records of class `made`, whose events are decoded when they are first wanted."""
    events: list[RecordedT] = []
    stored_at, recorded_at = 0, _EPOCH
    known, known_schema, decode = "", 0, codec.decoder("", 0)
    for position, stream_id, version, event_id, name, schema, at, metadata, data in rows:
        if at != stored_at:  # events of one append share it
            stored_at, recorded_at = at, time_at(at)
        if name != known or schema != known_schema:  # neighbours are often of one type
            known, known_schema, decode = name, schema, codec.decoder(name, schema)
        events.append(
            made(
                event_id,
                name,
                stream_id,
                version,
                position,
                recorded_at,
                _NOTHING if metadata is None else _metadata.decode(metadata),
                partial(decode, data),
            )
        )
    return tuple(events)


def snapshot_row(snapshot: Snapshot) -> SnapshotRow:
    """Return what is stored of a snapshot.

    Raises:
        InvalidAppend: Its state could not be loaded as it is.
    """
    name = f"the snapshot of stream {snapshot.aggregate_id!r}"
    try:
        state = msgspec.json.encode(snapshot.state)
        is_same = _is_same(snapshot.state, msgspec.json.decode(state))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidAppend(f"{name} cannot be stored: {error}; let it hold data only") from error
    if not is_same:
        raise InvalidAppend(
            f"{name} would not be loaded as it is; let its state hold JSON values only: None, "
            "bool, int, float, str, lists, and dicts with text keys"
        )
    return (
        snapshot.aggregate_id,
        snapshot.aggregate_type,
        snapshot.version,
        state.decode(),
        snapshot.timestamp.isoformat(),
    )


def _is_same(value: object, loaded: object) -> bool:
    """Say whether JSON gave back the very same, types included."""
    if type(value) is not type(loaded) or value != loaded:
        return False
    parts, loaded_parts = _parts_of(value), _parts_of(loaded)
    return all(map(_is_same, parts, loaded_parts))


def _parts_of(value: object) -> list[object]:
    match value:
        case dict():
            return [*cast("dict[object, object]", value), *cast("Any", value).values()]
        case list():
            return cast("list[object]", value)
        case _:
            return []


def snapshot_of(row: SnapshotRow) -> Snapshot:
    """Return the snapshot that a row holds."""
    aggregate_id, aggregate_type, version, state, taken_at = row
    return Snapshot(
        aggregate_id,
        aggregate_type,
        version,
        msgspec.json.decode(state, type=dict[str, Any]),
        datetime.fromisoformat(taken_at),
    )
