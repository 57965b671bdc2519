import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest

from orchestrix.event_codec import EventCodec
from orchestrix.messaging import Event

THREADS = 8


def declared(number: int) -> type[Event]:
    namespace = {"__module__": __name__}
    cls = type(f"Shared{number}", (Event,), namespace, type=f"codec-test.shared-{number}")
    return dataclass(frozen=True, kw_only=True)(cls)


CLASSES = [declared(number) for number in range(20)]


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_many_threads_may_meet_the_same_classes_at_once() -> None:
    codec, start = EventCodec(), Barrier(THREADS)

    def work(_: int) -> list[bool]:
        start.wait()
        events = [cls(subject="s") for cls in CLASSES]
        stored = [codec.encode(event) for event in events]
        return [
            codec.decode(event.type, each.schema_version, each.data) == event
            for event, each in zip(events, stored, strict=True)
        ]

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(work, range(THREADS)))

    assert outcomes == [[True] * len(CLASSES)] * THREADS
