import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from orchestrix.projection_state import EventIds

IDS = st.lists(st.text(max_size=3), max_size=20)


def test_a_longer_sequence_leaves_the_shorter_one_as_it_was() -> None:
    short = EventIds(["a"])

    one, other = short.plus(["b"]), short.plus(["c", "d"])

    assert (list(short), list(one), list(other)) == (["a"], ["a", "b"], ["a", "c", "d"])
    assert list(one.plus(["e"])) == ["a", "b", "e"]


@given(IDS, IDS, IDS)
def test_it_is_a_sequence_like_any_other(
    first: list[str], second: list[str], third: list[str]
) -> None:
    ids = EventIds(first).plus(second)
    ids.plus(third)  # shares what it stands on
    plain = first + second

    assert list(ids) == plain
    assert len(ids) == len(plain)
    assert [ids[index] for index in range(-len(plain), len(plain))] == plain + plain
    assert ids[1:-1] == plain[1:-1]
    assert ids == EventIds(plain)
    assert hash(ids) == hash(EventIds(plain))
    assert (ids == EventIds(third)) == (plain == third)
    assert list(reversed(ids)) == plain[::-1]


def test_the_newest_are_kept_in_order() -> None:
    ids = EventIds("abcd")

    assert list(ids.newest(2)) == ["c", "d"]
    assert list(ids.newest(9)) == ["a", "b", "c", "d"]
    assert list(ids.newest(0)) == []


def test_copies_and_pickles_hold_the_same_ids() -> None:
    ids = EventIds("ab")
    ids.plus(["c"])

    for made in (copy.copy(ids), copy.deepcopy(ids), pickle.loads(pickle.dumps(ids))):  # noqa: S301 - our own bytes
        assert list(made) == ["a", "b"]


def test_its_text_is_short() -> None:
    assert repr(EventIds("ab")) == "<2 event ids>"
