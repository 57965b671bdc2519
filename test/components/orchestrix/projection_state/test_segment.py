import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrix.projection_state import WHOLE, Segment, is_cover, key_hash

KEYS = st.text(max_size=12)


@st.composite
def covers(draw: st.DrawFn) -> list[Segment]:
    """Segments made by splitting the whole some times, in any way."""
    segments = [WHOLE]
    for _ in range(draw(st.integers(0, 12))):
        chosen = segments.pop(draw(st.integers(0, len(segments) - 1)))
        segments.extend(chosen.split())
    return draw(st.permutations(segments))


@given(covers(), KEYS)
def test_every_key_belongs_to_exactly_one_segment(cover: list[Segment], key: str) -> None:
    assert sum(segment.takes(key) for segment in cover) == 1


@given(covers())
def test_what_splitting_makes_is_a_cover(cover: list[Segment]) -> None:
    assert is_cover(cover)


@given(covers(), st.data())
def test_a_cover_with_one_more_or_one_less_is_none(
    cover: list[Segment], data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(cover))

    assert not is_cover([each for each in cover if each != one])
    assert not is_cover([*cover, one])
    assert not is_cover([*cover, one.split()[0]])


@given(covers(), st.data(), KEYS)
def test_a_split_moves_no_key_to_another_segment(
    cover: list[Segment], data: st.DataObject, key: str
) -> None:
    one = data.draw(st.sampled_from(cover))
    left, right = one.split()

    assert one.takes(key) == (left.takes(key) or right.takes(key))
    assert not (left.takes(key) and right.takes(key))


@given(covers(), st.data())
def test_merging_undoes_splitting(cover: list[Segment], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(cover))
    left, right = one.split()

    assert left.merge(right) == right.merge(left) == one
    assert left.sibling() == right
    assert right.sibling() == left


def test_only_siblings_merge() -> None:
    (a, b), (c, d) = (each.split() for each in WHOLE.split())

    for wrong in (c, d, a, WHOLE):
        with pytest.raises(ValueError, match="merges with its sibling only"):
            a.merge(wrong)
    with pytest.raises(ValueError, match="merges with its sibling only"):
        WHOLE.merge(WHOLE)
    with pytest.raises(ValueError, match="has no sibling"):
        WHOLE.sibling()
    assert is_cover([a, b, c, d])


@pytest.mark.parametrize(("number", "mask"), [(0, 2), (0, -1), (2, 1), (-1, 0), (0, 2**33 - 1)])
def test_what_is_no_segment_is_refused(number: int, mask: int) -> None:
    with pytest.raises(ValueError, match=r"a mask is|number is from"):
        Segment(number, mask)


def test_a_segment_of_one_hash_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="cannot be split further"):
        Segment(7, 2**32 - 1).split()


def test_nothing_covers_nothing() -> None:
    assert not is_cover([])


def test_the_hash_of_a_key_never_changes() -> None:
    assert {key: key_hash(key) for key in ("", "account-1", "é", "\ud800")} == {
        "": 0,
        "account-1": 2018424880,
        "é": 235179326,
        "\ud800": 499426600,
    }


def test_two_halves_take_about_half_of_the_keys_each() -> None:
    left, right = WHOLE.split()
    keys = [f"account-{number}" for number in range(1000)]

    assert 400 < sum(map(left.takes, keys)) < 600
    assert sum(map(left.takes, keys)) + sum(map(right.takes, keys)) == 1000
