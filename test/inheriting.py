"""A program that forks while a file is open, and lets its child do something with it.

Run as ``python inheriting.py store|projections HOW PATH``. Of two events that are answered, one is
another process's, which ends without closing the file. What the child says is printed, and then
how many events are left.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrix.eventsourcing import StorageError
from orchestrix.messaging import Event
from orchestrix.read_models import Table
from orchestrix.sqlite_store import open_sqlite_projections, open_sqlite_store

PATH = Path(sys.argv[-1])


@dataclass
class Row:
    id: int


def forked(work: Callable[[], None]) -> Callable[[], None]:
    """Fork; return what lets the child do its work, and waits for its end."""
    gate, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(gate, 1)
        work()
        sys.stdout.flush()
        sys.exit()

    def let_go() -> None:
        os.write(go, b"!")
        assert os.waitpid(child, 0)[1] == 0, "the child failed"

    return let_go


async def append(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append("a", [Event()])


async def append_and_end() -> None:
    """Leave the newest event in the log, as a crash does."""
    async with open_sqlite_store(PATH) as store:
        await store.append("a", [Event()])
        os._exit(0)


class Inherited:
    """A store or projections, and the loop that opened them."""

    def __init__(self, opening: AbstractAsyncContextManager[Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self.opening = opening
        self.opened = self._do(opening.__aenter__())

    def leave(self) -> None:
        self._do(self.opening.__aexit__(None, None, None))

    def end(self) -> None:
        """End as every program does."""

    def forget(self) -> None:
        self.loop.close()
        vars(self).clear()
        gc.collect()

    def close(self) -> None:
        self.opened.close()

    def batch(self) -> None:
        self._tell(self._save())

    def read(self) -> None:
        self._tell(self.opened.table(Table(Row, key="id")).get(1))

    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._tell(append(PATH))

    def open_another(self) -> None:
        asyncio.run(append(PATH.with_name("another.db")))
        asyncio.run(append(PATH.with_name("before.db")))

    def _do(self, what: Any) -> Any:
        return self.loop.run_until_complete(what)

    def _tell(self, what: Any) -> None:
        try:
            self._do(what)
        except StorageError as error:
            sys.stdout.write(f"{type(error).__name__} {error}\n")

    async def _save(self) -> None:
        async with self.opened.transaction("p") as transaction:
            transaction.connection.execute("CREATE TABLE amounts (amount)")


def main(what: str, how: str) -> None:
    asyncio.run(append(PATH.with_name("before.db")))
    asyncio.run(append(PATH))
    crash = forked(lambda: asyncio.run(append_and_end()))
    opening = {"store": open_sqlite_store, "projections": open_sqlite_projections}[what]
    inherited = Inherited(opening(PATH))
    inherit = forked(getattr(inherited, how))
    inherited.leave()
    crash()
    inherit()
    asyncio.run(count())


async def count() -> None:
    async with open_sqlite_store(PATH) as store:
        sys.stdout.write(f"{len(await store.load('a'))} events\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
