"""The `eventsourcing` library on SQLite.

``python peer_eventsourcing.py (append SIZE | read | project) COUNT`` runs in an environment that
has version 9 or 10 of it; ``project`` needs 9. Prints the seconds, and the bytes of the file for
each event.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

PAGE = 1000


def main(arguments: Sequence[str]) -> int:
    """Do the work that is named."""
    work, *sizes, count = arguments
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.db"
        application, events = _prepared(file, int(count))
        size = int(sizes[0]) if sizes else PAGE
        seconds = _append(application, events, size)
        if work == "read":
            seconds = _read(application)
        elif work == "project":
            seconds = _project(application, Path(folder) / "view.db")
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        print(seconds, file.stat().st_size / int(count))
    return 0


def _prepared(file: Path, count: int) -> tuple[Any, list[Any]]:
    environment = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(file)}
    if version("eventsourcing").startswith("9."):
        return _version_9(environment, count)
    return _version_10(environment, count)


def _version_9(environment: dict[str, str], count: int) -> tuple[Any, list[Any]]:
    domain: Any = import_module("eventsourcing.domain")
    application: Any = import_module("eventsourcing.application")

    class Deposited(domain.DomainEvent):  # pyright: ignore[reportUntypedBaseClass] - imported late
        account_id: str
        amount: Decimal

    Deposited.__qualname__ = "Deposited"
    globals()["Deposited"] = Deposited
    stream = uuid4()
    events: list[Any] = [
        Deposited(
            originator_id=stream,
            originator_version=number + 1,
            timestamp=domain.datetime_now_with_tzinfo(),
            account_id=f"account-{number % 100}",
            amount=Decimal("12.50"),
        )
        for number in range(count)
    ]
    return application.Application(env=environment), events


def _version_10(environment: dict[str, str], count: int) -> tuple[Any, list[Any]]:
    domain: Any = import_module("eventsourcing.domain")
    flavour: Any = import_module("eventsourcing.msgspec")

    class Deposited(flavour.Decision):  # pyright: ignore[reportUntypedBaseClass] - imported late
        account_id: str
        amount: Decimal

    Deposited.__qualname__ = "Deposited"
    globals()["Deposited"] = Deposited
    stream = str(uuid4())
    events: list[Any] = [
        domain.AggregateEvent(
            decision=Deposited(account_id="account-1", amount=Decimal("12.50")),
            originator_id=stream,
            originator_version=number + 1,
        )
        for number in range(count)
    ]
    return flavour.AggregatesApplication(env=environment), events


def _append(application: Any, events: Sequence[Any], size: int) -> float:
    began = perf_counter()
    for start in range(0, len(events), size):
        application.events.put(events[start : start + size])
    return perf_counter() - began


def _read(application: Any) -> float:
    began = perf_counter()
    start: int | None = 1
    while start is not None:
        found = application.recorder.select_notifications(start=start, limit=PAGE)
        for each in found:
            application.mapper.to_domain_event(each)
        start = found[-1].id + 1 if found else None
    return perf_counter() - began


def _project(application: Any, file: Path) -> float:
    """Keep a balance for each account, with a transaction for each event, as its views do."""
    persistence: Any = import_module("eventsourcing.persistence")
    sqlite: Any = import_module("eventsourcing.sqlite")
    view: Any = sqlite.SQLiteTrackingRecorder(sqlite.SQLiteDatastore(str(file)))
    view.create_table()
    with view.datastore.transaction(commit=True) as cursor:
        cursor.execute("CREATE TABLE balances (account PRIMARY KEY, amount)")
    began = perf_counter()
    start: int | None = 1
    while start is not None:
        found = application.recorder.select_notifications(start=start, limit=PAGE)
        for each in found:
            event = application.mapper.to_domain_event(each)
            tracking = persistence.Tracking("bank", each.id)
            with view.datastore.transaction(commit=True) as cursor:
                view._insert_tracking(cursor, tracking)  # what its own views call
                cursor.execute(
                    "INSERT INTO balances VALUES (?, ?) "
                    "ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount",
                    (event.account_id, int(event.amount)),
                )
        start = found[-1].id + 1 if found else None
    return perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
