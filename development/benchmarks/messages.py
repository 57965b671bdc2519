"""Making events."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from measure import Work

from orchestrix.messaging import Event

COUNT = 20_000


@dataclass(frozen=True, kw_only=True)
class Deposited(Event):
    """One of our events."""

    account_id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class StandardDeposited:
    """The same fields in a plain frozen dataclass, with the usual id and time."""

    account_id: str
    amount: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    specversion: str = "1.0"
    type: str = "Deposited"
    source: str = "orchestrix"
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))
    subject: str | None = None
    data: Any = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


def works() -> list[Work]:
    """What is measured here."""
    name = "event construction, default id and time"
    return [Work(name, COUNT, lambda: _make(Deposited), lambda: _make(StandardDeposited), 2.0)]


def _make(cls: Any) -> float:
    began = perf_counter()
    for _ in range(COUNT):
        cls(account_id="a", amount=1)
    return perf_counter() - began
