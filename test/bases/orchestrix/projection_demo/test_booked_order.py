"""The order in which a bank booked a day."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.projection_demo.booked_order import EFFORT, booked_order
from orchestrix.projection_demo.steps import Agreement, Booking, steps_of

ZERO = Decimal(0)


def chain(opening, *changes):
    bookings, balance = [], Decimal(opening)
    for line, change in enumerate(changes, start=2):
        balance += Decimal(change)
        bookings.append(Booking(line, Decimal(change), balance))
    return bookings


def cost(bookings, opening=ZERO):
    steps = steps_of(opening, bookings)
    return steps[Agreement.OFF], steps[Agreement.ROUNDED]


def in_order(opening, day):
    return booked_order(Decimal(opening), day).bookings


def test_rows_are_put_so_that_their_balances_chain():
    booked = chain(100, 50, -30, 20, -5)

    for shuffled in permutations(booked):
        assert in_order(100, list(shuffled)) == booked


def test_an_exact_step_goes_before_a_rounded_one():
    rounded = Booking(2, Decimal(10), Decimal("10.1"))
    exact = Booking(3, Decimal(10), Decimal(10))

    assert in_order(0, [rounded, exact])[0] == exact


def test_a_tenth_is_still_rounding_and_more_is_not():
    assert Booking(2, Decimal(5), Decimal("5.1")).follows(ZERO) is Agreement.ROUNDED
    assert Booking(2, Decimal(5), Decimal("4.9")).follows(ZERO) is Agreement.ROUNDED
    assert Booking(2, Decimal(5), Decimal("5.11")).follows(ZERO) is Agreement.OFF
    assert Booking(2, Decimal(5), Decimal(5)).follows(ZERO) is Agreement.EXACT


def test_a_choice_that_leads_nowhere_is_taken_back():
    booked = chain(0, 10, -10, 20, -10)  # two rows follow from 0; only one of them leads on
    astray = [booked[2], booked[0], booked[1], booked[3]]

    assert cost(in_order(0, astray)) == (0, 0)


def test_of_rows_that_follow_equally_well_the_first_in_the_file_is_first():
    there, back = Booking(2, Decimal(0), ZERO), Booking(3, Decimal(0), ZERO)

    assert in_order(0, [there, back]) == [there, back]
    assert in_order(0, [back, there]) == [back, there]


@pytest.mark.parametrize("length", [100, 149, 20_000])
def test_a_long_day_in_disorder_is_put_in_order(length):
    booked = chain(0, *range(1, length + 1))

    assert booked_order(ZERO, booked[::-1]) == (booked, True)
    assert booked_order(ZERO, booked[1::2] + booked[::2]) == (booked, True)


@given(st.lists(st.integers(-3, 3), min_size=20), st.randoms())
def test_an_order_in_which_all_steps_are_exact_is_always_found(changes, random):
    day = chain(0, *(Decimal(each) / 10 for each in changes))
    random.shuffle(day)
    found, is_best = booked_order(ZERO, day)

    assert (sorted(found), cost(found), is_best) == (sorted(day), (0, 0), True)


@pytest.mark.parametrize("rounding", ["0.1", "0.01", "-0.1"])
def test_a_long_day_with_rounded_steps_is_put_in_order(rounding):
    day = []
    for row in chain(0, *range(1, 150)):
        start = sum((each.change + Decimal(rounding) for each in day), ZERO)
        day.append(row._replace(balance=start + row.change + Decimal(rounding)))
    wrong = [*day[:70], day[70]._replace(balance=Decimal(-999)), *day[71:]]

    assert in_order(0, day[::-1]) == day
    assert cost(in_order(0, wrong[::-1])) == (2, 147)


def test_one_wrong_balance_in_a_long_day_costs_the_steps_to_it_and_from_it():
    booked = chain(0, *range(1, 150))
    booked[70] = booked[70]._replace(balance=Decimal(-999))
    found, is_best = booked_order(ZERO, booked[::-1])

    assert cost(found) == (2, 0)
    assert not is_best  # as far as is known: 149 rows have too many orders


def test_a_day_that_has_no_such_order_keeps_as_many_steps_as_it_can():
    booked = chain(0, 10, 20, 30)
    broken = [booked[2], Booking(9, Decimal(1), Decimal(999)), booked[1], booked[0]]

    assert cost(in_order(0, broken)) == (1, 0)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=5))
def test_the_order_is_the_best_there_is(tenths):
    day = [Booking(n, Decimal(c) / 10, Decimal(b) / 10) for n, (c, b) in enumerate(tenths)]
    found, is_best = booked_order(ZERO, day)

    assert is_best
    assert sorted(found) == sorted(day)
    assert cost(found) == min(map(cost, permutations(day)))


@pytest.mark.parametrize("length", [20, 100, EFFORT, 30_000])
def test_a_long_day_without_an_order_takes_bounded_effort_and_is_not_called_the_best(length):
    day = [Booking(line, Decimal(1), Decimal(line * line)) for line in range(5, 5 + length)]
    found, is_best = booked_order(ZERO, day)

    assert sorted(found) == day  # it comes back at all: 20 rows have 20! orders
    assert not is_best
