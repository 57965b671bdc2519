"""The runner: keeps projections up to date with a log."""

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from orchestrix.eventsourcing import AppendResult, AsyncEventStore, ProjectionEngine
from orchestrix.memory_store import InMemoryAsyncEventStore, InMemoryEventStore
from orchestrix.projection_runtime.errors import (
    InvalidRunner,
    ProjectionsStopped,
    RunnerError,
    UnknownProjection,
)
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.follower import Follower
from orchestrix.projection_runtime.log_reader import LogReader
from orchestrix.projection_runtime.status import ProjectionStatus
from orchestrix.projection_runtime.waiting import Arrivals
from orchestrix.projection_state import InMemoryProjectionStateStore, ProjectionStateStore

logger = logging.getLogger("orchestrix.runtime")


class ProjectionRunner:
    """Feeds several engines from one log: to its head, or for as long as it grows.

    Each projection goes at its own pace and from its own checkpoint; what fails in one stops
    no other. A page that several want is read once, and the next one while it is handled.

    Args:
        event_store: Whose log is followed; a sync in-memory store is taken as well.
        engines: At least one, of different projections.
        on_failure: What to do when a handler fails.
        page_size: Events that are read, and handled in one batch, at a time; at least 1.

    Raises:
        InvalidRunner: The engines cannot be run together, or a model in memory would be empty
            after a restart, because its checkpoint is not in memory.
    """

    def __init__(
        self,
        event_store: AsyncEventStore | InMemoryEventStore,
        engines: Sequence[ProjectionEngine],
        *,
        on_failure: FailurePolicy | None = None,
        page_size: int = 1000,
    ) -> None:
        _check_engines(engines)
        _check_page_size(page_size)
        self._store = _async_store(event_store)
        self._reader = LogReader(self._store, page_size)
        self._arrivals = Arrivals()
        policy = on_failure or FailurePolicy()
        self._followers = {
            each.projection_id: Follower(
                each, self._store, self._reader, policy, self._arrivals.announce
            )
            for each in engines
        }
        self._stopping: asyncio.Event | None = None

    async def catch_up(self) -> None:
        """Handle the log up to its head, once, with all projections.

        Raises:
            ProjectionsStopped: Some could not; the others are at the head.
            RunnerError: The runner is at work already.
        """
        await self._work(to_head=True)

    async def run(self) -> None:
        """Follow the log until :meth:`stop`; then finish the batches that were begun.

        When this is cancelled, they are rolled back or finished as each store can.

        Raises:
            ProjectionsStopped: None of the projections goes on.
            RunnerError: The runner is at work already.
        """
        await self._work(to_head=False)

    def stop(self) -> None:
        """Let :meth:`run` or :meth:`catch_up` finish the batches that were begun, and return.

        Call it in the thread of their loop, as a signal handler of the loop does.
        """
        if self._stopping is not None:
            self._stopping.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run in the background while the block lasts, and stop at its end.

        Raises what :meth:`run` raises, at the end; what the block itself raises goes first. A
        block that is cancelled cancels the runner.
        """
        running = asyncio.create_task(self.run())
        await asyncio.sleep(0)  # so that it can be stopped
        try:
            yield
        except BaseException as error:
            self.stop()
            if not isinstance(error, Exception):
                running.cancel()
            await asyncio.wait([running])
            if not running.cancelled() and (stopped := running.exception()) is not None:
                logger.error("projections %s", stopped)
            raise
        self.stop()
        await running

    async def status(self) -> Sequence[ProjectionStatus]:
        """Return how each projection is, in the order they were given."""
        return [await self._status_of(each) for each in self._followers.values()]

    async def wait_for(
        self,
        target: AppendResult | int,
        projections: Collection[str] | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - the sentence at its end says what was missing
    ) -> None:
        """Return when projections have handled the log up to what was appended.

        It does not matter whether they are run here, by another runner of this process or by
        another process: the checkpoint tells.

        Args:
            target: What an append returned, or a position.
            projections: Which ones. None: all of this runner.
            timeout: The longest wait in seconds, at least 0.

        Raises:
            NotProcessed: One is stopped, or retries an event of this append; at once.
            NotInTime: The time is over; it says which is how far.
            UnknownProjection: A name that none here has.
        """
        names = self._followers if projections is None else projections
        followers = [self._follower(name) for name in names]
        await self._arrivals.wait(followers, target, timeout)

    async def _work(self, *, to_head: bool) -> None:
        if self._stopping is not None:
            raise RunnerError("this runner is at work already; stop it first, or make another")
        stopping = self._stopping = asyncio.Event()
        followers = self._followers.values()
        try:
            async with asyncio.TaskGroup() as group:
                for follower in followers:
                    group.create_task(follower.follow(stopping, to_head=to_head))
        finally:
            self._stopping = None
            await self._reader.close()
        causes = {
            each.projection_id: each.problem
            for each in followers
            if each.condition == "stopped" and each.problem is not None
        }
        if causes:
            raise ProjectionsStopped(causes)

    def _follower(self, projection_id: str) -> Follower:
        if projection_id not in self._followers:
            raise UnknownProjection(projection_id, tuple(self._followers))
        return self._followers[projection_id]

    async def _status_of(self, follower: Follower) -> ProjectionStatus:
        state = await follower.load_state()
        checkpoint = 0 if state is None else state.last_processed_position
        waiting = await self._store.read_all(after_position=checkpoint, limit=1)
        oldest = waiting.events[0].recorded_at if waiting.events else None
        return ProjectionStatus(
            projection_id=follower.projection_id,
            condition=follower.condition,
            checkpoint=checkpoint,
            head=await self._store.head(),
            lag=await self._store.count_after(checkpoint),
            lag_seconds=0.0 if oldest is None else _seconds_since(oldest),
            throughput=follower.throughput.per_second(),
            error_count=0 if state is None else state.error_count,
            problem=follower.problem_in_words(),
            promise=follower.engine.promise,
        )


def _is_in_memory(store: ProjectionStateStore) -> bool:
    return isinstance(store, InMemoryProjectionStateStore)


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())


def _async_store(store: AsyncEventStore | InMemoryEventStore) -> AsyncEventStore:
    if isinstance(store, InMemoryEventStore):
        return InMemoryAsyncEventStore(store)
    if not inspect.iscoroutinefunction(getattr(store, "read_all", None)):
        raise InvalidRunner(f"event_store is an event store with async methods; found {store!r}")
    return store


def _check_page_size(page_size: object) -> None:
    if not isinstance(page_size, int) or isinstance(page_size, bool) or page_size < 1:
        raise InvalidRunner(f"page_size is a whole number from 1 on; found {page_size!r}")


def _check_engines(engines: Sequence[ProjectionEngine]) -> None:
    if not engines:
        raise InvalidRunner("a runner needs at least one engine")
    names = [each.projection_id for each in engines]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRunner(
                f"two engines of projection {name!r} would handle its events by turns; give each "
                "its own projection_id, or run one"
            )
    for engine in engines:
        if engine.has_model_in_memory() and not _is_in_memory(engine.state_store):
            raise InvalidRunner(
                f"projection {engine.projection_id!r} keeps its model in memory and its checkpoint "
                f"in {engine.state_store!r}, so the model would be empty after a restart; give "
                "the engine an InMemoryProjectionStateStore(), or write the model to the store"
            )
