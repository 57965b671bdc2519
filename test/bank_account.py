"""An aggregate and a decider with the same rules, for the tests of both."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from orchestrix.eventsourcing import AggregateRoot, Decider
from orchestrix.messaging import Command, Event


@dataclass(frozen=True, kw_only=True)
class Opened(Event, type="test-account.opened"):
    owner: str


@dataclass(frozen=True, kw_only=True)
class Deposited(Event, type="test-account.deposited"):
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event, type="test-account.withdrawn"):
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command):
    amount: Decimal


class NotEnough(Exception):
    """More was asked for than there is."""


@dataclass
class Account(AggregateRoot):
    owner: str = ""
    balance: Decimal = Decimal(0)
    amounts: list[Decimal] = field(default_factory=list[Decimal])

    def open(self, owner: str) -> None:
        if self.version:
            raise ValueError("it is open already")
        self._apply_event(Opened(owner=owner))

    def deposit(self, amount: Decimal | int) -> None:
        self._apply_event(Deposited(amount=Decimal(amount)))

    def withdraw(self, amount: Decimal | int) -> None:
        if amount > self.balance:
            raise NotEnough(f"{amount} of {self.balance}")
        self._apply_event(Withdrawn(amount=Decimal(amount)))

    def _when_opened(self, event: Opened) -> None:
        self.owner = event.owner

    def _when_deposited(self, event: Deposited) -> None:
        self.balance += event.amount
        self.amounts.append(event.amount)

    def _when_withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount
        self.amounts.append(-event.amount)


@dataclass(frozen=True)
class State:
    balance: Decimal = Decimal(0)


def decide(command: Withdraw, state: State) -> list[Event]:
    if command.amount > state.balance:
        raise NotEnough(f"{command.amount} of {state.balance}")
    return [Withdrawn(amount=command.amount)] if command.amount else []


def evolve(state: State, event: Event) -> State:
    match event:
        case Deposited(amount=amount):
            return replace(state, balance=state.balance + amount)
        case Withdrawn(amount=amount):
            return replace(state, balance=state.balance - amount)
        case _:
            return state


account = Decider(decide=decide, evolve=evolve, initial=State)
