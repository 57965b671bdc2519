"""What stores, buses and engines promise, stated once."""

import pytest

SUITES = (
    "event_store",
    "event_store_model",
    "managed_state_store",
    "message_bus",
    "projection_engine",
    "projection_state_store",
    "read_model_table",
    "saga_state_store",
)

pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in SUITES))
