"""Events and a log for the suites of engines and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event


@dataclass(frozen=True, kw_only=True)
class Deposited(Event, type="conformance.deposited"):
    """Money came in."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class LargeDeposited(Deposited, type="conformance.large-deposited"):
    """Much money came in."""


@dataclass(frozen=True, kw_only=True)
class Renamed(Event, type="conformance.renamed"):
    """An event without a handler."""

    name: str = "x"


def deposits(*amounts: int) -> list[Event]:
    """Return a deposit of each amount."""
    return [Deposited(amount=amount) for amount in amounts]


def log_of(events: Sequence[Event], stream_id: str = "account-1") -> InMemoryEventStore:
    """Return a store with these events in one stream."""
    store = InMemoryEventStore()
    store.append(stream_id, events)
    return store
