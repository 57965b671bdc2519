"""Building a read model anew: from a log in SQLite into a table beside it, through the runner.

The reference writes the same rows, made before, with ``executemany``: no events are read.
"""

from measure import Work
from sqlite_logs import EVENTS, KEYS, PAGE
from sqlite_models import caught_up, upserted, with_table


def works() -> list[Work]:
    """What is measured here."""
    name = f"SQLite rebuild into a Table, {KEYS:,} keys"
    ours = caught_up(with_table, EVENTS, KEYS)
    return [Work(name, EVENTS, ours, upserted(EVENTS, KEYS, PAGE), 0.25)]
