"""What is under test: a class of buses."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrix.messaging import InMemoryDeadLetterQueue
from orchestrix.testing.conformance.message_bus.samples import MakeBus
from orchestrix.testing.conformance.suite import Suite


class MessageBusSuite(Suite):
    """The fixtures of the suite."""

    @pytest.fixture
    def make_bus(self) -> MakeBus:
        raise NotImplementedError("give a fixture `make_bus`: a class of buses")

    @pytest.fixture
    def letters(self) -> InMemoryDeadLetterQueue:
        return InMemoryDeadLetterQueue()

    @pytest.fixture
    def bus(self, make_bus: MakeBus, letters: InMemoryDeadLetterQueue) -> Any:
        return make_bus(dead_letters=letters)

    @pytest.fixture
    def run(self) -> Callable[[Any], None]:
        raise NotImplementedError("give a fixture `run`: what ends a publish in a thread")

    @pytest.fixture
    def hasty_threads(self) -> Iterator[None]:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        yield
        sys.setswitchinterval(before)
