"""Events, a clock and a snapshot for the suite of event stores."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrix.eventsourcing import AsyncEventStore, Snapshot
from orchestrix.messaging import Event

Store = AsyncEventStore

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Counted(Event, type="conformance.counted"):
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Noted(Event, type="conformance.noted"):
    notes: list[dict[str, Any]] = field(default_factory=list)


class HandClock:
    """A clock that stands until a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def counted(*numbers: int) -> list[Event]:
    return [Counted(number=number) for number in numbers]


def mixed(count: int) -> list[Event]:
    """Counted and noted events by turns, the counted first."""
    return [Noted() if number % 2 else Counted(number=number) for number in range(count)]


def note(text: str) -> Noted:
    return Noted(notes=[{"text": text, "tags": ["a"]}], data={"words": [text]})


def spoil(event: Event) -> None:
    """Change whatever can be changed in a note."""
    assert isinstance(event, Noted)
    event.notes[0]["tags"].append("spoiled")
    event.notes.append({"text": "spoiled"})
    event.data["words"].append("spoiled")


def snapshot_at(version: int, **state: Any) -> Snapshot:
    return Snapshot("a", "Account", version, state, NOON)


def note_like(event: Event, text: str) -> Event:
    """The note as it was when it was written."""
    return Noted(
        id=event.id, timestamp=event.timestamp, notes=note(text).notes, data=note(text).data
    )
