"""Who has a lease: pure rules."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrix.projection_state import Lease, next_lease

holders = st.sampled_from(["one", "two"])


def test_the_first_lease_has_token_1_and_the_next_one_counts_on() -> None:
    first = next_lease("p", "one", 10, after=None)
    second = next_lease("p", "two", 0.5, after=first.renewed())

    assert first == Lease(projection_id="p", holder="one", token=1, beat=0, seconds=10)
    assert second == Lease(projection_id="p", holder="two", token=2, beat=0, seconds=0.5)


def test_nobody_holds_a_lease_that_was_given_back() -> None:
    free = next_lease("p", "one", 10, after=None).given_back()

    assert (free.holder, free.token) == ("", 1)
    assert not free.is_held_as(free)


def test_leases_of_two_projections_are_not_one() -> None:
    assert not next_lease("p", "one", 10, after=None).is_held_as(
        next_lease("q", "one", 10, after=None)
    )


@given(st.lists(st.just("renew") | st.just("give back") | st.just("take") | st.just("take anew")))
def test_a_lease_is_held_until_it_is_given_back_or_taken_whoever_takes_it(
    steps: list[str],
) -> None:
    lease = next_lease("p", "one", 10, after=None)
    held, past = [lease], list[Lease]()

    for step in steps:
        before = lease
        if step == "renew":
            lease = lease.renewed()
        elif step == "give back":
            lease, past, held = lease.given_back(), past + held, []
        else:
            holder = "one" if step == "take anew" else "two"
            lease, past, held = next_lease("p", holder, 10, after=lease), past + held, []
        assert lease.token >= before.token
        assert (lease.token, lease.beat) >= (before.token, before.beat)
        held += [lease] if lease.holder else []
        assert all(lease.is_held_as(each) for each in held)
        assert not any(lease.is_held_as(each) for each in past)
