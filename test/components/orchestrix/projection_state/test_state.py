import dataclasses
import pickle

import pytest

from orchestrix.projection_state import EventIds, InMemoryProjectionStateStore, ProjectionState


def test_a_state_begins_healthy_at_nothing() -> None:
    state = ProjectionState(projection_id="p")

    assert (state.last_processed_position, state.last_processed_event_id) == (0, None)
    assert (state.error_count, state.is_healthy, state.status) == (0, True, "live")
    assert state.updated_at.utcoffset() is not None


def test_nobody_can_change_a_state() -> None:
    state = ProjectionState(projection_id="p")

    with pytest.raises(dataclasses.FrozenInstanceError):
        state.error_count = 1  # type: ignore[misc]


def test_changed_is_replace_but_faster() -> None:
    state = ProjectionState(projection_id="p", event_ids=EventIds("ab"))

    assert state.changed(error_count=3) == dataclasses.replace(state, error_count=3)
    assert state.changed() is not state
    assert state.error_count == 0


def test_a_state_survives_pickling() -> None:
    state = ProjectionState(projection_id="p", event_ids=EventIds("ab"))

    assert pickle.loads(pickle.dumps(state)) == state  # noqa: S301 - our own bytes


async def test_the_store_keeps_the_last_state_of_each_projection() -> None:
    store = InMemoryProjectionStateStore()
    one, other = ProjectionState(projection_id="one"), ProjectionState(projection_id="other")

    await store.save_state(one)
    await store.save_state(other)
    await store.save_state(one.changed(error_count=1))

    assert await store.load_state("one") == one.changed(error_count=1)
    assert await store.load_state("other") == other
    assert await store.load_state("none") is None
