"""Given, when and then for aggregates and deciders: what passes, and what a failure says."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from bank_account import Account, Deposited, NotEnough, Opened, State, Withdraw, Withdrawn, account

from orchestrix.eventsourcing import AggregateRoot, Decider, InvalidAggregate
from orchestrix.messaging import Event
from orchestrix.testing import InvalidScenario, given


def deposited(amount: int) -> Deposited:
    return Deposited(amount=Decimal(amount))


def withdrawn(amount: int) -> Withdrawn:
    return Withdrawn(amount=Decimal(amount))


def withdraw(amount: int) -> Withdraw:
    return Withdraw(amount=Decimal(amount))


def text_of(error: pytest.ExceptionInfo[AssertionError]) -> list[str]:
    return str(error.value).splitlines()


def test_what_an_aggregate_decides_is_what_it_records_after_the_given_events() -> None:
    scenario = given(Account, Opened(owner="Ada"), deposited(5)).when(lambda it: it.withdraw(2))

    scenario.then(withdrawn(2))
    assert (scenario.state.owner, scenario.state.balance) == ("Ada", 3)


def test_what_a_decider_decides_is_what_it_returns_after_the_given_events() -> None:
    scenario = given(account, deposited(5)).when(withdraw(2)).then(withdrawn(2))

    assert scenario.state == State(Decimal(3))


def test_nothing_need_be_given() -> None:
    given(Account).when(lambda it: it.open("Ada")).then(Opened(owner="Ada"))
    given(account).when(withdraw(0)).then_nothing()


def test_a_state_can_be_looked_at_before_anything_is_decided() -> None:
    assert given(Account, deposited(5)).state.balance == 5
    assert given(account, deposited(5)).state == State(Decimal(5))


def test_an_aggregate_has_the_id_that_it_is_given() -> None:
    class Named(Account):
        def sign(self) -> None:
            self._apply_event(Opened(owner=self.aggregate_id))

    given(Named, aggregate_id="a-1").when(Named.sign).then(Opened(owner="a-1"))
    given(Named).when(Named.sign).then(Opened(owner=""))


def test_given_events_are_not_new_ones() -> None:
    state = given(Account, deposited(5)).when(lambda it: it.withdraw(2)).state

    assert (state.version, len(state.uncommitted_events)) == (2, 1)


def test_what_is_refused_raises_and_the_error_can_be_looked_at() -> None:
    for scenario in (
        given(Account, deposited(1)).when(lambda it: it.withdraw(2)),
        given(account, deposited(1)).when(withdraw(2)),
    ):
        error = scenario.then_raises(NotEnough, match=r"^2 of \d")
        scenario.then_raises(Exception)

        assert error.args == ("2 of 1",)


# what makes two events the same


def test_the_envelope_of_events_is_not_compared() -> None:
    cause = deposited(9)
    expected = Withdrawn(amount=Decimal(2), source="elsewhere").caused_by(cause)
    scenario = given(account, deposited(5)).when(withdraw(2))

    scenario.then(expected)
    assert scenario.events[0].source == "orchestrix"
    assert scenario.events[0].id != expected.id


@pytest.mark.parametrize("field", ["subject", "data", "datacontenttype", "dataschema", "type"])
def test_all_other_fields_are_compared(field: str) -> None:
    one: dict[str, Any] = {field: "a"}
    other: dict[str, Any] = {field: "b"}
    decider = Decider(lambda *_: Event(**one), lambda state, _: state, State)

    given(decider).when(1).then(Event(**one))
    with pytest.raises(AssertionError, match=f"{field}: expected 'b'\n *found 'a'"):
        given(decider).when(1).then(Event(**other))


def test_events_of_another_class_are_others_also_when_all_fields_agree() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Withdrawn(Event, type="test-account.withdrawn"):
        amount: Decimal

    with pytest.raises(AssertionError) as error:
        given(account, deposited(5)).when(withdraw(2)).then(Withdrawn(amount=Decimal(2)))

    missing, found = text_of(error)[1:]
    assert missing.startswith("- event 1, expected and missing: ")
    assert found == (
        "+ event 1, found and not expected: bank_account.Withdrawn(amount=Decimal('2'))"
    )


def test_an_event_of_a_subclass_is_another() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Special(Deposited, type="test-account.special"):
        pass

    special = Special(amount=Decimal(1), type="test-account.deposited")
    decider = Decider(lambda *_: special, lambda state, _: state, State)
    with pytest.raises(AssertionError, match=r"expected and missing: Deposited\(amount"):
        given(decider).when(1).then(deposited(1))


def test_fields_that_need_not_be_hashable_are_compared() -> None:
    decider = Decider(lambda *_: Event(data={"a": [1]}), lambda state, _: state, State)

    given(decider).when(1).then(Event(data={"a": [1]}))
    with pytest.raises(AssertionError, match=r"data: expected \{'a': \[2\]\}"):
        given(decider).when(1).then(Event(data={"a": [2]}))


# what a failure says


def twice(amount: int) -> Any:
    return given(Account).when(lambda it: [it.deposit(amount), it.deposit(amount + 1)])


def test_a_field_that_differs_is_told_with_the_number_of_its_event() -> None:
    with pytest.raises(AssertionError) as error:
        twice(1).then(deposited(1), deposited(3))

    assert text_of(error) == [
        "other events than expected: 2 events expected, 2 events found",
        "  event 2: Deposited",
        "    amount: expected Decimal('3')",
        "               found Decimal('2')",
    ]


def test_an_event_too_many_does_not_make_the_others_differ() -> None:
    with pytest.raises(AssertionError) as error:
        twice(1).then(deposited(2))

    assert text_of(error) == [
        "other events than expected: 1 event expected, 2 events found",
        "+ event 1, found and not expected: Deposited(amount=Decimal('1'))",
    ]


def test_an_event_that_is_missing_is_told() -> None:
    with pytest.raises(AssertionError) as error:
        twice(1).then(deposited(1), withdrawn(7), deposited(2))

    assert text_of(error) == [
        "other events than expected: 3 events expected, 2 events found",
        "- event 2, expected and missing: Withdrawn(amount=Decimal('7'))",
    ]


def test_the_order_of_events_counts() -> None:
    with pytest.raises(AssertionError):
        twice(1).then(deposited(2), deposited(1))


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    long = "x" * 5000
    with pytest.raises(AssertionError) as error:
        given(Account).when(lambda it: it.open(f"{long}a{long}")).then(
            Opened(owner=f"{long}b{long}")
        )

    _, _, expected, found = text_of(error)
    assert max(map(len, text_of(error))) < 200
    assert "xbx" in expected
    assert "xax" in found


def test_of_a_long_value_that_goes_on_the_end_is_shown() -> None:
    decider = Decider(lambda *_: Event(data=10**500), lambda state, _: state, State)
    with pytest.raises(AssertionError) as error:
        given(decider).when(1).then(Event(data=10**499))

    assert [each.endswith("...") for each in text_of(error)[2:]] == [False, False]


def test_values_that_look_the_same_are_told_by_their_type() -> None:
    class Text(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return self is other

        __hash__ = str.__hash__

    with pytest.raises(AssertionError, match=r"expected 'Ada', a .*Text\n *found 'Ada', a str"):
        given(Account).when(lambda it: it.open("Ada")).then(Opened(owner=Text("Ada")))


def test_of_very_many_differences_the_first_are_shown() -> None:
    with pytest.raises(AssertionError) as error:
        given(Account).when(lambda it: [it.deposit(each) for each in range(500)]).then_nothing()

    assert len(text_of(error)) == 42
    assert text_of(error)[-1] == "    ... and 460 lines more"


def test_a_value_that_cannot_be_shown_hides_no_difference() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise OSError("no")

    with pytest.raises(AssertionError, match=r"data: expected <.*Shy, whose repr raises OSError>"):
        given(Decider(lambda *_: Event(), lambda it, _: it, State)).when(1).then(Event(data=Shy()))


def test_a_refusal_that_nobody_expected_is_told_with_its_cause() -> None:
    scenario = given(Account, deposited(1)).when(lambda it: it.withdraw(2))
    for then in (
        lambda: scenario.then(withdrawn(2)),
        scenario.then_nothing,
        lambda: scenario.state,
    ):
        with pytest.raises(AssertionError, match=r"found NotEnough\('2 of 1'\)") as error:
            then()
        assert isinstance(error.value.__cause__, NotEnough)
    with pytest.raises(AssertionError, match="NotEnough"):
        _ = scenario.events
    with pytest.raises(AssertionError, match=r"^expected Withdrawn\(.*\) and 1 more\n   found"):
        scenario.then(withdrawn(2), withdrawn(3))


def test_a_decision_that_was_to_be_refused_is_told_with_its_events() -> None:
    with pytest.raises(AssertionError) as error:
        twice(1).then_raises(NotEnough)

    assert text_of(error) == [
        "expected NotEnough, found",
        "    Deposited(amount=Decimal('1'))",
        "    Deposited(amount=Decimal('2'))",
    ]
    with pytest.raises(AssertionError, match="expected NotEnough, found\n    no event"):
        given(account).when(withdraw(0)).then_raises(NotEnough)


def test_another_refusal_than_expected_is_told() -> None:
    scenario = given(account).when(withdraw(2))
    with pytest.raises(AssertionError, match=r"expected KeyError\n   found NotEnough"):
        scenario.then_raises(KeyError)
    with pytest.raises(AssertionError, match=r"text in which '2 of 9' is found\n   found NotEn"):
        scenario.then_raises(NotEnough, match="2 of 9")


def test_events_that_were_not_to_be_are_told() -> None:
    with pytest.raises(AssertionError, match="no events expected, 2 events found"):
        twice(1).then_nothing()


def test_a_decider_that_returns_no_events_is_told() -> None:
    answer: Any = 5
    decider = Decider(lambda *_: answer, lambda state, _: state, State)

    given(decider).when(1).then_raises(InvalidAggregate, match="it returned 5")


# what makes no sense


class Needy(AggregateRoot):
    def __init__(self, name: str) -> None:
        super().__init__(name)


async def decide_later(command: object, state: object) -> list[Event]:
    return []


ANYTHING: Any = object()
untyped: Any = given
UntypedDecider: Any = Decider
"""As callers see it who check no types."""

MISUSES: dict[str, tuple[Any, str]] = {
    "then before when": (lambda: untyped(Account).then(Event()), "then comes after when"),
    "nothing before when": (lambda: untyped(Account).then_nothing(), "then_nothing comes after"),
    "raises before when": (lambda: untyped(account).then_raises(ValueError), "then_raises comes"),
    "events before when": (lambda: untyped(account).events, "events comes after when"),
    "when twice": (lambda: twice(1).when(lambda it: it.deposit(1)), "when comes once; .* given"),
    "decided twice": (lambda: untyped(account).when(withdraw(0)).when(withdraw(0)), "comes once"),
    "then nothing": (lambda: twice(1).then(), r"write then_nothing\(\)"),
    "then no event": (lambda: twice(1).then(Event(), 5), "then: number 2 is 5, which is no event"),
    "then a class": (lambda: twice(1).then(Opened), r"no event; make one: Opened\(\.\.\.\)"),
    "then a list": (lambda: twice(1).then([Event()]), r"one by one, or \*events"),
    "given a list": (lambda: untyped(Account, ANYTHING), "given: number 1 is <object"),
    "given to a decider": (lambda: untyped(account, ANYTHING), "given: number 1 is <object"),
    "given to nothing": (
        lambda: untyped(ANYTHING),
        "given takes a class of aggregates, a dec.*found",
    ),
    "given to an aggregate": (lambda: untyped(Account("a-1")), "given takes a class of"),
    "given to another class": (lambda: untyped(int), "given takes a class of"),
    "an id for a decider": (
        lambda: untyped(account, aggregate_id="a"),
        "only an aggregate has an aggregate_id",
    ),
    "when is no function": (
        lambda: untyped(Account).when(ANYTHING),
        "takes a function of the aggre",
    ),
    "an async action": (
        lambda: untyped(Account).when(lambda _: decide_later(1, 2)),
        "returned a coroutine; an aggregate decides without waiting",
    ),
    "an async decider": (
        lambda: untyped(UntypedDecider(decide_later, lambda it, _: it, State)),
        "decide of the decider is async",
    ),
    "an aggregate that needs arguments": (
        lambda: untyped(Needy),
        "Needy cannot be made without arg",
    ),
    "an error instead of a class": (
        lambda: twice(1).then_raises(NotEnough("x")),
        r"then_raises takes a class of exceptions.*found NotEnough\('x'\)",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_makes_no_sense_is_told_in_a_sentence(name: str) -> None:
    misuse, sentence = MISUSES[name]
    with pytest.raises(InvalidScenario, match=sentence) as error:
        misuse()

    assert isinstance(error.value, ValueError)
    assert "\n" not in str(error.value)


def test_what_the_given_events_raise_is_raised_at_once() -> None:
    class Broken(Account):
        def _when_opened(self, event: Opened) -> None:
            raise KeyError(event.owner)

    with pytest.raises(KeyError):
        given(Broken, Opened(owner="Ada"))
