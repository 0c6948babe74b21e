"""Parts of a suite: each case is in one of them, and they last equally long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.model.cases import Case
from maelstrom_core.model.ids import CaseId
from maelstrom_core.program.shard_plan import Shard, part_of
from maelstrom_core.settings.schema import BadValue


def case(number: int, group: str = "") -> Case:
    return Case(id=CaseId(f"case {number}"), name=f"case {number}", group=group)


@given(
    st.lists(st.floats(0.001, 100), max_size=40),
    st.integers(1, 6),
    st.sets(st.integers(0, 39)),
)
def test_each_case_is_in_exactly_one_part(durations: list[float], of: int, new: set[int]) -> None:
    cases = [case(number) for number in range(len(durations))]
    known = {
        one.id: took
        for i, (one, took) in enumerate(zip(cases, durations, strict=True))
        if i not in new
    }

    parts = [part_of(cases, known, Shard(index, of)) for index in range(1, of + 1)]

    assert sorted(one.id for part in parts for one in part.cases) == sorted(c.id for c in cases)
    assert len({part.fingerprint for part in parts}) == 1
    # No part could give its last case away and still be as long as the shortest one.
    longest, shortest = max(p.seconds for p in parts), min(p.seconds for p in parts)
    most = max([*known.values(), sum(known.values()) / len(known) if known else 0.1])
    assert longest - shortest <= most + 1e-6


def test_groups_stay_together_and_other_knowledge_is_another_plan() -> None:
    cases = [case(number, group="g" if number % 2 else "") for number in range(8)]

    parts = [part_of(cases, {}, Shard(index, 3)) for index in (1, 2, 3)]
    others = part_of(cases, {cases[0].id: 9.0, cases[1].id: 0.1, cases[2].id: 0.1}, Shard(1, 3))

    with_group = [part for part in parts if any(one.group for one in part.cases)]
    assert len(with_group) == 1
    assert sum(bool(one.group) for one in with_group[0].cases) == 4
    assert others.fingerprint != parts[0].fingerprint


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(BadValue, match="such as 2/5"):
        Shard.read(text)
