"""Events and feeds that many tests use."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrix.eventsourcing import Page, ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event, RecordedEvent
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore


@dataclass(frozen=True, kw_only=True)
class Deposited(Event):
    amount: int


@dataclass(frozen=True, kw_only=True)
class LargeDeposited(Deposited):
    pass


@dataclass(frozen=True, kw_only=True)
class Renamed(Event):
    name: str = "x"


class Balance:
    """A dict-like read model that tells how often it was asked to change."""

    def __init__(self) -> None:
        self.total = 0
        self.seen: list[int] = []

    async def add(self, event: Deposited) -> None:
        self.total += event.amount
        self.seen.append(event.amount)

    def clear(self) -> None:
        self.total = 0
        self.seen = []


def deposits(*amounts: int) -> list[Event]:
    return [Deposited(amount=amount) for amount in amounts]


def engine_for(
    model: Balance, store: ProjectionStateStore | None = None, **options: object
) -> ProjectionEngine:
    """An engine that adds deposits to `model` and clears it for a replay."""
    engine = ProjectionEngine("balance", store or InMemoryProjectionStateStore(), **options)  # type: ignore[arg-type]
    engine.on(Deposited)(model.add)
    engine.on_reset(model.clear)
    return engine


def log_of(events: Sequence[Event], stream_id: str = "account-1") -> InMemoryEventStore:
    store = InMemoryEventStore()
    store.append(stream_id, events)
    return store


def page_of(events: Sequence[Event], *, after: int = 0, limit: int = 1000) -> Page:
    return log_of(events).read_all(after_position=after, limit=limit)


def recorded(*amounts: int) -> list[RecordedEvent]:
    return list(page_of(deposits(*amounts)).events)
