"""Which group ids may be mapped, and how they are."""

import pytest

from maelstrom_core.container.blueprint import MOST_SUPPLEMENTARY
from maelstrom_core.container.group_ids import gid_map, range_of, root_range


@pytest.mark.parametrize(
    ("mapped", "first", "count"),
    [
        # The namespace that the machine starts with.
        ("         0          0 4294967295\n", 4294967231, MOST_SUPPLEMENTARY),
        # The root of a rootless container: its own id, and a range.
        ("0 1000 1\n1 100000 65536\n", 65473, MOST_SUPPLEMENTARY),
        ("0 1000 1\n1 100000 3\n", 2, 2),
        ("0 0 1\n", 1, 0),
    ],
)
def test_a_root_takes_ids_from_above(mapped: str, first: int, count: int) -> None:
    assert root_range(mapped) == (first, count)


@pytest.mark.parametrize(
    ("subgid", "found"),
    [
        ("bob:1:2\nann:100000:65536\nann:5:5\n", (165472, MOST_SUPPLEMENTARY)),
        ("1000:100000:3\n", (100000, 3)),
        ("anna:100000:3\n", (0, 0)),
        ("ann:100000:0\nann:x:1\nann\n\nann:7:1", (7, 1)),
        ("", (0, 0)),
    ],
)
def test_a_user_has_some_of_the_first_range_that_is_his(
    subgid: str, found: tuple[int, int]
) -> None:
    assert range_of("ann", 1000, subgid) == found


def test_a_job_s_own_group_is_the_slot_s_and_the_others_follow() -> None:
    assert gid_map(7, (5, 7, 6)) == "7 0 1\n5 1 1\n6 2 1\n"
