"""Any calls in any order through several handles: a store does what the in-memory store does.

A store's test subclasses the machine, says how a handle is opened, and calls
``run_state_machine_as_test``.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestrix.eventsourcing import AsyncEventStore, EventStoreError, Snapshot
from orchestrix.memory_store import InMemoryAsyncEventStore
from orchestrix.messaging import Event

HANDLES = 3
STREAMS = ("a-1", "a-2", "b")
EVENTS = [Event(id=str(number), type="xyz"[number % 3]) for number in range(12)]

numbers = st.builds(
    lambda start, size: [each % len(EVENTS) for each in range(start, start + size)],
    st.integers(0, 11),
    st.integers(0, 4),
) | st.lists(st.integers(0, 11), max_size=4)
streams = st.sampled_from(STREAMS)
versions = st.none() | st.integers(-1, 5)
handles = st.integers(0, HANDLES - 1)
limits = st.integers(1, 5)
subsets = st.none() | st.sets(st.sampled_from(["x", "y", "z", "a", "b"]))


class EventStoreMachine(RuleBasedStateMachine):
    """Every question is asked of the store and of the model; the answers are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.model = InMemoryAsyncEventStore()
        self.stacks = [AsyncExitStack() for _ in range(HANDLES)]
        self.handles = [self.runner.run(self._opened(stack)) for stack in self.stacks]

    def opened(self) -> AbstractAsyncContextManager[AsyncEventStore]:
        """Open one more handle on the store of this run."""
        raise NotImplementedError("say how a handle is opened")

    def teardown(self) -> None:
        """Close everything, also after a failure."""
        for stack in self.stacks:
            self.runner.run(stack.aclose())
        self.runner.close()

    @rule(
        handle=handles, stream_id=streams, chosen=numbers, expected=st.none() | st.integers(-1, 5)
    )
    def append(self, handle: int, stream_id: str, chosen: list[int], expected: int | None) -> None:
        """Append new, repeated and mixed-up events."""
        events = [EVENTS[number] for number in chosen]
        metadata = {"n": str(len(events))} if len(events) % 2 else None
        self.ask(handle, "append", stream_id, events, expected_version=expected, metadata=metadata)

    @rule(
        handle=handles,
        attempts=st.lists(st.tuples(streams, numbers, versions), max_size=5),
    )
    def append_together(self, handle: int, attempts: list[tuple[str, list[int], Any]]) -> None:
        """Append from several tasks at once: as if one after the other, in their order."""

        async def appended(store: AsyncEventStore) -> list[Any]:
            calls = [
                store.append(
                    stream_id, [EVENTS[each] for each in chosen], expected_version=expected
                )
                for stream_id, chosen, expected in attempts
            ]
            return list(await asyncio.gather(*calls, return_exceptions=True))

        found = self.runner.run(appended(self.handles[handle]))
        wanted = self.runner.run(appended(self.model))

        assert list(map(_shown, found)) == list(map(_shown, wanted))

    @rule(handle=handles, stream_id=streams, version=st.integers(0, 8), limit=limits)
    def read(self, handle: int, stream_id: str, version: int, limit: int) -> None:
        """Read a slice of a stream."""
        self.ask(handle, "read", stream_id, from_version=version, limit=limit)

    @rule(handle=handles, after=st.integers(0, 14), limit=limits)
    def read_all(self, handle: int, after: int, limit: int) -> None:
        """Read a slice of the log."""
        self.ask(handle, "read_all", after_position=after, limit=limit)

    @rule(handle=handles, types=subsets, categories=subsets)
    def read_filtered(self, handle: int, types: Any, categories: Any) -> None:
        """Read what a filter leaves of the log."""
        self.ask(handle, "read_all", types=types, categories=categories)

    @rule(handle=handles, prefix=st.sampled_from(["", "a", "a-", "b", "c"]), after=streams)
    def list_streams(self, handle: int, prefix: str, after: str) -> None:
        """List streams."""
        self.ask(handle, "streams", prefix, after=after)

    @rule(handle=handles, stream_id=streams, version=st.integers(0, 3), of=st.integers())
    def save_snapshot(self, handle: int, stream_id: str, version: int, of: int) -> None:
        """Save a snapshot, newer or older than the one that is kept."""
        self.ask(handle, "save_snapshot", Snapshot(stream_id, "A", version, {"of": of}))

    @rule(handle=handles, stream_id=streams)
    def load_snapshot(self, handle: int, stream_id: str) -> None:
        """Load the snapshot that is kept."""
        self.ask(handle, "load_snapshot", stream_id)

    @rule(handle=handles)
    def reopen(self, handle: int) -> None:
        """Close a handle and open another in its place."""
        self.runner.run(self.stacks[handle].aclose())
        self.handles[handle] = self.runner.run(self._opened(self.stacks[handle]))

    @invariant()
    def heads_agree(self) -> None:
        """All handles see the same end of the log."""
        heads = {self.runner.run(each.head()) for each in (*self.handles, self.model)}
        assert len(heads) == 1, heads

    def ask(self, handle: int, method: str, *arguments: Any, **named: Any) -> None:
        """Make a call on both and compare."""

        async def outcome(store: AsyncEventStore) -> Any:
            try:
                return await getattr(store, method)(*arguments, **named)
            except EventStoreError as error:
                return error

        found = self.runner.run(outcome(self.handles[handle]))
        wanted = self.runner.run(outcome(self.model))

        assert _shown(found) == _shown(wanted), method

    async def _opened(self, stack: AsyncExitStack) -> AsyncEventStore:
        return await stack.enter_async_context(self.opened())


def _shown(answer: Any) -> Any:
    """What two stores must agree on: not the time, nor the identity of the log."""
    match answer:
        case EventStoreError():
            return type(answer), str(answer)
        case None | int() | list():
            return answer
        case _ if hasattr(answer, "events"):
            events = [
                (each.id, each.type, each.stream_id, each.version, each.position,
                 dict(each.metadata), each.event, type(each))
                for each in answer.events
            ]  # fmt: skip
            others = {name: getattr(answer, name) for name in answer.__slots__}
            return others | {"events": events, "store_id": None}
        case _:
            return answer
