"""Connections that are too many, whatever order they come in."""

from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.transport.crowd_state import CrowdState


def test_the_oldest_of_the_silent_goes_first() -> None:
    crowd = CrowdState(30)
    assert [crowd.came(number) for number in range(10)] == [[]] * 10
    assert crowd.spoke(0, "ann")
    assert crowd.came(10) == []
    assert crowd.came(11) == [1]
    crowd.left(2)
    assert crowd.came(12) == []
    assert crowd.came(13) == [3]
    crowd.check()


def test_a_key_has_half_of_what_others_leave() -> None:
    crowd = CrowdState(45)
    assert crowd.most_spoken == 30
    for key, most in (("mallory", 15), ("eve", 7), ("ann", 4)):
        taken = [crowd.spoke(100 * most + number, key) for number in range(20)]
        assert taken == [True] * most + [False] * (20 - most)
    for number in range(15):
        crowd.left(1500 + number)
    assert crowd.spoke(999, "ann")
    assert crowd.spoke(1501, "mallory")
    crowd.check()


def test_a_descriptor_is_another_s_by_now() -> None:
    crowd = CrowdState(40)
    crowd.came(7)
    assert crowd.spoke(7, "ann") and crowd.spoke(7, "ann") and crowd.spoke(7, "eve")
    crowd.check()
    assert crowd.falls_silent(7) == []
    crowd.check()


@given(
    st.integers(0, 64),
    st.lists(
        st.tuples(
            st.sampled_from(["came", "left", "falls_silent", "ann", "eve", "bob"]),
            st.integers(0, 60),
        )
    ),
)
def test_there_are_never_too_many(most: int, events: list[tuple[str, int]]) -> None:
    crowd = CrowdState(most)
    for what, descriptor in events:
        if what in ("came", "left", "falls_silent"):
            getattr(crowd, what)(descriptor)
        else:
            crowd.spoke(descriptor, what)
        crowd.check()
