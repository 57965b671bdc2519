"""Part 1: a simple projection, by hand."""

from orchestrix.memory_store import InMemoryEventStore
from orchestrix.messaging import Event
from orchestrix.projection_demo.account_projection import (
    ACCOUNT,
    AccountCreated,
    AccountProjection,
    MoneyDeposited,
    history,
)
from orchestrix.projection_demo.screen import Screen


def show_projection(screen: Screen) -> None:
    """Save events in a store, load them, fold them into a read model, and ask it."""
    screen.title("1. Events become a read model")
    screen.tell(
        "An event store keeps what happened. A projection folds it into an answer: here a dict "
        "of balances, with one method per event that changes it."
    )
    store = InMemoryEventStore()
    store.save(ACCOUNT, history())
    projection = AccountProjection()
    screen.tell(*[_applied(projection, event) for event in store.load(ACCOUNT)])


def _applied(projection: AccountProjection, event: Event) -> str:
    match event:
        case AccountCreated():
            projection.apply_created(event)
            what = f"owner {event.owner}"
        case MoneyDeposited():
            projection.apply_deposited(event)
            what = f"amount {event.amount}"
        case _:
            what = "nobody's business here"
    return f"  {event.type:16} {what:15} -> balance {projection.get_balance(ACCOUNT):>6}"
