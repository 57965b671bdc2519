"""Events on their way into a projection, also with all that may happen to them there."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any, Final, Generic, Literal, TypeVar, cast, get_args

from orchestrix.eventsourcing import Page, ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore, InMemoryProjections
from orchestrix.testing.errors import InvalidScenario
from orchestrix.testing.texts import shown

ModelT = TypeVar("ModelT")

Way = Literal["repeated", "crashed", "restarted", "replayed"]
WAYS: Final[tuple[Way, ...]] = get_args(Way)

PAGE: Final = 1000
"""Events that are fed at once where nothing happens to them."""


@dataclass(frozen=True)
class Subject(Generic[ModelT]):
    """A projection under test: how an engine is made over a store, and what is asked then."""

    engine_of: Callable[[InMemoryProjections], ProjectionEngine]
    model_of: Callable[[ProjectionEngine, InMemoryProjections], ModelT]


class _Died(BaseException):
    """The process ended: no handler and no engine can do anything about it."""


class _MortalProjections(InMemoryProjections):
    """A store whose process can die when all of a batch is done, and nothing of it committed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_dying = False

    @asynccontextmanager
    async def transaction(self, projection_id: str) -> AsyncGenerator[Any, None]:
        async with super().transaction(projection_id) as transaction:
            yield transaction
            if self.is_dying:
                raise _Died


class Delivery(Generic[ModelT]):
    """One engine after the other over one store, fed from one log.

    An engine whose model is in memory loses it with its process; the next one begins with an
    empty store, as the runner has it, and is fed what was handled before.
    """

    def __init__(self, subject: Subject[ModelT], log: InMemoryEventStore) -> None:
        self._subject = subject
        self._log = log
        self._handled: list[Page] = []
        self.states = _MortalProjections()
        self._engine = self._made()

    @property
    def model(self) -> ModelT:
        """What is asked about the result."""
        return self._subject.model_of(self._engine, self.states)

    async def run(self, ways: frozenset[Way]) -> None:
        """Feed the whole log. Raises what a handler raises."""
        if "replayed" in ways:
            for page in self._pages(PAGE):
                await self._engine.process_events(page)
        pages = self._pages(1 if ways - {"replayed"} else PAGE)
        for number, page in enumerate(pages):
            is_replay = "replayed" in ways and number == 0  # the engine goes on with it
            if "crashed" in ways:
                await self._crash(page, is_replay=is_replay)
            await self._feed(page, is_replay=is_replay)
            self._handled.append(page)
            if "repeated" in ways:
                await self._feed(page)
            if "restarted" in ways and page is not pages[-1]:
                await self._restart()

    async def _feed(self, page: Page, *, is_replay: bool = False) -> None:
        feed = self._engine.replay if is_replay else self._engine.process_events
        await feed(page)

    async def _crash(self, page: Page, *, is_replay: bool) -> None:
        self.states.is_dying = True
        with suppress(_Died):
            await self._feed(page, is_replay=is_replay)
        self.states.is_dying = False
        await self._restart()

    async def _restart(self) -> None:
        self._engine = self._made()
        if self._engine.has_model_in_memory():
            self.states = _MortalProjections()
            self._engine = self._made()
            for page in self._handled:
                await self._feed(page)

    def _made(self) -> ProjectionEngine:
        engine = cast("object", self._subject.engine_of(self.states))
        if iscoroutine(engine):
            engine.close()
        if not isinstance(engine, ProjectionEngine):
            raise InvalidScenario(
                "given a projection class, or a plain function of the state store that returns "
                f"its ProjectionEngine; this one returned {shown(engine)}"
            )
        if engine.state_store is not self.states:
            raise InvalidScenario(
                f"the engine {engine.projection_id!r} keeps its state elsewhere; make it over the "
                "state store that the function is given"
            )
        return engine

    def _pages(self, size: int) -> Sequence[Page]:
        pages: list[Page] = []
        after = 0
        while after < self._log.head():
            pages.append(self._log.read_all(after_position=after, limit=size))
            after = pages[-1].last_position
        return pages
