"""Any batches in any order: a store does what a dict does."""

from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrix.projection_state import (
    DiscardedEvent,
    KeyRequest,
    ManagedStateStore,
    ManagedTransaction,
    ParkedEvents,
    ParkedKey,
)
from orchestrix.testing.conformance.managed_state_store.samples import (
    NOW,
    Undone,
    parked,
    positions,
)
from orchestrix.testing.conformance.managed_state_store.suite import ManagedStateStoreSuite

steps = st.sampled_from(["fail", "add", "add", "release", "discard", "answer", "clear"])
keys = st.sampled_from("abc")
numbers = st.integers(0, 12)


@dataclass
class KeptKey:
    """What there is of a key."""

    parked: ParkedKey
    positions: list[int]


class Kept:
    """Parked events of one projection, kept as simply as can be."""

    def __init__(self, projection_id: str) -> None:
        self.projection_id = projection_id
        self.keys: dict[str, KeptKey] = {}
        self.given_up: list[DiscardedEvent] = []
        self.newest = 0
        self.asked = 0

    async def change(
        self, transaction: ManagedTransaction, step: str, key: str, number: int
    ) -> None:
        """Do the same to a transaction and to this."""
        found = self.keys.get(key)
        match step:
            case "fail":
                await self._fail(transaction.parked, key, number)
            case "add" if found is not None:
                new = [self.newest + 1, self.newest + 2]
                self.newest = new[-1]
                found.positions += new
                await transaction.parked.add([(key, each) for each in reversed(new)])
            case "release":
                await transaction.parked.release(key, number)
                self._release(key, number)
            case "discard":
                count = await transaction.parked.discard(key, f"{number}", NOW)
                assert count == (0 if found is None else len(found.positions))
                self._discard(key, f"{number}")
            case "answer":
                request: KeyRequest = "retry" if number % 2 else "discard"
                await transaction.parked.answer(key, request)
                if found is not None and found.parked.request == request:
                    found.parked = replace(found.parked, request=None, reason=None)
            case "clear" if number == 0:
                await transaction.parked.clear()
                self.keys.clear()
                self.given_up.clear()
            case _:
                pass

    async def ask(self, store: ManagedStateStore, key: str) -> None:
        """Make a request, each time another one."""
        self.asked += 1
        request: KeyRequest = "retry" if self.asked % 3 else "discard"
        reason = f"{self.asked}" if self.asked % 2 else None
        await store.request(self.projection_id, key, request, reason)
        found = self.keys[key]
        found.parked = replace(found.parked, request=request, reason=reason)

    def listed(self) -> list[ParkedKey]:
        found = [replace(each.parked, events=len(each.positions)) for each in self.keys.values()]
        return sorted(found, key=lambda each: each.position)

    def between(self, first: int) -> ParkedKey | None:
        """Return the key of the first event at this position or the next."""
        for position in (first, first + 1):
            for each in self.keys.values():
                if position in each.positions:
                    return replace(each.parked, events=len(each.positions))
        return None

    async def _fail(self, events: ParkedEvents, key: str, number: int) -> None:
        if (found := self.keys.get(key)) is None:
            self.newest += 1
            new = parked(key, self.newest, projection_id=self.projection_id, attempts=number)
            self.keys[key] = KeptKey(new, [self.newest])
            await events.save(new)
            await events.add([(key, self.newest)])
        else:
            saved = replace(found.parked, attempts=number, delay=number or None)
            found.parked = saved
            await events.save(replace(saved, request="discard", reason="ignored"))

    def _release(self, key: str, through: int) -> None:
        if (found := self.keys.get(key)) is None:
            return
        found.positions = [each for each in found.positions if each > through]
        if found.positions:
            first = found.positions[0]
            found.parked = replace(found.parked, position=first, attempts=0, delay=0)
        else:
            del self.keys[key]

    def _discard(self, key: str, reason: str) -> None:
        if (found := self.keys.pop(key, None)) is None:
            return
        self.given_up += [
            DiscardedEvent(
                projection_id=self.projection_id, key=key, position=each, reason=reason,
                discarded_at=NOW,
            )
            for each in found.positions
        ]  # fmt: skip
        self.given_up.sort(key=lambda each: each.position)


class Model(ManagedStateStoreSuite):
    """Everything together."""

    # everything together

    @settings(
        max_examples=60,
        suppress_health_check=[
            HealthCheck.differing_executors,
            HealthCheck.function_scoped_fixture,
        ],
        deadline=None,
    )
    @given(batches=st.lists(st.tuples(st.lists(st.tuples(steps, keys, numbers)), st.booleans())))
    async def test_whatever_batches_do_parked_events_are_a_dict(
        self,
        store: ManagedStateStore,
        rival: ManagedStateStore,
        batches: list[tuple[list[tuple[str, str, int]], bool]],
    ) -> None:
        name = str(uuid4())
        kept = Kept(name)
        for changes, fails in batches:
            before = deepcopy(kept)
            with suppress(Undone):
                async with store.transaction(name) as transaction:
                    for change in changes:
                        await kept.change(transaction, *change)
                        assert list(await transaction.parked.keys()) == kept.listed()
                    if fails:
                        raise Undone
            if fails:
                kept = before
            assert list(await rival.parked_keys(name)) == kept.listed()
            for key, found in kept.keys.items():
                assert await positions(store, key, name) == found.positions
                await kept.ask(rival, key)
            assert list(await rival.discarded_events(name)) == kept.given_up
            assert list(await store.parked_keys(name)) == kept.listed()
            for first in range(0, kept.newest + 2, 3):
                assert await store.parked_between(name, first, first + 1) == kept.between(first)
