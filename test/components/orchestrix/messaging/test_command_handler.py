from dataclasses import dataclass
from typing import get_args

import pytest

from orchestrix.messaging import AsyncCommandHandler, Command, CommandHandler, InMemoryMessageBus


@dataclass(frozen=True, kw_only=True)
class Open(Command):
    owner: str


class OpenHandler(CommandHandler[Open]):
    def __init__(self, owners: list[str]) -> None:
        self.owners = owners

    def handle(self, command: Open) -> None:
        self.owners.append(command.owner)


def test_a_handler_names_the_command_it_decides_about() -> None:
    assert get_args(CommandHandler[Open]) == (Open,)
    assert get_args(AsyncCommandHandler[Open]) == (Open,)


def test_a_handler_gets_what_it_needs_from_its_own_constructor() -> None:
    bus, owners = InMemoryMessageBus(), list[str]()
    bus.subscribe(Open, OpenHandler(owners))
    bus.send(Open(owner="Ada"))

    assert owners == ["Ada"]


@pytest.mark.parametrize("port", [CommandHandler, AsyncCommandHandler])
def test_a_handler_that_forgot_handle_cannot_be_made(port: type) -> None:
    with pytest.raises(TypeError, match="handle"):
        type("Incomplete", (port,), {})()
