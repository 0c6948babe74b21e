"""Parts of a suite: each case is in one of them, and they last equally long."""

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.filters import EVERYTHING, Selectors
from maelstrom_core.model.cases import Case, CaseReport, CaseStatus
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.histories import KnownCase, case_key
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Exited, JobResult, Usage
from maelstrom_core.program.selection import Selection
from maelstrom_core.program.shard_plan import Shard, part_of
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.testrun.directives import read_directives
from maelstrom_core.testrun.directives_plan import Planner
from maelstrom_core.testrun.history import History
from maelstrom_core.testrun.sharing import Sharing


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


class Cluster:
    """That knows how long some cases take; a broker's file is tested with it elsewhere."""

    async def recall(self, project: bytes, plan: bytes = b"") -> Sequence[KnownCase] | None:
        assert len(plan) == 32, "what is known now may be something else in a moment"
        durations = {0: 900, 1: 500, 2: 400}
        return [
            KnownCase(case_key(project, case(number).id), took, False)
            for number, took in durations.items()
        ]

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> None:
        raise AssertionError("nothing is run")


def test_machines_that_have_seen_different_things_run_parts_of_the_same_plan(
    tmp_path: Path,
) -> None:
    selectors = Selectors(())
    planner = Planner(
        read_directives({}, selectors, file="file", cannot={}),
        selectors,
        default=ContainerSpec(),
        client={},
        project="/p",
    )

    async def found() -> AsyncIterator[Case]:
        for number in range(3):
            yield case(number)

    async def chosen(index: int, sharing: Sharing, said: list[str]) -> list[str]:
        path = tmp_path / str(index) / "history.sqlite"
        with History(path, runner="r", project=tmp_path) as history:
            # Each has seen another case that takes very long.
            result = JobResult(outcome=Exited(0), usage=Usage(wall_seconds=9.0))
            status = CaseStatus.PASSED
            history.add(CaseReport(id=case(index).id, status=status, result=result))
            quick = JobResult(outcome=Exited(0), usage=Usage(wall_seconds=0.1))
            history.add(CaseReport(id=case(0).id, status=status, result=quick))
            selection = Selection(
                EVERYTHING,
                selectors,
                planner,
                history,
                sharing,
                shard=Shard(index, 2),
                say=said.append,
            )
            return [one.id async for one in selection.choose(found())]

    async def main() -> None:
        said: list[str] = []
        parts = [await chosen(index, Sharing(Cluster(), b"p" * 32), said) for index in (1, 2)]
        assert sorted(parts) == [["case 0"], ["case 1", "case 2"]]
        assert all(", about 0.9 s, as the cluster knows them; plan " in line for line in said)
        assert len({line.partition("; plan ")[2] for line in said}) == 1
        alone: list[str] = []
        for index in (1, 2):
            await chosen(index, Sharing(), alone)
        assert len({line.partition("; plan ")[2] for line in alone}) == 2, "that is said to people"

    trio.run(main)
