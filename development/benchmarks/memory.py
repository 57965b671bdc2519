"""The in-memory store, beside a list and a dict."""

from collections.abc import Sequence
from time import perf_counter

from measure import Work
from messages import Deposited

from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event

COUNT = 20_000


def works() -> list[Work]:
    """What is measured here."""
    events = [Deposited(account_id=str(each % 100), amount=1) for each in range(COUNT)]
    full = InMemoryEventStore()
    full.append("account-1", events)
    log = list(full.read_all(limit=COUNT).events)
    by_one = "memory append, 1 at a time"
    by_hundred = "memory append, 100 at a time"
    pages = "memory read_all, pages of 1000"
    return [
        Work(by_one, COUNT, lambda: _append(events, 1), lambda: _list(events, 1)),
        Work(by_hundred, COUNT, lambda: _append(events, 100), lambda: _list(events, 100)),
        Work(pages, COUNT, lambda: _read(full), lambda: _slice(log)),
    ]


def _append(events: Sequence[Event], size: int) -> float:
    store = InMemoryEventStore()
    began = perf_counter()
    for start in range(0, COUNT, size):
        store.append(f"account-{start % 100}", events[start : start + size])
    return perf_counter() - began


def _list(events: Sequence[Event], size: int) -> float:
    """Keep events by stream and in order, without ids, versions, copies or locks."""
    log: list[Event] = []
    streams: dict[str, list[Event]] = {}
    began = perf_counter()
    for start in range(0, COUNT, size):
        appended = events[start : start + size]
        log.extend(appended)
        streams.setdefault(f"account-{start % 100}", []).extend(appended)
    return perf_counter() - began


def _read(store: InMemoryEventStore) -> float:
    began = perf_counter()
    position, at_end = 0, False
    while not at_end:
        page = store.read_all(after_position=position)
        position, at_end = page.last_position, page.at_end
        for _ in page.events:
            pass
    return perf_counter() - began


def _slice(log: Sequence[object]) -> float:
    began = perf_counter()
    for start in range(0, len(log), 1000):
        for _ in log[start : start + 1000]:
            pass
    return perf_counter() - began
