"""The command ``append``: transactions of somebody else, while a follower watches or not."""

from argparse import Namespace
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from orchestrix.eventsourcing import AppendResult, ConcurrencyError
from orchestrix.projection_demo.account_history import AccountHistory, account_history
from orchestrix.projection_demo.arguments import PROGRAM
from orchestrix.projection_demo.bank import Bank, open_bank
from orchestrix.projection_demo.fields import shown
from orchestrix.projection_demo.formats import counted, crowns
from orchestrix.projection_demo.problems import UnusableFile
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_runtime import NotProcessed

APPENDED, NOT_SHOWN = 0, 3  # exit statuses


async def append(arguments: Namespace, screen: Screen) -> int:
    """Append, say where it is, and wait until it can be read, if that was asked for."""
    if not arguments.store.exists():
        raise UnusableFile(f"{arguments.store}: there is no such file; {_making(arguments.store)}")
    async with open_bank(arguments.store) as bank:
        history, result = await _book(bank, arguments.account, arguments.amounts)
        transactions = counted(len(arguments.amounts), "transaction")
        screen.say(
            f"{transactions} of account {history.account_id} on {history.day} appended, at "
            f"{_positions(result)}."
        )
        if arguments.wait is None:
            them = "it" if len(arguments.amounts) == 1 else "them"
            screen.say(f"{_follower(bank)} shows {them}, now or as soon as it is started.")
            return APPENDED
        return await _wait(bank, history.account_id, result, arguments.wait, screen)


async def _book(
    bank: Bank, account_id: str, amounts: Sequence[Decimal]
) -> tuple[AccountHistory, AppendResult]:
    while True:
        history = await account_history(bank.store, account_id)
        if history is None:
            raise UnusableFile(await _no_account(bank, account_id))
        try:
            result = await bank.store.append(
                history.stream_id,
                history.transactions(amounts),
                expected_version=history.version,
            )
        except ConcurrencyError:  # somebody was faster: the balance is another now
            continue
        return history, result


async def _wait(
    bank: Bank, account_id: str, result: AppendResult, seconds: float, screen: Screen
) -> int:
    try:
        await bank.runner.wait_for(result, timeout=seconds)
    except NotProcessed as error:
        found = f"appended, but not in the read models: {error}; is {_follower(bank)} running?"
        screen.warn([f"{PROGRAM}: {found}"])
        return NOT_SHOWN
    balance = await bank.balance_of(account_id)
    screen.say(f"The read models have it: {crowns(balance)} crowns are left.")
    return APPENDED


async def _no_account(bank: Bank, account_id: str) -> str:
    streams = await bank.store.streams("account-", limit=1)
    if not streams:
        return f"{bank.file}: it has no account yet; {_making(bank.file)}"
    one = streams[0].removeprefix("account-")
    return f"{bank.file}: it has no account {shown(account_id)}; one that it has is {one}"


def _making(file: Path) -> str:
    return f"`{PROGRAM} --store {file}` fills one"


def _follower(bank: Bank) -> str:
    return f"`{PROGRAM} --store {bank.file} --follow`"


def _positions(result: AppendResult) -> str:
    if result.first_position == result.last_position:
        return f"position {result.last_position:,}"
    return f"positions {result.first_position:,} to {result.last_position:,}"
