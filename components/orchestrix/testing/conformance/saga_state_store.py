"""What a store of sagas promises, stated once.

A store's test subclasses :class:`SagaStateStoreConformance` and gives a fixture `store`.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrix.process_manager import SagaState, SagaStateStore, SagaStatus, SagaStepStatus
from orchestrix.testing.conformance.suite import Suite

BEGAN = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ENDED = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)

FULL = SagaState(
    saga_id="é \U0001f382",
    saga_type="transfer",
    status=SagaStatus.COMPENSATION_FAILED,
    step_statuses={
        "z": SagaStepStatus(
            "z", "compensation_failed", {"ids": [1, 2.5, None]}, "OSError: gone", BEGAN, ENDED
        ),
        "a": SagaStepStatus("a", "failed", None, "ValueError: full\nof lines", BEGAN, ENDED),
        "result": SagaStepStatus("result"),
    },
    current_step_index=1,
    started_at=BEGAN,
    completed_at=ENDED,
    error="ValueError: full\nof lines",
    arguments={"z": "é", "amount": 2**53 + 1, "none": None, "nested": {"list": [True]}},
)
"""A state with nothing left as it began."""


class SagaStateStoreConformance(Suite):
    """What every store of sagas promises."""

    @pytest.fixture
    def store(self) -> SagaStateStore:
        raise NotImplementedError("give a fixture `store`: one empty store per test")

    async def test_there_is_no_state_before_one_is_saved(self, store: SagaStateStore) -> None:
        assert await store.load_state("1") is None

    async def test_every_field_comes_back(self, store: SagaStateStore) -> None:
        begun = SagaState(saga_id="1", saga_type="order")

        await store.save_state(FULL)
        await store.save_state(begun)

        loaded = await store.load_state(FULL.saga_id)
        assert loaded is not None
        assert loaded == FULL
        assert type(loaded.status) is SagaStatus
        assert await store.load_state("1") == begun

    async def test_steps_and_arguments_keep_their_order(self, store: SagaStateStore) -> None:
        await store.save_state(FULL)

        loaded = await store.load_state(FULL.saga_id)
        assert loaded is not None
        assert list(loaded.step_statuses) == ["z", "a", "result"]
        assert list(loaded.arguments) == ["z", "amount", "none", "nested"]

    async def test_the_last_state_saved_is_the_one_loaded(self, store: SagaStateStore) -> None:
        for index in range(3):
            await store.save_state(replace(FULL, current_step_index=index, arguments={"n": index}))

        assert await store.load_state(FULL.saga_id) == replace(
            FULL, current_step_index=2, arguments={"n": 2}
        )

    async def test_what_is_changed_after_saving_is_not_kept(self, store: SagaStateStore) -> None:
        items = ["pen"]
        state = SagaState(saga_id="1", saga_type="order", arguments={"items": items})
        await store.save_state(state)

        items.append("ink")

        loaded = await store.load_state("1")
        assert loaded is not None
        assert loaded.arguments == {"items": ["pen"]}

    async def test_what_is_changed_after_loading_is_not_kept(self, store: SagaStateStore) -> None:
        await store.save_state(
            SagaState(saga_id="1", saga_type="order", arguments={"items": ["pen"]})
        )
        first = await store.load_state("1")
        assert first is not None

        first.arguments["items"].append("ink")

        second = await store.load_state("1")
        assert second is not None
        assert second.arguments == {"items": ["pen"]}

    async def test_sagas_at_once_do_not_disturb_each_other(self, store: SagaStateStore) -> None:
        async def count(saga_id: str) -> None:
            for index in range(5):
                state = SagaState(saga_id=saga_id, saga_type="order", current_step_index=index)
                await store.save_state(state)
                assert await store.load_state(saga_id) == state

        await asyncio.gather(*(count(str(number)) for number in range(5)))
