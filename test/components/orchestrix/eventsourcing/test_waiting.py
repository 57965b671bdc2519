"""Waiting for something that others announce, or that one has to look for."""

import asyncio
from typing import Any

import pytest

from orchestrix.eventsourcing import Watchers
from orchestrix.testing.conformance.waiting import LONG, SHORT, soon, until, waiting


async def test_what_is_so_already_is_not_waited_for() -> None:
    assert await soon(Watchers().wait(lambda: True, 2 * LONG)) is True


async def test_an_announcement_makes_it_look_again() -> None:
    watchers, answers = Watchers(), [True, False, False]
    waiter = await waiting(watchers.wait(answers.pop, 2 * LONG))
    watchers.announce()
    await until(lambda: len(answers) == 1)
    watchers.announce()

    assert await soon(waiter) is True


async def test_it_looks_without_an_announcement_when_told() -> None:
    answers = [True, False, False, False]

    assert await soon(Watchers().wait(answers.pop, 2 * LONG, pauses=(0.001, 0.002))) is True


async def test_pauses_double_up_to_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    timeout, asked = asyncio.timeout, list[Any]()

    def noting(seconds: float | None) -> asyncio.Timeout:
        asked.append(seconds)
        return timeout(seconds and seconds / 1000)

    monkeypatch.setattr(asyncio, "timeout", noting)
    answers = [True, *[False] * 6]
    await Watchers().wait(answers.pop, 9999, pauses=(1, 5))

    assert asked == [9999, 1, 2, 4, 5, 5, 5]


async def test_when_the_time_is_over_it_looks_once_more() -> None:
    answers = [True, False]

    assert await Watchers().wait(answers.pop, 0) is True


async def test_what_looking_raises_ends_the_wait() -> None:
    watchers, answers = Watchers(), [False]
    waiter = await waiting(watchers.wait(answers.pop, 2 * LONG))
    watchers.announce()
    with pytest.raises(IndexError):
        await soon(waiter)

    assert watchers._watching == set()


async def test_nothing_is_left_of_a_wait_that_is_over() -> None:
    watchers = Watchers()
    await watchers.wait(lambda: True, LONG)
    await watchers.wait(lambda: False, SHORT)
    cancelled = await waiting(watchers.wait(lambda: False, LONG))
    cancelled.cancel()
    await asyncio.wait([cancelled])

    assert watchers._watching == set()
