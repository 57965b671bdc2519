"""What a process runner cannot work with, told before it does."""

import inspect
from typing import Any, cast

from orchestrix.process_manager.process_errors import InvalidProcess
from orchestrix.process_manager.process_manager import ProcessManager
from orchestrix.read_models import TableStore


def check_managers(managers: Any) -> None:
    """Raise InvalidProcess unless they are process managers of different names."""
    if isinstance(managers, ProcessManager) or not list(managers):
        raise InvalidProcess(
            f"a process runner needs a list of at least one process manager; found {managers!r}"
        )
    for each in managers:
        if not isinstance(each, ProcessManager):
            raise InvalidProcess(f"a process manager is a ProcessManager; found {each!r}")
    names = [each.name.lower() for each in managers]  # as SQLite compares the names of tables
    for name in names:
        if names.count(name) > 1:
            raise InvalidProcess(f"two process managers are called {name!r}; rename one")


def check_send(send: Any) -> None:
    """Raise InvalidProcess unless it gives one command to its one handler."""
    owner = getattr(send, "__self__", None)
    if getattr(send, "__name__", "") == "publish" and hasattr(owner, "send"):
        raise InvalidProcess(
            "a bus's publish tells nobody whether a command was taken; give the runner its send"
        )
    problem = f"found {send!r}"
    if callable(send):
        try:
            inspect.signature(send).bind(None)
        except TypeError as error:
            problem = f"{send!r} cannot be called so ({error})"
        except ValueError:  # a builtin that tells nothing of itself
            return
        else:
            return
    raise InvalidProcess(f"send is a function of one command, such as bus.send; {problem}")


def check_arguments(state_store: object, unanswered: object, at_once: object) -> None:
    """Raise InvalidProcess unless each is what it has to be."""
    if not isinstance(state_store, TableStore):
        raise InvalidProcess(
            "state_store keeps tables, as InMemoryProjections() and "
            f"open_sqlite_projections(file) do; found {state_store!r}"
        )
    classes = cast("tuple[object, ...]", unanswered) if isinstance(unanswered, tuple) else (None,)
    if not all(isinstance(each, type) and issubclass(each, Exception) for each in classes):
        raise InvalidProcess(
            f"unanswered is a tuple of exceptions, as in (BrokerError,); found {unanswered!r}"
        )
    if not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1:
        raise InvalidProcess(f"at_once is a whole number from 1 on; found {at_once!r}")
