"""Given, when and then for projections: through an engine, whatever happens on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from orchestrix.eventsourcing import Projection, ProjectionContext, ProjectionEngine, on
from orchestrix.memory_store import InMemoryProjections
from orchestrix.messaging import Event
from orchestrix.projection_state import InMemoryProjectionStateStore
from orchestrix.read_models import Table
from orchestrix.testing import InvalidScenario, given


@dataclass(frozen=True, kw_only=True)
class Paid(Event, type="test-testing.paid"):
    amount: int


@dataclass
class Balance:
    stream_id: str
    amount: int = 0


balances = Table(Balance, key="stream_id")

EVENTS = (("a", Paid(amount=1), Paid(amount=2)), ("b", Paid(amount=4)), Paid(amount=8))
ROWS = Balance("a", 3), Balance("b", 4), Balance("given", 8)
WAYS: Any = ["repeated", "crashed", "restarted", "replayed"]


def into_a_table(states: InMemoryProjections) -> ProjectionEngine:
    engine = ProjectionEngine("balances", states, tables=[balances])

    @engine.on(Paid)
    async def add(event: Paid, context: ProjectionContext) -> None:
        assert context.recorded is not None
        stream_id = context.recorded.stream_id
        row = await balances.get(stream_id) or Balance(stream_id)
        row.amount += event.amount
        balances.put(row)

    return engine


class Total(Projection):
    def __init__(self) -> None:
        self.total = 0

    @on(Paid)
    def add(self, event: Paid) -> None:
        self.total += event.amount


class Outside:
    """A model in a cache: what is written there stays, whatever becomes of the engine."""

    def __init__(self, *, is_idempotent: bool, has_reset: bool = True) -> None:
        self.by_event: dict[str, int] = {}
        self.total = 0
        self.is_idempotent = is_idempotent
        self.has_reset = has_reset

    def engine(self, states: InMemoryProjections) -> ProjectionEngine:
        engine = ProjectionEngine("outside", states)

        @engine.on(Paid)
        def add(event: Paid) -> None:
            if not self.is_idempotent or event.id not in self.by_event:
                self.total += event.amount
            self.by_event[event.id] = event.amount

        if self.has_reset:
            engine.on_reset(self.clear)
        return engine

    def clear(self) -> None:
        self.by_event, self.total = {}, 0


@pytest.mark.parametrize("ways", [[], *([each] for each in WAYS), WAYS])
async def test_a_sound_projection_comes_out_the_same_whatever_happens(ways: Any) -> None:
    def scenario(subject: Any) -> Any:
        begun = given(subject, *EVENTS)
        return begun.when(*ways) if ways else begun

    await scenario(into_a_table).then_rows(balances, *ROWS)
    await scenario(Total).then(lambda it: it.total, 15)
    outside = Outside(is_idempotent=True)
    await scenario(outside.engine).then(lambda _: outside.total, 15)


async def test_a_table_may_be_asked_as_the_program_does() -> None:
    async def balance_of(states: InMemoryProjections) -> Balance | None:
        return await states.table(balances).get("a")

    await given(into_a_table, *EVENTS).then(balance_of, Balance("a", 3))


async def test_nothing_need_be_given() -> None:
    await given(into_a_table).when("replayed", "crashed").then_rows(balances)
    await given(Total).then(lambda it: it.total, 0)


async def test_more_events_than_a_page_are_fed() -> None:
    events = [Paid(amount=1) for _ in range(2500)]

    await given(Total, *events).then(lambda it: it.total, 2500)
    await given(Total, *events).when("replayed").then(lambda it: it.total, 2500)


async def test_events_are_fed_once_however_much_is_asked() -> None:
    outside = Outside(is_idempotent=False)
    scenario = given(outside.engine, *EVENTS)
    for _ in range(2):
        await scenario.then(lambda _: outside.total, 15)


async def differs(scenario: Any, read: Callable[[Any], object], expected: object) -> list[str]:
    with pytest.raises(AssertionError) as error:
        await scenario.then(read, expected)
    return str(error.value).splitlines()


async def test_a_model_outside_that_counts_again_what_comes_again_is_found_out() -> None:
    outside = Outside(is_idempotent=False)

    lines = await differs(
        given(outside.engine, *EVENTS).when("crashed"), lambda _: outside.total, 15
    )

    assert lines == [
        "Outside.engine, crashed: another answer than expected",
        "    it: expected 15",
        "           found 30",
    ]


async def test_a_model_that_is_not_emptied_is_found_out() -> None:
    outside = Outside(is_idempotent=False, has_reset=False)

    await differs(given(outside.engine, *EVENTS).when("replayed"), lambda _: outside.total, 15)


async def test_what_a_handler_remembers_beside_the_table_is_found_out() -> None:
    def remembering(states: InMemoryProjections) -> ProjectionEngine:
        engine, count = ProjectionEngine("balances", states, tables=[balances]), 0

        @engine.on(Paid)
        def add(event: Paid) -> None:
            nonlocal count
            count += event.amount
            balances.put(Balance("all", count))

        return engine

    await given(remembering, *EVENTS).then_rows(balances, Balance("all", 15))
    for way in ("restarted", "crashed", "replayed"):
        with pytest.raises(AssertionError, match=f"remembering, {way}: other rows than"):
            await given(remembering, *EVENTS).when(way).then_rows(balances, Balance("all", 15))


async def test_a_model_that_its_instances_share_is_found_out() -> None:
    class Shared(Projection):
        seen: ClassVar[list[int]] = []

        @on(Paid)
        def add(self, event: Paid) -> None:
            self.seen.append(event.amount)

    for way in ("restarted", "crashed", "replayed"):
        Shared.seen.clear()
        await differs(given(Shared, *EVENTS).when(way), lambda it: it.seen, [1, 2, 4, 8])


async def test_all_ways_happen_to_each_event() -> None:
    calls: list[tuple[int, bool]] = []
    engines: list[ProjectionEngine] = []

    def watched(states: InMemoryProjections) -> ProjectionEngine:
        engine = ProjectionEngine("watched", states)
        engine.on_reset(lambda: None)

        @engine.on(Paid)
        def note(event: Paid, context: ProjectionContext) -> None:
            calls.append((event.amount, context.replaying))

        engines.append(engine)
        return engine

    async def outcome(*ways: Any) -> tuple[list[tuple[int, bool]], int]:
        calls.clear()
        engines.clear()
        scenario = given(watched, Paid(amount=1), Paid(amount=2))
        await (scenario.when(*ways) if ways else scenario).then(lambda _: None, None)
        return list(calls), len(engines)

    once = [(1, False), (2, False)]
    assert await outcome() == (once, 1)
    assert await outcome("repeated") == (once, 1)
    assert await outcome("restarted") == (once, 2)
    assert await outcome("crashed") == ([once[0], once[0], once[1], once[1]], 3)
    assert await outcome("replayed") == ([*once, (1, True), (2, True)], 1)
    assert await outcome("replayed", "crashed") == (
        [*once, (1, True), (1, True), (2, True), (2, True)],
        3,
    )


async def test_an_event_that_comes_twice_reaches_the_engine_twice() -> None:
    feeds: list[int] = []

    class Fed(ProjectionEngine):
        async def process_events(self, events: Any) -> None:
            feeds.extend(each.position for each in events.events)
            await super().process_events(events)

    def fed(states: InMemoryProjections) -> ProjectionEngine:
        return Fed("fed", states)

    await given(fed, *EVENTS).when("repeated").then(lambda _: feeds, [1, 1, 2, 2, 3, 3, 4, 4])


# failures


def fussy(states: InMemoryProjections) -> ProjectionEngine:
    engine = into_a_table(states)

    @engine.on(Paid)
    def refuse(event: Paid) -> None:
        if event.amount > 5:
            raise ValueError(f"{event.amount} is too much")

    return engine


async def test_what_a_handler_raises_is_expected_or_told() -> None:
    error = await given(fussy, *EVENTS).then_raises(ValueError, match="8 is")

    assert error.args == ("8 is too much",)
    await given(fussy, *EVENTS).when("crashed", "repeated").then_raises(ValueError, match="8 is")
    with pytest.raises(AssertionError, match=r"fussy: expected all events handled\n   found Val"):
        await given(fussy, *EVENTS).then_rows(balances, *ROWS)
    with pytest.raises(AssertionError, match=r"expected KeyError\n   found ValueError"):
        await given(fussy, *EVENTS).then_raises(KeyError)
    with pytest.raises(AssertionError, match="expected ValueError, found all events handled"):
        await given(fussy, Paid(amount=1)).then_raises(ValueError)


async def test_rows_that_differ_are_told_by_their_key_and_fields() -> None:
    scenario = given(into_a_table, *EVENTS).when("repeated", "replayed")
    with pytest.raises(AssertionError) as error:
        await scenario.then_rows(balances, Balance("c", 1), Balance("a", 5), ROWS[2])

    assert str(error.value).splitlines() == [
        "into_a_table, repeated and replayed: "
        "other rows than expected in table 'balance': 3 expected, 3 found",
        "- row 'c', expected and missing: Balance(stream_id='c', amount=1)",
        "  row 'a': Balance",
        "    amount: expected 5",
        "               found 3",
        "+ row 'b', found and not expected: Balance(stream_id='b', amount=4)",
        "(leave ways out of when(...) to see which it takes)",
    ]


async def test_answers_that_differ_are_told() -> None:
    lines = await differs(given(Total, *EVENTS), lambda it: it.total, 16)

    assert lines == [
        "Total: another answer than expected",
        "    it: expected 16",
        "           found 15",
    ]


async def test_of_long_answers_the_lines_that_differ_are_told() -> None:
    def answer(changed: str) -> dict[str, str]:
        return {f"key {number}": changed if number == 7 else "text " * 5 for number in range(30)}

    lines = await differs(given(Total), lambda _: answer("new"), answer("old"))

    assert "    - 'key 7': 'old'," in [each.replace("-  ", "- ") for each in lines]
    assert len(lines) < 12


# what makes no sense


def elsewhere(states: InMemoryProjections) -> ProjectionEngine:
    return ProjectionEngine("elsewhere", InMemoryProjectionStateStore())


async def later(states: InMemoryProjections) -> ProjectionEngine:
    return into_a_table(states)


ANYTHING: Any = object()
untyped: Any = given
"""As callers see it who check no types."""

MISUSES: dict[str, tuple[Any, str]] = {
    "no such way": (lambda: untyped(Total).when("doubled"), "takes .*; found 'doubled'"),
    "no way": (lambda: untyped(Total).when(), "when takes one or more of 'repeated'.*; found none"),
    "when twice": (lambda: untyped(Total).when("crashed").when("repeated"), "when comes once"),
    "given no event": (lambda: untyped(Total, ANYTHING), "given: number 1 is <object"),
    "given a class": (lambda: untyped(Total, Paid), r"make one: Paid\(\.\.\.\)"),
    "given a list": (lambda: untyped(Total, [Paid(amount=1)]), r"or \*events"),
    "a stream without a name": (lambda: untyped(Total, ("", Event())), "a tuple is a stream's id"),
    "an empty tuple": (lambda: untyped(Total, ()), "a tuple is a stream's id"),
    "no event in a stream": (
        lambda: untyped(Total, ("a", ANYTHING)),
        "stream 'a': number 1 is <obj",
    ),
    "an id": (lambda: untyped(Total, aggregate_id="a"), "only an aggregate has an aggregate_id"),
}
MISUSED_THENS: dict[str, tuple[Any, str]] = {
    "an async function": (lambda: untyped(later).then(bool, 1), "a plain function of"),
    "no engine": (lambda: untyped(lambda _: 5).then(bool, 1), "a plain function of"),
    "another store": (
        lambda: untyped(elsewhere).then(bool, 1),
        "'elsewhere' keeps its state elsewh",
    ),
    "then an event": (lambda: untyped(Total).then(ANYTHING, 1), "then takes a function that asks"),
    "no row": (
        lambda: untyped(into_a_table).then_rows(balances, 5),
        "number 1 is 5, which is no Bal",
    ),
    "two rows of a key": (
        lambda: untyped(into_a_table).then_rows(balances, Balance("a"), Balance("a", 1)),
        "two rows have the key 'a'",
    ),
    "an error": (lambda: untyped(Total).then_raises(ANYTHING), "takes a class of exceptions"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_makes_no_sense_is_told_in_a_sentence(name: str) -> None:
    misuse, sentence = MISUSES[name]
    with pytest.raises(InvalidScenario, match=sentence):
        misuse()


@pytest.mark.parametrize("name", MISUSED_THENS)
async def test_what_makes_no_sense_to_ask_is_told_in_a_sentence(name: str) -> None:
    misuse, sentence = MISUSED_THENS[name]
    with pytest.raises(InvalidScenario, match=sentence):
        await misuse()


async def test_after_the_events_were_fed_nothing_more_can_happen_to_them() -> None:
    scenario = given(Total, *EVENTS)
    await scenario.then(lambda it: it.total, 15)

    with pytest.raises(InvalidScenario, match="when comes once, before every then"):
        scenario.when("crashed")
