"""Groups joined pair by pair, against a slow way of joining them."""

from hypothesis import given
from hypothesis import strategies as st

from lynccap.correlation.disjoint_sets import DisjointSets

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30)


@given(PAIRS)
def test_members_of_one_group_have_one_leader(pairs: list[tuple[int, int]]) -> None:
    joined: DisjointSets[int] = DisjointSets()
    groups = [{number} for number in range(13)]
    for one, other in pairs:
        mine, theirs = (next(group for group in groups if each in group) for each in (one, other))

        assert joined.join(one, other) is (mine is not theirs)

        if mine is not theirs:
            theirs |= mine
            groups.remove(mine)
    leaders = joined.leaders()
    for one in leaders:
        for other in leaders:
            assert (leaders[one] == leaders[other]) is any({one, other} <= group for group in groups)


def test_leader_is_that_of_the_group_joined_into() -> None:
    joined: DisjointSets[str] = DisjointSets()
    joined.join("b", into="a")
    joined.join("a", into="c")

    assert joined.leaders() == {"b": "c", "a": "c", "c": "c"}
    assert joined.find("alone") == "alone"
