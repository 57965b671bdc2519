"""What is refused before anything is done, each with a sentence."""

import functools
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any

import pytest
from sample_sagas import Diary, SpiedStore

from orchestrix.process_manager import (
    InMemorySagaStateStore,
    InvalidArguments,
    InvalidSaga,
    Saga,
    SagaStep,
)

UNTYPED: Any = None


def nothing() -> None:
    pass


def by_place(amount: int, /) -> None:
    pass


def by_place_or_not(amount: int = 1, /) -> int:
    return amount


def lazy() -> Generator[int]:
    yield 1


async def lazy_and_async() -> AsyncGenerator[int]:
    yield 1


class Lazy:
    def __call__(self) -> Generator[int]:
        yield 1


def saga_of(*steps: SagaStep) -> Saga:
    return Saga("order", list(steps), InMemorySagaStateStore())


def test_a_step_needs_a_name() -> None:
    with pytest.raises(ValueError, match="Step name cannot be empty"):
        SagaStep("", nothing)


def test_a_step_needs_an_action() -> None:
    with pytest.raises(ValueError, match=r"Step action cannot be None: give step 'pay'"):
        SagaStep("pay", UNTYPED)


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("text", "cannot be called: 'text'; give a function"),
        (by_place, "takes 'amount' by its position only"),
        (lazy, "is a generator: calling it runs nothing"),
        (functools.partial(lazy), "is a generator: calling it runs nothing"),
        (lazy_and_async, "is a generator: calling it runs nothing"),
        (Lazy(), "is a generator: calling it runs nothing"),
    ],
)
def test_what_cannot_be_called_is_refused_where_the_step_is_made(
    function: Callable[..., Any], problem: str
) -> None:
    with pytest.raises(InvalidSaga, match=f"the action of step 'pay' {problem}"):
        SagaStep("pay", function)
    with pytest.raises(InvalidSaga, match=f"the compensation of step 'pay' {problem}"):
        SagaStep("pay", nothing, function)


def test_an_action_cannot_ask_for_its_own_result() -> None:
    with pytest.raises(InvalidSaga, match="asks for 'result', which only a compensation has"):
        SagaStep("pay", lambda result: None)


async def test_a_default_may_stand_where_nothing_is_given() -> None:
    step = SagaStep("pay", lambda result="own": result, by_place_or_not)

    assert await saga_of(step).execute() == "own"


def test_a_saga_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="saga 'order' has no steps; give it one at least"):
        saga_of()


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="several steps named 'pay'; name each differently"):
        saga_of(SagaStep("pay", nothing), SagaStep("ship", nothing), SagaStep("pay", nothing))


def test_a_saga_without_a_type_is_refused() -> None:
    with pytest.raises(InvalidSaga, match="a saga's type cannot be empty"):
        Saga("", [SagaStep("pay", nothing)], InMemorySagaStateStore())


async def test_a_list_of_steps_that_is_changed_later_changes_no_saga() -> None:
    steps = [SagaStep("pay", lambda: "paid")]
    saga = Saga("order", steps, InMemorySagaStateStore())
    steps.clear()

    assert await saga.execute() == "paid"


async def test_each_call_is_given_the_arguments_that_it_takes() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def book(room: int, *, nights: int = 1) -> None:
        seen.append(("book", {"room": room, "nights": nights}))

    def note(**everything: Any) -> None:
        seen.append(("note", everything))

    async def pay(amount: int, currency: str = "EUR") -> None:
        seen.append(("pay", {"amount": amount, "currency": currency}))

    saga = saga_of(SagaStep("book", book), SagaStep("note", note), SagaStep("pay", pay))
    await saga.execute(room=7, amount=80)

    assert seen == [
        ("book", {"room": 7, "nights": 1}),
        ("note", {"room": 7, "amount": 80}),
        ("pay", {"amount": 80, "currency": "EUR"}),
    ]


async def test_an_argument_may_be_called_self() -> None:
    def keep(**everything: Any) -> Any:
        return everything

    assert await saga_of(SagaStep("keep", keep)).execute(**{"self": 1}) == {"self": 1}


async def test_a_builtin_that_tells_nothing_of_itself_is_given_every_argument() -> None:
    assert await saga_of(SagaStep("make", dict)).execute(a=1, b=2) == {"a": 1, "b": 2}


async def test_an_action_may_ask_for_the_results_of_the_steps_before_it() -> None:
    def double(results: Mapping[str, Any]) -> int:
        return 2 * results["one"]

    def all_of_them(results: Mapping[str, Any]) -> dict[str, Any]:
        return dict(results)

    saga = saga_of(
        SagaStep("one", lambda: 1), SagaStep("two", double), SagaStep("all", all_of_them)
    )

    assert await saga.execute() == {"one": 1, "two": 2}


async def test_results_cannot_be_written_to() -> None:
    def meddle(results: Any) -> None:
        results["one"] = 2

    with pytest.raises(TypeError, match="does not support item assignment"):
        await saga_of(SagaStep("one", lambda: 1), SagaStep("meddle", meddle)).execute()


@pytest.mark.parametrize(
    ("arguments", "names", "problem"),
    [
        ({"result": 1}, ("result",), "the saga gives these to its steps itself; rename them"),
        ({"results": 1}, ("results",), "the saga gives these to its steps itself; rename them"),
        ({"amuont": 1}, ("amuont",), "no step has a parameter for them; remove or correct them"),
        ({}, ("account", "amount"), "step 'pay' needs them; give them to execute"),
        ({"amount": 1}, ("account",), "step 'pay' needs them; give them to execute"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_before_anything_is_done(
    arguments: dict[str, Any], names: tuple[str, ...], problem: str
) -> None:
    diary, store = Diary(), SpiedStore()
    pay = SagaStep("pay", lambda amount: None, lambda account, results: None)
    saga = Saga("order", [diary.step("book"), pay], store)

    with pytest.raises(InvalidArguments, match=problem) as refused:
        await saga.execute(**arguments)

    assert refused.value.names == names
    assert isinstance(refused.value, ValueError)
    assert (diary.calls, store.saved) == ([], [])
