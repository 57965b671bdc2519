"""When two events are the same, and how lists of events differ."""

from collections.abc import Sequence
from dataclasses import fields
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

from orchestrix.messaging import Event, Message, message_type
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.texts import expected_and_found, joined, shown

ENVELOPE: Final = frozenset(
    ("id", "specversion", "source", "timestamp", "correlation_id", "causation_id")
)
"""Fields that say who made an event, when and why: no two events agree on them."""


def content(event: Message) -> dict[str, Any]:
    """Return what makes an event the same as another: its fields, but for the envelope."""
    names = [each.name for each in fields(event) if each.compare]
    return {name: getattr(event, name) for name in names if name not in ENVELOPE}


def is_same(one: Message, other: Message) -> bool:
    """Say whether two events have one class and one content."""
    return type(one) is type(other) and content(one) == content(other)


def check_events(what: str, events: Sequence[object]) -> None:
    """Raise InvalidScenario unless all of `events` are events."""
    for number, each in enumerate(events, 1):
        if isinstance(each, Event):
            continue
        problem = f"{what}: number {number} is {shown(each)}, which is no event; "
        if isinstance(each, type) and issubclass(each, Event):
            raise InvalidScenario(f"{problem}make one: {each.__qualname__}(...)")
        if isinstance(each, (list, tuple)):
            raise InvalidScenario(f"{problem}write the events one by one, or *events")
        raise InvalidScenario(f"{problem}an event is an instance of a subclass of Event")


def difference(expected: Sequence[Message], found: Sequence[Message], what: str = "event") -> str:
    """Return how `found` differs from `expected`; an empty text when it does not."""
    lines: list[str] = []
    kinds: list[Message] = []
    one, other = (_numbered(events, kinds) for events in (expected, found))
    for tag, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag != "equal":
            for i, j in zip_longest(range(a, b), range(c, d)):
                lines += _pair(i, j, expected, found, what)
    counts = f"{_count(expected, what)} expected, {_count(found, what)} found"
    title = f"other {what}s than expected: {counts}"
    return joined(title, lines) if lines else ""


def described(event: Message, *, with_module: bool = False) -> str:
    """Return an event as it would be written, without what is None and without the envelope."""
    cls = type(event)
    told = content(event)
    if told.get("type") == message_type(cls):
        del told["type"]
    values = [f"{name}={shown(value)}" for name, value in told.items() if value is not None]
    module = f"{cls.__module__}." if with_module else ""
    return f"{module}{cls.__qualname__}({', '.join(values)})"


def _numbered(events: Sequence[Message], kinds: list[Message]) -> list[int]:
    """Return a number for each event, one for all that are the same: events need not be hashed."""
    numbers: list[int] = []
    for event in events:
        found = next((i for i, each in enumerate(kinds) if is_same(each, event)), len(kinds))
        if found == len(kinds):
            kinds.append(event)
        numbers.append(found)
    return numbers


def _pair(
    i: int | None,
    j: int | None,
    expected: Sequence[Message],
    found: Sequence[Message],
    what: str,
) -> list[str]:
    one, other = None if i is None else expected[i], None if j is None else found[j]
    if one is not None and other is not None and type(one) is type(other):
        return [f"  {what} {(j or 0) + 1}: {type(one).__qualname__}", *_fields(one, other)]
    are_alike = type(one).__name__ == type(other).__name__
    lines: list[str] = []
    if one is not None:
        text = described(one, with_module=are_alike)
        lines.append(f"- {what} {(i or 0) + 1}, expected and missing: {text}")
    if other is not None:
        text = described(other, with_module=are_alike)
        lines.append(f"+ {what} {(j or 0) + 1}, found and not expected: {text}")
    return lines


def _fields(one: Message, other: Message) -> list[str]:
    told = content(other)
    return [
        line
        for name, value in content(one).items()
        if (value,) != (told[name],)  # as in a tuple: what is the same object is equal
        for line in expected_and_found(name, value, told[name])
    ]


def _count(messages: Sequence[Message], what: str) -> str:
    return f"1 {what}" if len(messages) == 1 else f"{len(messages) or 'no'} {what}s"
