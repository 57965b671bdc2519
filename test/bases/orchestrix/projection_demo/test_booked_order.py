"""The order in which a bank booked a day."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.projection_demo.booked_order import LONGEST_DAY, booked_order
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


def test_rows_are_put_so_that_their_balances_chain():
    booked = chain(100, 50, -30, 20, -5)

    for shuffled in permutations(booked):
        assert booked_order(Decimal(100), list(shuffled)) == booked


def test_an_exact_step_goes_before_a_rounded_one():
    rounded = Booking(2, Decimal(10), Decimal("10.1"))
    exact = Booking(3, Decimal(10), Decimal(10))

    assert booked_order(ZERO, [rounded, exact])[0] == exact


def test_a_tenth_is_still_rounding_and_more_is_not():
    assert Booking(2, Decimal(5), Decimal("5.1")).follows(ZERO) is Agreement.ROUNDED
    assert Booking(2, Decimal(5), Decimal("4.9")).follows(ZERO) is Agreement.ROUNDED
    assert Booking(2, Decimal(5), Decimal("5.11")).follows(ZERO) is Agreement.OFF
    assert Booking(2, Decimal(5), Decimal(5)).follows(ZERO) is Agreement.EXACT


def test_a_choice_that_leads_nowhere_is_taken_back():
    booked = chain(0, 10, -10, 20, -10)  # two rows follow from 0; only one of them leads on
    astray = [booked[2], booked[0], booked[1], booked[3]]

    assert cost(booked_order(ZERO, astray)) == (0, 0)


def test_of_rows_that_follow_equally_well_the_first_in_the_file_is_first():
    there, back = Booking(2, Decimal(0), ZERO), Booking(3, Decimal(0), ZERO)

    assert booked_order(ZERO, [there, back]) == [there, back]
    assert booked_order(ZERO, [back, there]) == [back, there]


def test_a_long_day_in_disorder_is_put_in_order():
    booked = chain(0, *(Decimal(each * each) for each in range(1, LONGEST_DAY + 1)))

    assert booked_order(ZERO, booked[::-1]) == booked
    assert booked_order(ZERO, booked[1::2] + booked[::2]) == booked


def test_a_day_that_has_no_such_order_keeps_as_many_steps_as_it_can():
    booked = chain(0, 10, 20, 30)
    broken = [booked[2], Booking(9, Decimal(1), Decimal(999)), booked[1], booked[0]]

    assert cost(booked_order(ZERO, broken)) == (1, 0)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=5))
def test_the_order_is_the_best_there_is(tenths):
    day = [Booking(n, Decimal(c) / 10, Decimal(b) / 10) for n, (c, b) in enumerate(tenths)]
    found = booked_order(ZERO, day)

    assert sorted(found) == sorted(day)
    assert cost(found) == min(map(cost, permutations(day)))


@pytest.mark.parametrize("length", [20, LONGEST_DAY, LONGEST_DAY + 1, 5000])
def test_a_long_day_without_an_order_takes_bounded_effort(length):
    day = [Booking(line, Decimal(1), Decimal(line * line)) for line in range(5, 5 + length)]

    assert sorted(booked_order(ZERO, day)) == day  # it comes back at all: 20 rows have 20! orders
