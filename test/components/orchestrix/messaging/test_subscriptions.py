"""Races, made to happen: another thread subscribes at the worst moment of a change."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from orchestrix.messaging import Event
from orchestrix.messaging.subscriptions import Subscription, Subscriptions


class Opened(Event):
    pass


def handler(event: Event) -> None: ...


def late(event: Event) -> None: ...


class Raced(Subscriptions):
    """Lets a rival thread in after the new subscriptions were worked out, before they count."""

    rival: threading.Thread | None = None

    def _replace(self, subscriptions: tuple[Subscription, ...]) -> None:
        if self.rival is None:
            self.rival = threading.Thread(target=self.add, args=(Event, late))
            self.rival.start()
            self.rival.join(0.02)  # all of it only when the rival has to wait for us
        super()._replace(subscriptions)


def handlers(subscriptions: Subscriptions) -> list[object]:
    return [each.handler for each in subscriptions.of(Opened())]


@pytest.mark.parametrize("before", [[], [handler]])
def test_a_change_loses_none_that_another_thread_makes(before: list[Any]) -> None:
    subscriptions = Raced(allow_async=False)
    for each in before:
        subscriptions._all = (Subscription(Event, each, each, "handler"),)
    change: Callable[..., None] = subscriptions.remove if before else subscriptions.add
    change(Event, handler)
    assert subscriptions.rival is not None
    subscriptions.rival.join()

    assert handlers(subscriptions) == ([late] if before else [handler, late])


def test_a_message_looked_up_during_a_change_hides_none_of_it_afterwards() -> None:
    rivals: list[threading.Thread] = []

    class Racing(type):
        def __subclasscheck__(cls, subclass: type) -> bool:
            if not rivals:
                rivals.append(threading.Thread(target=subscriptions.add, args=(Event, late)))
                rivals[0].start()
                rivals[0].join(0.02)
            return False

    class Slow(Event, metaclass=Racing):
        pass

    subscriptions = Subscriptions(allow_async=False)
    subscriptions._all = (Subscription(Slow, handler, handler, "handler"),)
    subscriptions.of(Opened())
    rivals[0].join()

    assert handlers(subscriptions) == [late]
