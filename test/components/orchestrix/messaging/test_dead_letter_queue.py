import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC

import pytest

from orchestrix.messaging import (
    DeadLetteredMessage,
    DeadLetterQueue,
    Event,
    InMemoryDeadLetterQueue,
)


def letter(message_id: str = "m1", reason: str = "h: no") -> DeadLetteredMessage:
    return DeadLetteredMessage(Event(id=message_id), reason, 1)


@pytest.fixture
def queue() -> InMemoryDeadLetterQueue:
    return InMemoryDeadLetterQueue()


def test_letters_come_out_in_the_order_they_came_in(queue: InMemoryDeadLetterQueue) -> None:
    letters = [letter("m1"), letter("m2"), letter("m1")]
    for each in letters:
        queue.enqueue(each)

    assert queue.dequeue_all() == letters


def test_what_was_dequeued_is_no_longer_there(queue: InMemoryDeadLetterQueue) -> None:
    queue.enqueue(letter())
    queue.dequeue_all()

    assert queue.count() == 0
    assert queue.dequeue_all() == []


def test_dequeued_letters_belong_to_the_caller(queue: InMemoryDeadLetterQueue) -> None:
    letters = queue.dequeue_all()
    queue.enqueue(letter())

    assert letters == []


def test_clear_drops_all_letters(queue: InMemoryDeadLetterQueue) -> None:
    queue.enqueue(letter())
    queue.clear()

    assert queue.count() == 0


def test_a_letter_is_found_by_message_oldest_first_and_stays(
    queue: InMemoryDeadLetterQueue,
) -> None:
    for each in (letter("m1"), letter("m2", "first"), letter("m2", "second")):
        queue.enqueue(each)
    found = queue.get_by_message_id("m2")

    assert found is not None
    assert found.reason == "first"
    assert queue.count() == 3


def test_a_message_without_a_letter_is_found_as_none(queue: InMemoryDeadLetterQueue) -> None:
    queue.enqueue(letter("m1"))

    assert queue.get_by_message_id("m2") is None


def test_letters_are_found_by_their_exact_reason_and_stay(queue: InMemoryDeadLetterQueue) -> None:
    for each in (letter("m1", "h: no"), letter("m2", "h: no way"), letter("m3", "h: no")):
        queue.enqueue(each)

    assert [each.message.id for each in queue.get_by_reason("h: no")] == ["m1", "m3"]
    assert queue.count() == 3


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty_threads")
def test_each_letter_is_dequeued_once_whatever_threads_do(queue: InMemoryDeadLetterQueue) -> None:
    def work(worker: int) -> list[DeadLetteredMessage]:
        taken: list[DeadLetteredMessage] = []
        for number in range(200):
            queue.enqueue(letter(f"{worker}-{number}"))
            taken += queue.dequeue_all()
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [each.message.id for letters in pool.map(work, range(8)) for each in letters]

    assert len(taken) == len(set(taken)) == 1600


def test_a_letter_cannot_be_changed_and_knows_its_time() -> None:
    dead = letter()

    assert dead.timestamp.tzinfo is UTC
    with pytest.raises(FrozenInstanceError):
        dead.reason = "other"  # pyright: ignore[reportAttributeAccessIssue] - on purpose


def test_the_port_itself_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (DeadLetterQueue,), {})()
