"""What every event store refuses: the call, and words of the error."""

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from typing import Any

import pytest

from orchestrix.eventsourcing import EventStoreError, InvalidAppend, InvalidRange, Snapshot
from orchestrix.messaging import Event
from orchestrix.testing.conformance.event_store.samples import Counted, counted, snapshot_at


def refused(error: type[EventStoreError], words: str, method: str, *args: Any, **kw: Any) -> Any:
    """A call that must raise `error`, with `words` in its text."""
    shown = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kw.items())])
    return pytest.param(error, words, method, args, kw, id=f"{method}({shown})"[:60])


UNTYPED: Any = 7
LOCK = threading.Lock()  # no store can keep it

REFUSED_APPENDS = [
    refused(InvalidAppend, "stream id.*''", "append", "", []),
    refused(InvalidAppend, "stream id.* NUL", "append", "a\0b", []),
    refused(InvalidAppend, "stream id.* surrogates", "append", "\ud800", []),
    refused(InvalidAppend, "stream id.* 512", "append", "x" * 513, []),
    refused(InvalidAppend, "stream id.* 512", "append", "x" * 10_000_000, []),
    refused(InvalidAppend, "'a': .*item 0.*found '' and", "append", "a", [Event(id="")]),
    refused(InvalidAppend, "'a': .*item 1.* NUL", "append", "a", [Event(), Event(id="a\0b")]),
    refused(InvalidAppend, "'a': .*item 0.* 512", "append", "a", [Event(type="x" * 513)]),
    refused(InvalidAppend, "stream id.*7", "append", 7, []),
    refused(InvalidAppend, r"'a': events are a list, as in \[event\]", "append", "a", Event()),
    refused(InvalidAppend, r"'a': events are a list, .*found None", "append", "a", None),
    refused(InvalidAppend, "stream id.*''", "save", "", []),
    refused(InvalidAppend, "stream id.*''", "save_snapshot", Snapshot("", "Account", 0, {})),
    refused(InvalidAppend, "'a': item 0 is 'opened', not an Event", "append", "a", ["opened"]),
    refused(InvalidAppend, "'a': .*item 0.*found 7 and", "append", "a", [Event(id=UNTYPED)]),
    refused(InvalidAppend, "'a': .*item 0.* and 7", "append", "a", [Event(type=UNTYPED)]),
    refused(InvalidAppend, "event 'x'.*lock", "append", "a", [Event(id="x", data=LOCK)]),
    refused(InvalidAppend, "snapshot.*'a'.*lock", "save_snapshot", snapshot_at(0, lock=LOCK)),
    refused(InvalidAppend, "'a': metadata.*'k': 7", "append", "a", [], metadata={"k": 7}),
    refused(InvalidAppend, "'a': metadata.*7: 'v'", "append", "a", [], metadata={7: "v"}),
    refused(InvalidAppend, "metadata.*surrogates", "append", "a", [], metadata={"k": "\ud800"}),
    refused(InvalidAppend, "'a': metadata.*'k=v'", "append", "a", [], metadata="k=v"),
    refused(InvalidRange, "version.* 0 on, found -1", "save_snapshot", snapshot_at(-1)),
    refused(InvalidRange, "'a': its version is at most", "save_snapshot", snapshot_at(2**63)),
    *(
        refused(InvalidAppend, words, "save_snapshot", replace(snapshot_at(0), **{name: bad}))
        for name, bad, words in (
            ("aggregate_type", None, "'a': its aggregate_type is a text .*found None"),
            ("aggregate_type", "\ud800", "'a': its aggregate_type is a text"),
            ("state", [1], "'a': its state is a dict, found"),
            ("state", None, "'a': its state is a dict, found None"),
            ("timestamp", "noon", "'a': its timestamp is a datetime, found 'noon'"),
        )
    ),
    *(
        refused(
            InvalidRange, f"'a': .*-1 on, found {bad!r}", "append", "a", [], expected_version=bad
        )
        for bad in (-2, True, 0.5, "0")
    ),
]

REFUSED_READS = [
    *(
        refused(InvalidAppend, f"stream id.*{bad!r}", method, bad)
        for method in ("read", "load", "load_snapshot")
        for bad in ("", 7, None)
    ),
    *(
        refused(InvalidRange, f"from_version.* 0 on, found {bad!r}", "read", "a", from_version=bad)
        for bad in (-1, True, 0.5, "0")
    ),
    *(
        refused(InvalidRange, f"limit.* 1 on, found {bad!r}", method, *args, limit=bad)
        for method, args in (("read", "a"), ("read_all", ()), ("streams", ()))
        for bad in (0, -1, True, None)
    ),
    *(
        refused(InvalidRange, f"position.* 0 on, found {bad!r}", method, *args, **kw)
        for bad in (-1, True, 0.5, None)
        for method, args, kw in (
            ("read_all", (), {"after_position": bad}),
            ("count_after", (bad,), {}),
            ("wait_for_events", (bad, 0), {}),
        )
    ),
    *(
        refused(InvalidRange, f"{name} is a collection.*found", "read_all", **{name: bad})
        for name in ("types", "categories")
        for bad in ("conformance.counted", [Counted], repeat("conformance.counted", 1))
    ),
    *(
        refused(InvalidRange, f"{name} is a text without NUL", "streams", **{name: bad})
        for name in ("prefix", "after")
        for bad in (None, 7, "\ud800", "a\0")
    ),
    *(
        refused(InvalidRange, f"timeout.*seconds.*found {bad!r}", "wait_for_events", 0, bad)
        for bad in (-1, -math.inf, math.nan, True, "1", None, -(10**400))
    ),
]

REFUSED_REPETITIONS: dict[str, Callable[[Event, Event, Event], list[Event]]] = {
    "reordered": lambda a, b, c: [b, a],
    "with a hole": lambda a, b, c: [a, c],
    "the known first": lambda a, b, c: [a, b, *counted(9)],
    "the known last": lambda a, b, c: [*counted(9), c],
    "the known in between": lambda a, b, c: [*counted(8), b, *counted(9)],
    "twice": lambda a, b, c: [a, a],
}
