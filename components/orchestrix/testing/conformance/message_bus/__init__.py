"""What both buses promise; a bus's test subclasses it and gives fixtures ``make_bus`` and ``run``.

The sync bus is driven through ``done``, which awaits only what can be awaited.
"""

from orchestrix.testing.conformance.message_bus.delivery import Delivery
from orchestrix.testing.conformance.message_bus.failures import Failures
from orchestrix.testing.conformance.message_bus.samples import (
    Closed,
    MakeBus,
    Open,
    Opened,
    Refused,
    ignore,
    refuse,
)
from orchestrix.testing.conformance.message_bus.subscriptions import Subscriptions

__all__ = [
    "Closed",
    "MakeBus",
    "MessageBusConformance",
    "Open",
    "Opened",
    "Refused",
    "ignore",
    "refuse",
]


class MessageBusConformance(Delivery, Failures, Subscriptions):
    """What every message bus promises."""
