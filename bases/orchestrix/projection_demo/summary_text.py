"""The summary for people."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from orchestrix.projection_demo.balances import AccountBalance
from orchestrix.projection_demo.formats import counted, crowns, table
from orchestrix.projection_demo.kept_text import show_kept
from orchestrix.projection_demo.reconciliation_text import reconciliation_text
from orchestrix.projection_demo.screen import Screen
from orchestrix.projection_demo.summary import Summary
from orchestrix.projection_demo.turnover import MonthTurnover, Moved
from orchestrix.projection_demo.turnover_chart import bar_marks, shown_months, turnover_chart


def show_summary(summary: Summary, screen: Screen) -> None:
    """Print totals, the most active accounts, turnover by month and the reconciliation."""
    screen.show(*_headline(summary))
    screen.show(_totals(summary))
    screen.show(_bold("The most active accounts"))
    screen.show(_accounts(summary.balances.most_active(10)))
    months = shown_months(summary.turnover.months(), screen.width)
    screen.show(_bold(_chart_title(months, is_ascii=screen.is_ascii)))
    screen.show(turnover_chart(months, is_ascii=screen.is_ascii))
    screen.show(_bold("Does each of the bank's balances follow from the one before it?"))
    screen.show(*reconciliation_text(summary.reconciliation))
    show_kept(summary.kept, screen)


def _headline(summary: Summary) -> Sequence[RenderableType]:
    transactions = counted(summary.transactions, "transaction")
    accounts = counted(len(summary.balances.accounts), "account")
    days = f"{summary.turnover.first_day} to {summary.turnover.last_day}"
    headline = _bold(f"{transactions} of {accounts}, {days}")
    return [headline, f"Source: {summary.files.source}", *summary.notes(details="standard error")]


def _totals(summary: Summary) -> Table:
    totals = table("", "transactions", "Czech crowns")
    moved = summary.turnover.totals()
    _add_moved(totals, "came in", [each for each in moved if each.is_credit], summary.credits)
    _add_moved(totals, "went out", [each for each in moved if not each.is_credit], summary.debits)
    balance = crowns(summary.credits - summary.debits)
    totals.add_row("left on all accounts", "", balance, style="bold")
    return totals


def _add_moved(totals: Table, name: str, moved: Sequence[Moved], amount: Decimal) -> None:
    for each in moved:
        totals.add_row(each.kind, f"{each.transactions:,}", crowns(each.amount))
    transactions = sum(each.transactions for each in moved)
    totals.add_row(name, f"{transactions:,}", crowns(amount), style="bold", end_section=True)


def _chart_title(months: Sequence[MonthTurnover], *, is_ascii: bool) -> str:
    first, last = months[0].month, months[-1].month
    came_in, went_out = bar_marks(is_ascii=is_ascii)
    span = f"Turnover by month in crowns, {first:%Y-%m} to {last:%Y-%m}"
    return f"{span} ({came_in} in, {went_out} out)"


def _accounts(accounts: Sequence[AccountBalance]) -> Table:
    active = table("account", "opened", "transactions", "came in", "went out", "balance")
    for each in accounts:
        active.add_row(
            each.account_id,
            str(each.opened_on),
            f"{each.transactions:,}",
            crowns(each.credits),
            crowns(each.debits),
            crowns(each.balance),
        )
    return active


def _bold(text: str) -> Text:
    return Text(text, style="bold")
