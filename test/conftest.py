import pytest

pytest.register_assert_rewrite(
    "conformance.event_store", "conformance.message_bus", "conformance.projection_engine"
)
