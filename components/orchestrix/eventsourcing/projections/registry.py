"""What is registered with an engine: functions, projections, hooks; and the routes they make."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from orchestrix.eventsourcing.projections.batch_feed import BatchHandler
from orchestrix.eventsourcing.projections.context import ProjectionContext
from orchestrix.eventsourcing.projections.errors import RegistrationError
from orchestrix.eventsourcing.projections.fingerprint import fingerprint
from orchestrix.eventsourcing.projections.handlers import (
    Context,
    Handler,
    call,
    check_callable,
    context_of,
    handler,
    is_same,
    name_of,
)
from orchestrix.eventsourcing.projections.keys import KeyFunction
from orchestrix.eventsourcing.projections.projection import Projection, handlers_in
from orchestrix.eventsourcing.projections.routes import Routes
from orchestrix.messaging import Event, UnknownEvent, message_type

ProjectionT = TypeVar("ProjectionT", bound=Projection)


class Registered:
    """A class-style projection: how to make one, and the one there is."""

    def __init__(self, factory: Callable[[], Projection]) -> None:
        self.factory = factory
        self.instance = self.make()

    def make(self) -> Projection:
        """Return a new instance."""
        if not callable(self.factory):
            raise RegistrationError(
                f"{self.factory!r} makes no projection; register its class, "
                f"{type(self.factory).__qualname__}, or a function that makes an instance"
            )
        made = self.factory()
        if not isinstance(made, Projection):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise RegistrationError(
                f"{name_of(self.factory)} made {made!r}; register a subclass of Projection, "
                "or a function that makes one"
            )
        return made


Instances = list[tuple[Registered, Projection]]
"""Registered projections, each with an instance."""


class Registry:
    """Handlers in registration order, and what else an engine was given.

    Args:
        key: The function that tells what belongs together, if there is one; then handlers are
            called by the dispatch only, which asks it.
        empties_models: Whether the engine has read models that it empties itself.
    """

    def __init__(self, key: KeyFunction | None = None, *, empties_models: bool = False) -> None:
        self._sources: list[Handler | Registered] = []
        self._key = key
        self.empties_models = empties_models
        self.batch: BatchHandler | None = None
        self.reset_hooks: list[tuple[Callable[..., Any], Context]] = []
        self._build()

    def add_function(
        self, event_type: type[Event], function: Callable[..., Any], in_replay: bool
    ) -> None:
        """Register `function` for `event_type`, or raise RegistrationError."""
        new = handler(event_type, function, in_replay=in_replay)
        self._check_kind(self.batch is None)
        for each in self._handlers:
            if each.event_type is event_type and is_same(each.function, function):
                raise RegistrationError(
                    f"{new.name} handles {event_type.__name__} already; register it once"
                )
        self._sources.append(new)
        self._build()

    def add_projection(self, factory: Callable[[], Projection]) -> None:
        """Register a class-style projection, or raise RegistrationError."""
        self._check_kind(self.batch is None)
        if any(is_same(each.factory, factory) for each in self._registered()):
            raise RegistrationError(f"{name_of(factory)} is registered already; do it once")
        registered = Registered(factory)
        if not list(handlers_in(registered.instance)):
            raise RegistrationError(
                f"{name_of(factory)} handles nothing; mark its methods with @on(SomeEvent)"
            )
        self._sources.append(registered)
        self._build()

    def set_batch(self, function: Callable[..., Any]) -> None:
        """Register the one handler of whole batches, or raise RegistrationError."""
        check_callable(function)
        self._check_kind(not self._sources and self.batch is None)
        self.batch = BatchHandler(
            function, name_of(function), context_of(function, "a list of events")
        )
        self._build()

    def add_reset_hook(self, function: Callable[..., Any]) -> None:
        """Register what empties the read model, or raise RegistrationError."""
        check_callable(function)
        if any(is_same(function, each) for each, _ in self.reset_hooks):
            raise RegistrationError(f"{name_of(function)} empties the model already; say so once")
        self.reset_hooks.append((function, context_of(function, "")))

    def instance_of(self, cls: type[ProjectionT]) -> ProjectionT:
        """Return the present instance of `cls`, or raise RegistrationError."""
        fitting = [each for _, each in self.instances() if isinstance(each, cls)]
        exact = [each for each in fitting if type(each) is cls]
        for instance in exact or fitting:
            return instance
        raise RegistrationError(f"{cls.__qualname__} is not registered; engine.register it first")

    def has_unmanaged_model(self) -> bool:
        """Say whether a replay has no means to empty what the handlers write."""
        functions = self.batch or any(isinstance(each, Handler) for each in self._sources)
        return bool(functions) and not self.reset_hooks and not self.empties_models

    async def reset(self, context: ProjectionContext) -> None:
        """Empty the read models: new instances of the projections, then the hooks in order.

        When a factory raises, all instances stay as they are.
        """
        self.put_instances([(each, each.make()) for each in self._registered()])
        for hook, wanted in self.reset_hooks:
            await call(hook, (), wanted, context)

    def hears(self, event: Event) -> bool:
        """Say whether anything handles `event`, at least when it is news."""
        if self.batch is not None:
            return not isinstance(event, UnknownEvent)
        return self.live.handlers_of(type(event)) is not None

    def silent_names(self) -> set[str]:
        """Return the names of the handlers that are not called for history."""
        return {each.name for each in self._handlers if not each.in_replay}

    def instances(self) -> Instances:
        """Return all registered projections with their present instances."""
        return [(each, each.instance) for each in self._registered()]

    def put_instances(self, instances: Instances) -> None:
        """Let these be the present instances; what was registered since keeps its own."""
        for registered, instance in instances:
            registered.instance = instance
        self._build()

    def _registered(self) -> list[Registered]:
        return [each for each in self._sources if isinstance(each, Registered)]

    def fingerprint(self) -> str:
        """Identify the code of everything that handles events."""
        if self._fingerprint is None:
            self._fingerprint = self._make_fingerprint()
        return self._fingerprint

    def _make_fingerprint(self) -> str:
        parts = [
            (message_type(each.event_type), each.name, each.function) for each in self._handlers
        ]
        if self.batch is not None:
            parts.append(("", self.batch.name, self.batch.function))
        if self._key is not None:
            parts.append(("", name_of(self._key), self._key))
        return fingerprint(parts)

    def _build(self) -> None:
        self._handlers = _named_apart(self._sources)
        self._fingerprint: str | None = None
        lanes = self._key is None
        self.live = Routes(self._handlers, replaying=False, has_fast_lanes=lanes)
        self.replay = Routes(self._handlers, replaying=True, has_fast_lanes=lanes)

    def _check_kind(self, fits: bool) -> None:
        if not fits:
            raise RegistrationError(
                "a projection has either one batch handler or handlers of single events; "
                "make a second engine for the other"
            )


def _named_apart(sources: list[Handler | Registered]) -> list[Handler]:
    """Return all handlers; of equal names the second becomes ``name#2``.

    A function that is registered with and without silence has two names: what one of them
    returned from may outlive a reset, what the other did is undone by it.
    """
    found: list[Handler] = []
    named: dict[str, list[Handler]] = {}
    for source in sources:
        for each in [source] if isinstance(source, Handler) else handlers_in(source.instance):
            others = named.setdefault(each.name, [])
            number = next(
                (n for n, other in enumerate(others) if _is_one(each, other)), len(others)
            )
            if number == len(others):
                others.append(each)
            found.append(replace(each, name=f"{each.name}#{number + 1}") if number else each)
    return found


def _is_one(one: Handler, other: Handler) -> bool:
    return one.in_replay == other.in_replay and is_same(one.function, other.function)
