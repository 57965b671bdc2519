"""The runner: keeps projections up to date with a log."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

from orchestrix.eventsourcing import AppendResult, AsyncEventStore, ProjectionEngine
from orchestrix.memory_store import InMemoryEventStore
from orchestrix.projection_runtime.checks import (
    async_store,
    check_engines,
    check_page_size,
    check_seconds,
    check_wait,
    policy_of,
)
from orchestrix.projection_runtime.errors import (
    NotManaged,
    ProjectionsStopped,
    RunnerError,
    UnknownProjection,
)
from orchestrix.projection_runtime.failure_policy import FailurePolicy
from orchestrix.projection_runtime.follower import Follower
from orchestrix.projection_runtime.log_reader import LogReader
from orchestrix.projection_runtime.management import Management
from orchestrix.projection_runtime.stalls import watched
from orchestrix.projection_runtime.status import ProjectionStatus
from orchestrix.projection_runtime.status_report import status_of
from orchestrix.projection_runtime.waiting import Arrivals
from orchestrix.projection_state import ManagedStateStore, ParkedKey

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
        lease_seconds: For how long a projection belongs to a runner that is not heard of, above
            0. Of two runners with one managed state store, the second waits; it goes on at once
            when the first is stopped, or its process has ended on the same host.
        stall_seconds: How long a handler may take before it is reported as stalled, above 0.

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
        lease_seconds: float = 10.0,
        stall_seconds: float = 10.0,
    ) -> None:
        policy = policy_of(on_failure)
        check_engines(engines, policy)
        check_page_size(page_size)
        check_seconds("lease_seconds", lease_seconds)
        check_seconds("stall_seconds", stall_seconds)
        self._store = store = async_store(event_store)
        self._reader = reader = LogReader(store, page_size)
        self._arrivals = Arrivals()
        self._stall_seconds = stall_seconds
        self._followers = {
            each.projection_id: Follower(
                each, store, reader, policy,
                _management(each, store, policy, lease_seconds), self._arrivals.announce,
            )
            for each in engines
        }  # fmt: skip
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # while it is at work

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
            ProjectionsStopped: Some were stopped; raised when none goes on, or at the end.
            RunnerError: The runner is at work already.
        """
        await self._work(to_head=False)

    def stop(self) -> None:
        """Let :meth:`run` or :meth:`catch_up` finish the batches that were begun, and return.

        Call it in the thread of their loop, as a signal handler of the loop does. Nothing happens
        while neither is at work.
        """
        if self._stopping is not None and self._loop is not None and not self._loop.is_closed():
            self._stopping.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run in the background while the block lasts, and stop at its end.

        Raises what :meth:`run` raises, at the end; what the block itself raises goes first. A
        block that is cancelled cancels the runner.
        """
        running = asyncio.create_task(self.run())
        try:
            await asyncio.sleep(0)  # so that it can be stopped
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait([running])
            raise
        if running.done():  # it was at work already
            await running
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

    def check_wait(self, projections: Collection[str] | None = None, timeout: float = 10.0) -> None:
        """Raise what :meth:`wait_for` would raise for these arguments, whatever is waited for."""
        check_wait(0, projections, timeout)
        for name in projections or ():
            self._follower(name)

    async def status(self) -> Sequence[ProjectionStatus]:
        """Return how each projection is, in the order they were given."""
        return [await status_of(each, self._store) for each in self._followers.values()]

    async def parked(self, projection_id: str) -> Sequence[ParkedKey]:
        """Return what is set aside of a projection, by the positions of the first events.

        Raises:
            UnknownProjection: No projection here has that name.
            NotManaged: Its state store keeps no parked keys; so for the methods below.
        """
        return await self._states(projection_id).parked_keys(projection_id)

    async def retry(self, projection_id: str, key: str) -> None:
        """Ask for another try of a key; whoever runs the projection does it soon, in order.

        Raises:
            NotParked: It is not set aside.
        """
        await self._states(projection_id).request(projection_id, key, "retry")

    async def discard(self, projection_id: str, key: str, reason: str) -> None:
        """Ask for all events that are set aside with a key to be given up, for a reason.

        They are listed as discarded. Later events of the key are handled.

        Raises:
            NotParked: It is not set aside.
        """
        await self._states(projection_id).request(projection_id, key, "discard", reason)

    async def pause(self, projection_id: str) -> None:
        """Ask whoever runs a projection to stop after its batch, until it is resumed."""
        await self._states(projection_id).set_desired_status(projection_id, "paused")

    async def resume(self, projection_id: str) -> None:
        """Let a projection that was paused go on."""
        await self._states(projection_id).set_desired_status(projection_id, "running")

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
            NotProcessed: One is stopped or paused, or has set aside or tries again an event of
                this append; at once.
            NotInTime: The time is over; it says which is how far.
            UnknownProjection: A name that none here has.
            InvalidWait: `target`, `projections` or `timeout` is none of those.
        """
        check_wait(target, projections, timeout)
        names = self._followers if projections is None else projections
        followers = [self._follower(name) for name in names]
        await self._arrivals.wait(followers, target, timeout)

    async def _work(self, *, to_head: bool) -> None:
        if self._loop is not None:
            if self._loop.is_closed():
                raise RunnerError("the loop of this runner was closed under it; make another")
            raise RunnerError("this runner is at work already; stop it first, or make another")
        stopping = self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for follower in self._followers.values():
            follower.forget_the_end()
        followers = self._followers.values()
        try:
            with watched(list(followers), self._stall_seconds):
                async with asyncio.TaskGroup() as group:
                    for follower in followers:
                        group.create_task(follower.follow(stopping, to_head=to_head))
        finally:
            self._stopping = self._loop = None
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

    def _states(self, projection_id: str) -> ManagedStateStore:
        follower = self._follower(projection_id)
        if follower.management is None:
            store = type(follower.engine.state_store).__qualname__
            raise NotManaged(projection_id, store)
        return follower.management.states


def _management(
    engine: ProjectionEngine, store: AsyncEventStore, policy: FailurePolicy, seconds: float
) -> Management | None:
    states = engine.state_store
    if not isinstance(states, ManagedStateStore):
        return None
    return Management(engine.projection_id, engine.parking, states, store, policy, seconds)
