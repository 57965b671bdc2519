"""Other processes that use a store: started quickly, and killed at any moment."""

import asyncio
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Literal

from bank_account import Account
from sample_transfers import Bank, TransferRequested, transfers

from orchestrix.eventsourcing import (
    AggregateRepository,
    ProjectionContext,
    ProjectionEngine,
    outbox,
)
from orchestrix.messaging import Command, Event, FixedDelay, RecordedEvent
from orchestrix.process_manager import ProcessRunner
from orchestrix.projection_runtime import FailurePolicy, ProjectionRunner
from orchestrix.projection_state import StateConflict
from orchestrix.read_models import Table
from orchestrix.sqlite_store import (
    SQLiteEventStore,
    SQLiteProjectionStateStore,
    open_sqlite_projections,
    open_sqlite_store,
)

_WRITERS = 3
"""Tasks that append at the same time in one process, so that groups have several appends."""

_LONG = 20.0
"""Seconds after which a process that waits for others gives up, since one of them failed."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, "remote_store"])


@cache
def _import_ahead() -> None:
    """Start the server that forks; Python 3.11 does not tell it where our modules are."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def started(work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Start `work` in a process of its own; its imports have been made already."""
    _import_ahead()
    child = _context.Process(target=work, args=arguments, daemon=True)
    child.start()
    return child


@dataclass(frozen=True)
class Entry:
    """A line of a journal: an append that was tried, or that was answered."""

    answered: bool
    stream_id: str
    ids: tuple[str, ...]
    last_version: int = -1
    last_position: int = 0


class Journal:
    """What a process did, in a file that outlives its killing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, entry: Entry) -> None:
        """Write one whole line at once, into the hands of the operating system."""
        line = (
            f"{entry.answered:d} {entry.stream_id} {entry.last_version} {entry.last_position} "
            f"{','.join(entry.ids)}\n"
        )
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)

    def entries(self) -> list[Entry]:
        """Return what was noted, without a line that was cut off."""
        text = self._path.read_text() if self._path.exists() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [_entry(*line.split(" ")) for line in lines]

    def unanswered(self) -> list[Entry]:
        """Return the appends that were tried and may or may not have been written."""
        answered = {entry.ids for entry in self.entries() if entry.answered}
        tried = {entry.ids: entry for entry in self.entries() if entry.ids not in answered}
        return list(tried.values())


def _entry(answered: str, stream_id: str, version: str, position: str, ids: str) -> Entry:
    return Entry(answered == "1", stream_id, tuple(ids.split(",")), int(version), int(position))


def append_until_killed(path: Path, journal: Path, seed: int) -> None:
    """Repeat what was left unanswered, then append, several tasks at once, for ever."""
    asyncio.run(_append_until_killed(path, Journal(journal), random.Random(seed)))  # noqa: S311 - repeatable


async def _append_until_killed(path: Path, journal: Journal, chance: random.Random) -> None:
    async with open_sqlite_store(path, synchronous=chance.choice(["FULL", "NORMAL"])) as store:
        for entry in journal.unanswered():
            await _append(store, journal, entry.stream_id, entry.ids)
        async with asyncio.TaskGroup() as tasks:
            for writer in range(_WRITERS):
                tasks.create_task(_append_for_ever(store, journal, chance, writer))


async def _append_for_ever(
    store: SQLiteEventStore, journal: Journal, chance: random.Random, writer: int
) -> None:
    while True:
        stream_id = chance.choice(["shared", f"{os.getpid()}-{writer}"])
        await _append(store, journal, stream_id, [Event().id for _ in range(chance.randint(1, 5))])


async def _append(
    store: SQLiteEventStore, journal: Journal, stream_id: str, ids: "list[str] | tuple[str, ...]"
) -> None:
    journal.note(Entry(False, stream_id, tuple(ids)))
    result = await store.append(stream_id, [Event(id=each) for each in ids])
    journal.note(Entry(True, stream_id, tuple(ids), result.last_version, result.last_position))


@dataclass(frozen=True, kw_only=True)
class Moved(Event, type="children.moved"):
    """Money came to an account, or left it."""

    account: str
    amount: int


BALANCES = "CREATE TABLE IF NOT EXISTS balances (account PRIMARY KEY, amount, moves)"
MOVE = """
    INSERT INTO balances VALUES (?, ?, 1)
    ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount, moves = moves + 1"""


Model = Literal["sql", "table"]
"""How a read model is written; other programs read both alike."""


@dataclass
class Balance:
    """A row of the read model that is a table."""

    account: str
    amount: int = 0
    moves: int = 0


def balances(
    states: SQLiteProjectionStateStore, model: Model, chance: random.Random | None = None
) -> ProjectionEngine:
    """Return a projection whose read model is made in one way or the other.

    With `chance`, one of its handlers fails for one event of a hundred.
    """
    engine = _with_sql(states) if model == "sql" else _with_a_table(states)
    if chance is not None:

        @engine.on(Moved)
        def fail(event: Moved) -> None:
            if chance.random() < 0.01:
                raise ValueError(f"no luck with {event.id}")

    return engine


def _with_a_table(states: SQLiteProjectionStateStore) -> ProjectionEngine:
    table = Table(Balance, key="account", name="balances", indexes=["amount"], cached_rows=3)
    engine = ProjectionEngine("balances", states, tables=[table])

    @engine.on(Moved)
    async def move(event: Moved) -> None:
        if (row := await table.get(event.account)) is None:
            table.put(row := Balance(event.account))
        row.amount += event.amount
        row.moves += 1

    return engine


def _with_sql(states: SQLiteProjectionStateStore) -> ProjectionEngine:
    """Return a projection that keeps its read model with SQL of its own."""
    engine = ProjectionEngine("balances", states)

    @engine.on(Moved)
    def move(event: Moved, context: ProjectionContext) -> None:
        context.transaction.execute(BALANCES)
        context.transaction.execute(MOVE, (event.account, event.amount))

    @engine.on_reset
    def clear(context: ProjectionContext) -> None:
        context.transaction.execute("DROP TABLE IF EXISTS balances")

    return engine


def append_and_project_until_killed(
    log: Path, projections: Path, seed: float, model: Model
) -> None:
    """Append to one file and project into another, or the same, for ever."""
    asyncio.run(_append_and_project(log, projections, random.Random(seed), model))  # noqa: S311 - repeatable


async def _append_and_project(
    log: Path, projections: Path, chance: random.Random, model: Model
) -> None:
    async with (
        open_sqlite_store(log, synchronous="NORMAL") as store,
        open_sqlite_projections(projections, synchronous="NORMAL") as states,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_move_for_ever(store, chance))
        if chance.random() < 0.5:
            tasks.create_task(_project_for_ever(store, balances(states, model), chance))
        else:
            tasks.create_task(_run_for_ever(store, balances(states, model, chance), chance))


async def _move_for_ever(store: SQLiteEventStore, chance: random.Random) -> None:
    while True:
        moves = [
            Moved(account=chance.choice("abcde"), amount=chance.randint(-9, 9))
            for _ in range(chance.randint(1, 20))
        ]
        await store.append(f"account-{moves[0].account}", moves)


async def _project_for_ever(
    store: SQLiteEventStore, engine: ProjectionEngine, chance: random.Random
) -> None:
    position, limit = 0, chance.choice([1, 7, 1000])
    while True:
        await store.wait_for_events(position, 1)
        try:
            await engine.process_events(await store.read_all(after_position=position, limit=limit))
        except StateConflict:  # another process was faster
            await engine.initialize()
        state = engine.get_state()
        position = 0 if state is None else state.last_processed_position


async def _run_for_ever(
    store: SQLiteEventStore, engine: ProjectionEngine, chance: random.Random
) -> None:
    policy = FailurePolicy(retry=FixedDelay(max_retries=3, delay=chance.choice([0.0, 0.05])))
    page_size = chance.choice([1, 7, 1000])
    runner = ProjectionRunner(
        store, [engine], on_failure=policy, page_size=page_size, lease_seconds=0.2
    )
    await runner.run()


def barrier(parties: int) -> Barrier:
    """Return what lets so many processes begin at the same moment."""
    return _context.Barrier(parties)


def append_to_each(paths: Sequence[Path], start: Barrier) -> None:
    """Open one file after the other, each together with other processes; append one event."""
    for path in paths:
        start.wait(_LONG)
        append_many(path, f"of-{os.getpid()}", 1, 1)


def append_many(path: Path, stream_id: str, count: int, size: int) -> None:
    """Append `count` times `size` events, then end."""
    asyncio.run(_append_many(path, stream_id, count, size))


async def _append_many(path: Path, stream_id: str, count: int, size: int) -> None:
    async with open_sqlite_store(path, synchronous="NORMAL", busy_timeout=60) as store:
        for _ in range(count):
            await store.append(stream_id, [Event() for _ in range(size)])


def follow_until_killed(path: Path) -> None:
    """Keep the balances in a file up to date for ever."""
    asyncio.run(_follow(path))


async def _follow(path: Path) -> None:
    async with open_sqlite_store(path) as store, open_sqlite_projections(path) as states:
        await ProjectionRunner(store, [balances(states, "table")], lease_seconds=1.0).run()


def hand_over_until_killed(file: Path, journal: Path) -> None:
    """Append to a file and hand over what is in it, line by line, for ever."""
    asyncio.run(_hand_over(file, journal))


async def _hand_over(file: Path, journal: Path) -> None:
    lines = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(recorded: RecordedEvent) -> None:
        os.write(lines, f"{recorded.position}\n".encode())

    async with (
        open_sqlite_store(file, synchronous="NORMAL") as store,
        open_sqlite_projections(file, synchronous="NORMAL") as states,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_move_for_ever(store, random.Random()))  # noqa: S311 - whatever it is
        runner = ProjectionRunner(store, [outbox("mails", states, note)], lease_seconds=0.2)
        tasks.create_task(runner.run())


ACCOUNTS = ["a", "b", "c", "d", "e"]
ALL_MONEY = 500


def transfer_until_killed(file: Path, seed: float, page: int) -> None:
    """Ask for transfers between the accounts, and bring them to their ends, for ever."""
    asyncio.run(_transfer(file, random.Random(seed), page))  # noqa: S311 - repeatable


async def _transfer(file: Path, chance: random.Random, page: int) -> None:
    async with (
        open_sqlite_store(file, synchronous="NORMAL") as store,
        open_sqlite_projections(file, synchronous="NORMAL") as states,
        asyncio.TaskGroup() as tasks,
    ):
        bank = bank_with(store, chance)
        tasks.create_task(_ask_for_ever(store, chance))
        tasks.create_task(runner_of(store, states, bank, lease_seconds=0.2).run())


def bank_with(store: SQLiteEventStore, chance: random.Random | None) -> Bank:
    """Return a bank that fails now and then, before a command or after it."""
    bank = Bank(store)

    def fail(_: Command) -> None:
        if chance is not None and chance.random() < 0.05:
            raise ConnectionError("no luck")

    bank.failing = bank.lost = fail
    bank.closed = {"d", "e"}
    return bank


def runner_of(
    store: SQLiteEventStore, states: SQLiteProjectionStateStore, bank: Bank, **options: Any
) -> ProcessRunner:
    """Return a runner of the transfers of that bank."""
    retry = FixedDelay(max_retries=10, delay=0.0)
    return ProcessRunner(store, states, [transfers()], bank.send, retry=retry, **options)


async def _ask_for_ever(store: SQLiteEventStore, chance: random.Random) -> None:
    while True:
        source, target = chance.sample(ACCOUNTS, 2)
        amount = chance.choice([1, 5, 1000])
        transfer_id = Event().id
        asked = TransferRequested(
            transfer_id=transfer_id, source=source, target=target, amount=amount
        )
        await store.append(f"transfer-{transfer_id}", [asked])
        await asyncio.sleep(0.005)  # a load that can be worked off


def execute_many(file: Path, start: Barrier, count: int) -> None:
    """Pay one into each account by turns, with that many tasks at once, beside others."""
    asyncio.run(_execute_many(file, start, count))


async def _execute_many(file: Path, start: Barrier, count: int) -> None:
    async with open_sqlite_store(file, synchronous="NORMAL", busy_timeout=60) as store:
        accounts = AggregateRepository[Account](store, snapshot_every=7)
        start.wait(_LONG)
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(
                    accounts.execute_async(
                        Account, f"account-{number % 5}", lambda each: each.deposit(1),
                        create=True, attempts=1000,
                    )
                )  # fmt: skip
