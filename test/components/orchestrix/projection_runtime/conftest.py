"""Logs that are followed, and projections that follow them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sample_events import Balance, Deposited

from orchestrix.eventsourcing import AppendResult, Page, ProjectionContext, ProjectionEngine
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryProjections
from orchestrix.messaging import FixedDelay
from orchestrix.projection_runtime import FailurePolicy, follower, management, outages
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore
from orchestrix.read_models import Table


class Log(InMemoryAsyncEventStore):
    """A log that counts what is read, and can be away for some calls."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[int] = []
        self.outages: list[Exception] = []

    async def deposit(self, *amounts: int, stream_id: str = "account-1") -> AppendResult:
        return await self.append(stream_id, [Deposited(amount=each) for each in amounts])

    async def read_all(self, *, after_position: int = 0, limit: int = 1000, **chosen: Any) -> Page:
        if self.outages:
            raise self.outages.pop()
        if limit > 1:
            self.pages.append(after_position)
        return await super().read_all(after_position=after_position, limit=limit, **chosen)


class Case:
    """A projection that adds deposits up, unless it is told to fail.

    Attributes:
        model: What it has seen.
        failing: Amounts that it fails for, and how often still; -1: always.
    """

    def __init__(self, name: str = "balance", store: ProjectionStateStore | None = None) -> None:
        self.model = Balance()
        self.failing: dict[int, int] = {}
        self.engine = ProjectionEngine(name, store or InMemoryProjectionStateStore())
        self.engine.on(Deposited)(self.add)

    async def add(self, event: Deposited) -> None:
        if left := self.failing.get(event.amount, 0):
            self.failing[event.amount] = left - 1
            raise ValueError(f"no {event.amount}")
        await self.model.add(event)

    @property
    def seen(self) -> list[int]:
        return self.model.seen

    @property
    def checkpoint(self) -> int:
        state = self.engine.get_state()
        return 0 if state is None else state.last_processed_position


@dataclass
class Seen:
    stream: str
    amounts: list[int]


class TableCase:
    """A projection that lists deposits per stream in a table, unless it is told to fail.

    Attributes:
        failing: Amounts that it fails for, and how often still; -1: always.
        hanging: Amounts whose handler never returns.
        error: What it fails with.
    """

    def __init__(self, name: str = "seen", store: Any = None, **options: Any) -> None:
        self.store = InMemoryProjections() if store is None else store
        self.table = Table(Seen, key="stream", name=name)
        self.failing: dict[int, int] = {}
        self.hanging: set[int] = set()
        self.error: Callable[[str], Exception] = ValueError
        self.engine = ProjectionEngine(name, self.store, tables=[self.table], **options)
        self.engine.on(Deposited)(self.add)

    async def add(self, event: Deposited, context: ProjectionContext) -> None:
        assert context.recorded is not None
        stream = context.recorded.stream_id
        if (row := await self.table.get(stream)) is None:
            self.table.put(row := Seen(stream, []))
        row.amounts.append(event.amount)
        if left := self.failing.get(event.amount, 0):
            self.failing[event.amount] = left - 1
            raise self.error(f"no {event.amount}")
        if event.amount in self.hanging:
            await asyncio.Event().wait()

    async def rows(self) -> dict[str, list[int]]:
        return {each.stream: each.amounts for each in await self.store.table(self.table).query()}


async def until(condition: Callable[[], bool]) -> None:
    """Give others turns until `condition` holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.fixture
def table_case() -> TableCase:
    return TableCase()


@pytest.fixture
def new_table_case() -> Callable[..., TableCase]:
    return TableCase


@pytest.fixture
def new_case() -> Callable[..., Case]:
    return Case


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(follower, "LOOK", 0.005)
    monkeypatch.setattr(management, "_OFTEN", 0.0)


@pytest.fixture
def at_once() -> Callable[..., FailurePolicy]:
    """Policies that wait for nothing between attempts."""

    def policy(action: Any = "stop", retries: int = 2) -> FailurePolicy:
        return FailurePolicy(action, retry=FixedDelay(max_retries=retries, delay=0.0))

    return policy
