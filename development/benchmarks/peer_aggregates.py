"""Aggregates of the `eventsourcing` library, version 9.

``python peer_aggregates.py (popo | sqlite) (load | snapshot | execute) EVENTS TIMES`` loads an
aggregate of so many events so often, without and with a snapshot, or executes a command on one so
often; prints the seconds.
"""

import sys
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any


def main(arguments: Sequence[str]) -> int:
    """Do the work that is named."""
    storage, work, events, times = arguments
    with tempfile.TemporaryDirectory() as folder:
        application = _application(storage, Path(folder) / "events.db")
        account_id = _account_of(application, int(events))
        if work == "snapshot":
            application.take_snapshot(account_id)
        began = perf_counter()
        for _ in range(int(times)):
            account = application.repository.get(account_id)
            if work == "execute":
                account.deposit(Decimal("12.50"))
                application.save(account)
        print(perf_counter() - began)
    return 0


def _application(storage: str, file: Path) -> Any:
    application: Any = import_module("eventsourcing.application")
    environment = {"IS_SNAPSHOTTING_ENABLED": "y"}
    if storage == "sqlite":
        environment |= {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
    return application.Application(env=environment)


def _account_of(application: Any, events: int) -> Any:
    domain: Any = import_module("eventsourcing.domain")

    class Account(domain.Aggregate):  # pyright: ignore[reportUntypedBaseClass] - imported late
        def __init__(self) -> None:
            self.balance = Decimal(0)

        @domain.event("Deposited")
        def deposit(self, amount: Decimal) -> None:
            self.balance += amount

    Account.__qualname__ = "Account"
    globals()["Account"] = Account
    account: Any = Account()
    for _ in range(events - 1):
        account.deposit(Decimal("12.50"))
    application.save(account)
    return account.id


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
