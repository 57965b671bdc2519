"""Rows in a line, each beginning with the balance that the one before it left behind."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal

from orchestrix.projection_demo.steps import Booking

EXACTLY = [Decimal(0)]
WITHIN_ROUNDING = [Decimal(each) / 100 for each in sorted(range(-10, 11), key=abs)]
"""By how much a row may begin beside the balance before it: amounts have two decimals."""

_Waiting = Mapping[Decimal, deque[Booking]]
"""The rows not yet in line, as in the file, by the balance that they begin with."""


def balance_chain(
    previous: Decimal, day: list[Booking], differences: Sequence[Decimal]
) -> list[Booking]:
    """Put the rows of a day in line from the balance before it, in linear time.

    `EXACTLY` finds an order in which all steps are exact if there is one. Where there is none,
    the line is in pieces and need not be the best one.
    """
    waiting: defaultdict[Decimal, deque[Booking]] = defaultdict(deque)
    for each in day:
        waiting[each.balance - each.change].append(each)
    balances = {each.balance for each in day}

    def is_led_to(before: Decimal) -> bool:
        return any(before - each in balances for each in differences)

    line = _walk(Booking(0, Decimal(0), previous), waiting, differences)[1:]
    for before in sorted(waiting, key=is_led_to):  # a piece begins with a row that none leads to
        while waiting[before]:
            line += _walk(waiting[before].popleft(), waiting, differences)
    return line


def _walk(first: Booking, waiting: _Waiting, differences: Sequence[Decimal]) -> list[Booking]:
    """Go on as long as a row follows; go back where another one did, and put its way in there.

    Each row is a way from one balance to another, and this is Hierholzer's algorithm: it finds
    a path that takes all ways.
    """
    path, walked = [first], list[Booking]()
    while path:
        balance = path[-1].balance
        following = next(
            (rows for each in differences if (rows := waiting.get(balance + each))), None
        )
        if following:
            path.append(following.popleft())
        else:
            walked.append(path.pop())
    return walked[::-1]
