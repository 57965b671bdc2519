"""A bank whose transfers are processes: withdraw here, deposit there, or undo."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bank_account import Account

from orchestrix.eventsourcing import AggregateRepository, AsyncEventStore
from orchestrix.messaging import Command, Event
from orchestrix.process_manager import ProcessManager, ProcessStep


@dataclass(frozen=True, kw_only=True)
class TransferRequested(Event, type="test-transfer.requested"):
    transfer_id: str
    source: str = "a"
    target: str = "b"
    amount: int = 10


@dataclass(frozen=True, kw_only=True)
class TransferApproved(Event, type="test-transfer.approved"):
    transfer_id: str


@dataclass(frozen=True, kw_only=True)
class TransferDenied(Event, type="test-transfer.denied"):
    transfer_id: str


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command):
    account: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Deposit(Command):
    account: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class AskForApproval(Command):
    transfer_id: str


class Closed(Exception):
    """The account takes nothing."""


class Bank:
    """Handles the commands, by aggregates; and fails as it is told.

    Attributes:
        sent: Every command that reached it, refused or not.
        closed: Accounts that take no money.
        failing: Called before each command; may raise.
        lost: Called after each command; may raise.
    """

    def __init__(self, store: AsyncEventStore) -> None:
        self.accounts = AggregateRepository[Account](store)
        self.sent: list[Command] = []
        self.closed: set[str] = set()
        self.failing: Callable[[Command], None] = lambda _: None
        self.lost: Callable[[Command], None] = lambda _: None

    async def open(self, **balances: int) -> None:
        for account_id, balance in balances.items():
            account = Account(account_id)
            account.deposit(balance)
            await self.accounts.save_async(account)

    async def send(self, command: Command) -> None:
        self.sent.append(command)
        self.failing(command)
        if isinstance(command, (Withdraw, Deposit)):
            await self.accounts.execute_async(
                Account, command.account, lambda each: self._move(each, command), command=command
            )
        self.lost(command)

    def _move(self, account: Account, command: Command) -> None:
        if isinstance(command, Withdraw):
            account.withdraw(command.amount)
        elif isinstance(command, Deposit):
            if command.account in self.closed:
                raise Closed(f"{command.account} is closed")
            account.deposit(command.amount)

    async def balances(self, *accounts: str) -> list[Decimal]:
        return [(await self.accounts.load_async(Account, each)).balance for each in accounts]

    def texts(self) -> list[str]:
        """What was sent, in short."""
        return [" ".join(map(str, _short(each))) for each in self.sent]


def _short(command: Command) -> tuple[Any, ...]:
    match command:
        case Withdraw():
            return "withdraw", command.amount, "from", command.account
        case Deposit():
            return "deposit", command.amount, "to", command.account
        case _:
            return ("ask",)


WITHDRAW: ProcessStep[TransferRequested] = ProcessStep(
    "withdraw",
    command=lambda process: Withdraw(account=process.started.source, amount=process.started.amount),
    compensation=lambda process: Deposit(
        account=process.started.source, amount=process.started.amount
    ),
)
DEPOSIT: ProcessStep[TransferRequested] = ProcessStep(
    "deposit",
    command=lambda process: Deposit(account=process.started.target, amount=process.started.amount),
    compensation=lambda process: Withdraw(
        account=process.started.target, amount=process.started.amount
    ),
)
APPROVE: ProcessStep[TransferRequested] = ProcessStep(
    "approve",
    command=lambda process: AskForApproval(transfer_id=process.process_id),
    done_on=TransferApproved,
    failed_on=(TransferDenied,),
    timeout=timedelta(minutes=5),
)


def transfers(
    *steps: ProcessStep[TransferRequested], name: str = "transfers"
) -> ProcessManager[TransferRequested]:
    """Return a process manager with these steps; without any: withdraw, then deposit."""
    return ProcessManager(
        name,
        starts_on=TransferRequested,
        key=lambda event: event.transfer_id,
        steps=steps or (WITHDRAW, DEPOSIT),
    )
