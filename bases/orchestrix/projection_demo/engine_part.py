"""Part 2: the same read model behind a projection engine."""

from rich.table import Table

from orchestrix.eventsourcing import ProjectionEngine
from orchestrix.projection_demo.account_projection import (
    ACCOUNT,
    AccountCreated,
    AccountProjection,
    MoneyDeposited,
    history,
)
from orchestrix.projection_demo.formats import table
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_state import InMemoryProjectionStateStore


async def show_engine(screen: Screen) -> None:
    """Process events, process them again, lose the read model, and replay."""
    screen.title("2. A ProjectionEngine remembers how far it got")
    screen.tell(
        "It calls the same methods, and keeps a state beside the read model. So events that "
        "come twice count once, and a read model that went wrong is built again by a replay."
    )
    model, events = AccountProjection(), history()
    engine = account_engine(model)
    states = table("", "events applied", "position", "health", "balance")
    _add_state(states, "before", engine, model)
    await engine.process_events(events)
    _add_state(states, "process_events(events)", engine, model)
    await engine.process_events(events)
    _add_state(states, "the same events again", engine, model)
    model.balances[ACCOUNT] -= 999
    _add_state(states, "a bug spoils the model", engine, model)
    await engine.replay(events)
    _add_state(states, "replay(events)", engine, model)
    screen.tell(states)


def account_engine(model: AccountProjection) -> ProjectionEngine:
    """Return an engine that fills `model`."""
    state_store = InMemoryProjectionStateStore()
    engine = ProjectionEngine(projection_id="account-balance", state_store=state_store)

    @engine.on(AccountCreated)
    async def on_created(event: AccountCreated) -> None:
        model.apply_created(event)

    @engine.on(MoneyDeposited)
    async def on_deposited(event: MoneyDeposited) -> None:
        model.apply_deposited(event)

    @engine.on_reset
    async def clear() -> None:
        model.balances.clear()
        model.owners.clear()

    return engine


def _add_state(
    states: Table, moment: str, engine: ProjectionEngine, model: AccountProjection
) -> None:
    state, balance = engine.get_state(), f"{model.get_balance(ACCOUNT)}"
    if state is None:
        states.add_row(moment, "no state", "", "", balance)
    else:
        health = "good" if state.is_healthy else "failed"
        applied, position = state.applied_count, state.last_processed_position
        states.add_row(moment, str(applied), str(position), health, balance)
