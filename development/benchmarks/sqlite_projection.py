"""Projections on SQLite, taken to the head of a log by a runner, in batches of several sizes.

With SQL of their own they stand beside the same statements issued bare, with a table beside the
same rows written with ``executemany``, and both beside the `eventsourcing` library.
"""

import sys
from importlib.util import find_spec

from measure import Work
from sqlite_events import peer
from sqlite_logs import PAGE
from sqlite_models import Synchronous, caught_up, executed, upserted, with_sql, with_table

KEYS = 1000
EVENTS = {1: 200, 10: 2_000, 100: 10_000, 1000: 30_000, 10_000: 30_000}
"""Batch size -> how many events: a commit for each of many would take too long."""

PEERS = 2_000
SMALL = (1, 10)
"""Batches of which the commit is a large part."""


def works() -> list[Work]:
    """What is measured here; where a commit is a small part of the work, with FULL only."""
    found = [
        *(_own_sql(size, "FULL") for size in EVENTS),
        *(_own_sql(size, "NORMAL") for size in SMALL),
        *(_table(size, "FULL") for size in EVENTS),
        *(_table(size, "NORMAL") for size in SMALL),
    ]
    if find_spec("eventsourcing") is not None:
        theirs = peer([sys.executable], "project", str(PEERS))
        for name, make in (("own SQL", with_sql), ("Table", with_table)):
            title = f"SQLite projection, {name}, beside eventsourcing 9.5.6"
            found.append(Work(title, PEERS, caught_up(make, PEERS, 100), theirs, 20))
    return found


def _own_sql(size: int, synchronous: Synchronous) -> Work:
    name = f"SQLite projection, own SQL, batches of {size}, {synchronous}"
    count = EVENTS[size]
    ours = caught_up(with_sql, count, KEYS, size, synchronous)
    reference = executed(count, KEYS, size, synchronous)
    return Work(name, count, ours, reference, 0.4 if size == PAGE else None)


def _table(size: int, synchronous: Synchronous) -> Work:
    name = f"SQLite projection, Table, batches of {size}, {synchronous}"
    count = EVENTS[size]
    ours = caught_up(with_table, count, KEYS, size, synchronous)
    return Work(name, count, ours, upserted(count, KEYS, size, synchronous))
