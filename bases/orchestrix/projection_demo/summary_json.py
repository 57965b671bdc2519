"""The summary for programs."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from orchestrix.projection_demo.balances import AccountBalance
from orchestrix.projection_demo.kept import Kept
from orchestrix.projection_demo.reconciliation import Reconciliation
from orchestrix.projection_demo.steps import Agreement, Steps
from orchestrix.projection_demo.summary import Summary
from orchestrix.projection_demo.turnover import MonthTurnover


def summary_json(summary: Summary) -> str:
    """Return the summary as JSON. Amounts are texts, in crowns, so that nobody rounds them."""
    accounts = summary.files.accounts
    content = {
        "source": summary.files.source,
        "accounts_file": accounts.name if accounts else None,
        "notes": summary.notes(details="problems"),
        "totals": _totals(summary),
        "most_active_accounts": [_account(each) for each in summary.balances.most_active(10)],
        "turnover": [_month(each) for each in summary.turnover.months()],
        "reconciliation": _reconciliation(summary.reconciliation),
        "store": _store(summary.kept),
        "problems": {
            "count": summary.problems.count,
            "listed": [asdict(each) for each in summary.problems.listed],
        },
    }
    return json.dumps(content, indent=2)


def _totals(summary: Summary) -> dict[str, Any]:
    return {
        "events": summary.kept.events,
        "accounts": len(summary.balances.accounts),
        "assumed_openings": summary.assumed_openings,
        "transactions": summary.transactions,
        "first_day": summary.turnover.first_day.isoformat(),
        "last_day": summary.turnover.last_day.isoformat(),
        "credits": _crowns(summary.credits),
        "debits": _crowns(summary.debits),
        "balance": _crowns(summary.credits - summary.debits),
    }


def _account(account: AccountBalance) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "opened_on": account.opened_on.isoformat(),
        "transactions": account.transactions,
        "credits": _crowns(account.credits),
        "debits": _crowns(account.debits),
        "balance": _crowns(account.balance),
    }


def _month(month: MonthTurnover) -> dict[str, Any]:
    return {
        "month": f"{month.month:%Y-%m}",
        "credits": _crowns(month.credits),
        "debits": _crowns(month.debits),
        "kinds": {each.kind: _crowns(each.amount) for each in month.kinds.values()},
    }


def _reconciliation(reconciliation: Reconciliation) -> dict[str, Any]:
    booked = reconciliation.in_booked_order()
    return {
        "file_order": _steps(reconciliation.in_file_order),
        "booked_order": _steps(booked.steps),
        "uncertain_days": booked.uncertain_days,
    }


def _store(kept: Kept) -> dict[str, Any]:
    return {
        "file": str(kept.file),
        "events": kept.events,
        "new_events": kept.new_events,
        "new_events_of_others": kept.others_events,
        "projections": [asdict(each) for each in kept.projections],
    }


def _steps(steps: Steps) -> dict[str, int]:
    return {
        "exact": steps[Agreement.EXACT],
        "within_0.1": steps[Agreement.ROUNDED],
        "not_at_all": steps[Agreement.OFF],
    }


def _crowns(amount: Decimal) -> str:
    return f"{amount:.2f}"
