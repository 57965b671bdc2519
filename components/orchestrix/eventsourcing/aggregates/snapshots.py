"""Snapshots of aggregates: what is kept, and when it is good enough to begin with."""

import functools
import inspect
import logging
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, get_type_hints

import msgspec

from orchestrix.eventsourcing.aggregates.aggregate import AggregateRoot
from orchestrix.eventsourcing.aggregates.errors import InvalidAggregate
from orchestrix.eventsourcing.aggregates.same_value import is_same
from orchestrix.eventsourcing.projections.fingerprint import fingerprint, text_of
from orchestrix.eventsourcing.snapshot import Snapshot

logger = logging.getLogger("orchestrix.aggregates")

_OWN: Final = {each.name for each in fields(AggregateRoot)}


def snapshot_of(aggregate: AggregateRoot) -> Snapshot:
    """Return a snapshot of an aggregate, new events included.

    Raises:
        InvalidAggregate: Its state could not be read back as it is.
    """
    kept = {name: _kept(aggregate, name) for name in _hints(type(aggregate))}
    _check_complete(aggregate, kept)
    state = {"schema": _schema(type(aggregate)), "fields": kept}
    kind = type(aggregate).__qualname__
    return Snapshot(aggregate.aggregate_id, kind, aggregate.version - 1, state)


def restore(aggregate: AggregateRoot, snapshot: Snapshot) -> bool:
    """Give an empty aggregate the state of a snapshot; say whether its class could read it.

    A snapshot that it cannot read changes nothing: its events tell the same.
    """
    cls = type(aggregate)
    state = snapshot.state
    if snapshot.aggregate_type != cls.__qualname__ or state.get("schema") != _schema(cls):
        return False
    try:
        values = {
            name: msgspec.convert(state["fields"][name], hint, str_keys=True)
            for name, hint in _hints(cls).items()
        }
    except Exception as error:  # noqa: BLE001 - whatever its classes raise, the events tell the same
        logger.warning(
            "the snapshot of %s %r is not used, since its state does not fit the class: %s",
            cls.__qualname__, snapshot.aggregate_id, error,
        )  # fmt: skip
        return False
    for name, value in values.items():
        setattr(aggregate, name, value)
    aggregate.version = aggregate.snapshot_version = snapshot.version + 1
    return True


@functools.cache
def _schema(cls: type[AggregateRoot]) -> str:
    """Return a text that changes with the class's fields, its ``_when_`` methods and its version.

    Another Python version makes another text, too; a snapshot is then made anew.
    """
    methods = [name for name in dir(cls) if name.startswith("_when_")]
    code = fingerprint((name, name, getattr(cls, name)) for name in methods)
    shape = fingerprint(
        (name, f"{hint!r} {text_of(_default(cls, name))}", _factory(cls, name))
        for name, hint in _hints(cls).items()
    )
    return f"{cls.snapshot_schema_version}-{code}-{shape}"


def _default(cls: type[AggregateRoot], name: str) -> object:
    return next(each.default for each in fields(cls) if each.name == name)


def _factory(cls: type[AggregateRoot], name: str) -> Callable[..., Any]:
    """Return the function that makes a field's default; that of none does nothing."""
    factory: Any = next(each.default_factory for each in fields(cls) if each.name == name)
    return factory if inspect.isfunction(factory) else _nothing


def _nothing() -> None: ...


@functools.cache
def _hints(cls: type[AggregateRoot]) -> dict[str, Any]:
    """Return the fields that the class adds, with their types."""
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        raise InvalidAggregate(
            f"{cls.__qualname__}: a field's type cannot be found ({error}), which snapshots need; "
            "import it in the module of the class"
        ) from error
    return {each.name: hints[each.name] for each in fields(cls) if each.name not in _OWN}


def _kept(aggregate: AggregateRoot, name: str) -> Any:
    hint = _hints(type(aggregate))[name]
    try:
        value = getattr(aggregate, name)
        kept = msgspec.json.decode(msgspec.json.encode(value))
        found = msgspec.convert(kept, hint, str_keys=True)
        if is_same(value, found):
            return kept
        problem = f"{value!r} would be read back as {found!r}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as a refusal
        problem = f"{type(error).__name__}: {error}"
    raise InvalidAggregate(
        f"{type(aggregate).__qualname__}.{name}: snapshots cannot hold it ({problem}); declare its "
        "type as it is, one that JSON can carry, or have no snapshots"
    )


def _check_complete(aggregate: AggregateRoot, kept: dict[str, Any]) -> None:
    others = sorted(vars(aggregate).keys() - _OWN - kept.keys())
    if others:
        raise InvalidAggregate(
            f"{type(aggregate).__qualname__}: a snapshot would lose {', '.join(others)}; declare "
            "the class with @dataclass and what it holds as fields, or have no snapshots"
        )
