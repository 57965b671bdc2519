"""Part 3: real transactions become events, and three projections read their log."""

import asyncio

from orchestrix.eventsourcing import EventStore, Projection, ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_demo.balances import Balances
from orchestrix.projection_demo.bank_records import BankFiles, read_records
from orchestrix.projection_demo.catching_up import catch_up
from orchestrix.projection_demo.formats import counted
from orchestrix.projection_demo.history import append_history
from orchestrix.projection_demo.problems import Problems
from orchestrix.projection_demo.reconciliation import Reconciliation
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_demo.summary import Summary
from orchestrix.projection_demo.turnover import Turnover
from orchestrix.projection_state import InMemoryProjectionStateStore


def show_bank(files: BankFiles, problems: Problems, screen: Screen) -> Summary:
    """Append what the files tell to a store, let projections read its log, and ask them."""
    screen.title("3. The same on real bank transactions")
    screen.tell(
        "Each row of a bank's file becomes an event in the stream of its account. Three "
        "projections then read the log of all streams, page by page: the balance of each "
        "account, the turnover of each month, and a check of the bank's own balances."
    )
    store = InMemoryEventStore()
    engines = [_engine(each) for each in (Balances, Turnover, Reconciliation)]
    rows = len(files.transactions.lines)
    with screen.progress(f"Reading {counted(rows, 'row')}", rows) as advance:
        records = read_records(files, problems, advance)
    rows = len(records.transactions)
    with screen.progress(f"Appending {counted(rows, 'transaction')} as events", rows) as advance:
        append_history(store, records, problems, advance)
    head = store.head()
    with screen.progress(f"Projecting {counted(head, 'event')}", head) as advance:
        asyncio.run(catch_up(store, engines, advance))
    screen.tell("", *(_checkpoint(engine, store) for engine in engines))
    balances, turnover, reconciliation = engines
    return Summary(
        files,
        problems,
        store.head(),
        balances.get(Balances),
        turnover.get(Turnover),
        reconciliation.get(Reconciliation),
    )


def _engine(projection: type[Projection]) -> ProjectionEngine:
    engine = ProjectionEngine(projection.__name__.lower(), InMemoryProjectionStateStore())
    engine.register(projection)
    return engine


def _checkpoint(engine: ProjectionEngine, store: EventStore) -> str:
    state = engine.get_state()
    assert state is not None  # noqa: S101 - the engine has processed events
    return (
        f"  {engine.projection_id:14}  at {state.last_processed_position:,} of {store.head():,}, "
        f"{counted(state.applied_count, 'event')} handled"
    )
