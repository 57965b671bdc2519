"""Logs in SQLite files, each made when it is first wanted and kept until the process ends.

``ORCHESTRIX_BENCHMARK_EVENTS`` sets how many events a rebuild reads (50,000 if it is not set).
"""

import asyncio
import os
import random
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from messages import Deposited

from orchestrix.messaging import Event
from orchestrix.sqlite_store import open_sqlite_store

EVENTS = int(os.environ.get("ORCHESTRIX_BENCHMARK_EVENTS") or 50_000)
KEYS = 10_000
PAGE = 1000

_folder = tempfile.TemporaryDirectory()  # removed when the process ends


def accounts(count: int, keys: int) -> Iterator[str]:
    """Yield the account of each event: at random, the same ones each time."""
    chance = random.Random(count)  # noqa: S311 - repeatable
    return (f"account-{chance.randrange(keys)}" for _ in range(count))


@cache
def log_of(count: int, keys: int) -> Path:
    """Return a file with a log of `count` events, which move money in at most `keys` accounts."""
    file = Path(_folder.name) / f"{count}-{keys}.db"
    asyncio.run(_fill(file, count, keys))
    return file


async def _fill(file: Path, count: int, keys: int) -> None:
    moved = accounts(count, keys)
    async with open_sqlite_store(file, synchronous="NORMAL") as store:
        for start in range(0, count, PAGE):
            events: list[Event] = [
                Deposited(account_id=next(moved), amount=at)
                for at in range(start, min(start + PAGE, count))
            ]
            await store.append(f"page-{start // PAGE}", events)
