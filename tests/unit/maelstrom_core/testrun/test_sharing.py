"""Histories that machines share, by the file that a broker keeps: what one saw the others know."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing
from maelstrom_broker.history_file import HistoryFile

from maelstrom_core.model.cases import CaseReport, CaseStatus
from maelstrom_core.model.histories import KnownCase, case_key, plan_key, project_key
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.outcome import Exited, JobResult, Usage
from maelstrom_core.testrun.history import History, Known
from maelstrom_core.testrun.sharing import ASK_SECONDS, Sharing, sharing
from maelstrom_core.wire.histories import packed, unpacked

A, B, C = CaseId("a"), CaseId("b"), CaseId("\udcff")


class OverAFile:
    """A backend without the network in between, and without jobs."""

    slots = 1

    def __init__(self, file: HistoryFile, owner: str) -> None:
        self._file = file
        self._owner = owner
        self.told: list[KnownCase] = []
        self.is_silent = False

    async def run(self, *_: object, **__: object) -> JobResult:
        raise AssertionError("there are no jobs")

    async def recall(self, project: bytes, plan: bytes = b"") -> Sequence[KnownCase] | None:
        if self.is_silent:
            await trio.sleep_forever()
        parts = self._file.recall(self._owner, project, plan, now=1e9)
        return [KnownCase(*row) for part in parts for row in unpacked(part)]

    def learned(self, project: bytes, cases: Iterable[KnownCase]) -> None:
        self.told += (rows := list(cases))
        for part in packed(rows):
            self._file.learn(self._owner, project, part, now=1e9)


class Machine:
    """With a state directory of its own."""

    def __init__(self, directory: Path, file: HistoryFile, name: str) -> None:
        self.path = directory / name / "history.sqlite"
        self.backend = OverAFile(file, name)

    def history(self, runner: str = "pytest") -> History:
        return History(self.path, runner=runner, project=self.path.parent)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    faults: list[str] = []
    one = HistoryFile(tmp_path / "broker.sqlite", most_bytes=1 << 20, tell=faults.append)
    yield one
    one.close()
    assert not faults


@pytest.fixture
def ann(tmp_path: Path, file: HistoryFile) -> Machine:
    return Machine(tmp_path, file, "ann")


@pytest.fixture
def bob(tmp_path: Path, file: HistoryFile) -> Machine:
    return Machine(tmp_path, file, "bob")


def report(name: CaseId, seconds: float, status: CaseStatus = CaseStatus.PASSED) -> CaseReport:
    result = JobResult(outcome=Exited(0), usage=Usage(wall_seconds=seconds))
    return CaseReport(id=name, status=status, result=result)


async def see(machine: Machine, *reports: CaseReport) -> None:
    """A run, as far as this matters."""
    with machine.history() as history:
        async with sharing(history, machine.backend, "project"):
            for one in reports:
                history.add(one)


def test_what_one_saw_the_other_knows_before_its_first_run(ann: Machine, bob: Machine) -> None:
    async def main() -> None:
        await see(ann, report(A, 1.5), report(B, 0.2, CaseStatus.FAILED), report(C, 3.0))
        with bob.history() as history:
            assert history.of(A) is None
            async with sharing(history, bob.backend, "project"):
                assert history.of(A) == Known(1.5, failed=False)
                assert history.of(B) == Known(0.2, failed=True)
                assert history.of(C) == Known(3.0, failed=False)
                assert history.of(CaseId("d")) is None
                assert history.failed() == set(), "only what failed here is run again"
            async with sharing(history, bob.backend, "another project"):
                assert history.of(A) is None
        with bob.history("go") as history:
            async with sharing(history, bob.backend, "project"):
                assert history.of(A) is None, "it is another runner's"

    trio.run(main)


def test_what_was_seen_here_goes_before_what_others_saw(ann: Machine, bob: Machine) -> None:
    async def main() -> None:
        await see(bob, report(A, 9.0, CaseStatus.FAILED))
        await see(ann, report(A, 1.0))
        with bob.history() as history:
            async with sharing(history, bob.backend, "project"):
                assert history.of(A) == Known(9.0, failed=True)
        # Ann has begun with what bob saw.
        with ann.history() as history:
            assert history.of(A) == Known(5.0, failed=False)

    trio.run(main)


def test_all_is_told_be_it_that_the_run_breaks_off(ann: Machine, bob: Machine) -> None:
    async def main() -> None:
        with pytest.raises(KeyError), ann.history() as history:
            async with sharing(history, ann.backend, "project"):
                for number in range(300):
                    history.add(report(CaseId(f"case {number}"), 1.0))
                assert len(ann.backend.told) == 256, "in parts, as they end"
                raise KeyError
        assert len({case.key for case in ann.backend.told}) == 300

    trio.run(main)


def test_a_backend_that_shares_nothing_and_no_name_are_let_be(ann: Machine) -> None:
    class Alone:
        slots = 1

        async def run(self, *_: object, **__: object) -> JobResult:
            raise AssertionError("there are no jobs")

    async def main() -> None:
        for backend, name in ((ann.backend, ""), (Alone(), "project")):
            with ann.history() as history:
                async with sharing(history, backend, name) as found:
                    history.add(report(A, 2.0))
                    durations = await found.durations(history, [A, B], 2)
                    assert durations.seconds == {A: 2.0} and durations.whose == ""
            ann.path.unlink()
        assert not ann.backend.told

    trio.run(main)


def test_a_broker_that_does_not_answer_costs_a_moment(ann: Machine) -> None:
    async def main() -> None:
        ann.backend.is_silent = True
        began = trio.current_time()
        with ann.history() as history:
            async with sharing(history, ann.backend, "project") as found:
                assert trio.current_time() - began == ASK_SECONDS
                history.add(report(A, 2.0))
                durations = await found.durations(history, [A, B], 2)
                assert durations.seconds == {A: 2.0}
                assert durations.whose == ", for the cluster does not say how long they take"
        assert len(ann.backend.told) == 1

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_shards_are_balanced_by_the_same_durations_whenever_they_run(
    ann: Machine, bob: Machine
) -> None:
    async def main() -> None:
        await see(ann, report(A, 1.0), report(B, 2.0))
        found = []
        for machine in (ann, bob, ann):
            with machine.history() as history:
                async with sharing(history, machine.backend, "project") as shared:
                    durations = await shared.durations(history, [A, B, C], 3)
                    found.append((durations.seconds, durations.whose))
                    history.add(report(C, 7.0))
        assert found == 3 * [({A: 1.0, B: 2.0}, ", as the cluster knows them")]
        with bob.history() as history:
            async with sharing(history, bob.backend, "project") as shared:
                others = await shared.durations(history, [C, A, B], 2)
        assert others.seconds == {A: 1.0, B: 2.0, C: 7.0}, "another plan"

    trio.run(main)


def test_without_others_there_is_what_was_seen_here(ann: Machine) -> None:
    async def main() -> None:
        with ann.history() as history:
            history.add(report(A, 2.0))
            assert (await Sharing().durations(history, [A, B], 2)).seconds == {A: 2.0}

    trio.run(main)


def test_names_are_nobody_else_s() -> None:
    project = project_key("pytest", "one")
    keys = {
        project_key("pytest", "one"),
        project_key("pytes", "tone"),
        project_key("go", "one"),
        plan_key([A, B], 2),
        plan_key([A, B], 3),
        plan_key([A], 2),
    }
    assert len(keys) == 6 and all(len(key) == 32 for key in keys)
    assert plan_key([B, A], 2) == plan_key([A, B], 2)
    assert case_key(project, A) != case_key(project_key("pytest", "two"), A)
    assert {len(case_key(project, case)) for case in (A, B, C)} == {16}
