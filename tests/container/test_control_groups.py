"""Control groups of jobs: made, seen, removed; whatever is killed, the next one sweeps them away.

Where version 2 controls nothing, as beside version 1, groups can be made all the same.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from maelstrom_core.container.control_groups import (
    OWN,
    Groups,
    close_groups,
    offered,
    open_groups,
    sweep,
)
from maelstrom_core.container.groups_plan import OURS, REST, Offer, candidate, mounted
from maelstrom_core.model.container import Limits
from maelstrom_core.model.outcome import Exited

OWNER = """
import os, signal, sys
from maelstrom_core.container.control_groups import open_groups
from maelstrom_core.container.groups_plan import Offer
groups = open_groups(Offer(sys.argv[1], (), False))
os.mkdir(groups.directory + "/job")
print(groups.directory, flush=True)
signal.pause()
"""


@pytest.fixture
def one() -> Offer:
    """What this host offers, if it is only groups without controllers."""
    found = offered()
    if found.directory:
        return found
    where = mounted(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
    if where is None:
        pytest.skip(f"control groups: {found.why}")
    directory = candidate(where, euid=os.geteuid(), whole=True)
    if not os.access(f"{directory}/cgroup.procs", os.W_OK):
        pytest.skip(f"control groups: {directory} is not ours to divide")
    return Offer(directory, (), crowded=False)


@pytest.fixture
def groups(one: Offer) -> Iterator[Groups]:
    """Groups that are those of this process."""
    opened = open_groups(one)
    yield opened
    close_groups(opened)
    assert not os.path.exists(opened.directory)


def groups_of_jobs(groups: Groups) -> list[str]:
    with os.scandir(groups.directory) as entries:
        return [entry.name for entry in entries if entry.is_dir()]


@pytest.fixture
def lent(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> Groups:
    """Containers that want groups get these."""
    monkeypatch.setattr(OWN, "wanted", lambda controllers: (groups, ""))
    return groups


def test_a_job_is_in_a_group_of_its_own_and_sees_no_other(shell, lent: Groups) -> None:
    inside: list[str] = []

    def watch(slot, message) -> None:
        for name in groups_of_jobs(lent):
            procs = Path(lent.directory, name, "cgroup.procs").read_text().split()
            inside.append(f"{len(procs)} {name}")

    limits = Limits(memory_bytes=1 << 30)
    seen = shell("cat /proc/self/cgroup; sleep 0.2 & wait", limits=limits, on_message=watch)
    assert seen.code == 0, seen.err
    assert "0::/" in seen.out.splitlines()
    # The init, the shell, and what it has started.
    assert any(line.startswith(("2 job-", "3 job-")) for line in inside), inside
    assert groups_of_jobs(lent) == []


@pytest.mark.parametrize("forked", [False, True], ids=["fresh", "forked"])
def test_jobs_are_in_groups_before_they_do_anything(
    python_container, results_of, job, lent: Groups, forked: bool
) -> None:
    """A large request is read by a fork as soon as it is there, and not when it is told to."""
    limited = attrs.evolve(python_container, limits=Limits(memory_bytes=1 << 30))
    code = "import os; print(open('/proc/self/cgroup').read(), flush=True)"
    large = code + "\n#" + "x" * 40_000 + "\nimport time; time.sleep(0.3)"
    large += "\nprint(open('/proc/self/cgroup').read())"
    jobs = [job(limited, code, forked=forked) for _ in range(4)]
    jobs += [job(limited, large, forked=forked)] if forked else []
    for result in results_of(jobs):
        assert result.outcome == Exited(0), result.stderr.text()
        last = next(
            line for line in result.stdout.text().splitlines()[::-1] if line.startswith("0::")
        )
        # A fork sees the group in which its template is from outside.
        assert last == "0::/" if not forked else "/job-" in last
    # Those of forks that have waited for more are empty as soon as these have ended, and go with ours.
    left = groups_of_jobs(lent)
    assert forked or not left
    end = time.monotonic() + 30
    while any(Path(lent.directory, name, "cgroup.procs").read_text() for name in left):
        assert time.monotonic() < end, "a fork stays in its group"
        time.sleep(0.01)


def test_a_job_that_cannot_be_started_leaves_no_group(run, lent: Groups) -> None:
    seen = run("no-such-program", limits=Limits(memory_bytes=1 << 30))
    assert type(seen.last).__name__ == "NotStarted"
    assert groups_of_jobs(lent) == []


def test_a_directory_that_is_gone_is_told_of_as_a_fault_of_the_host(
    shell, lent: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Groups(f"{lent.directory}/gone", lent.above, -1)
    monkeypatch.setattr(OWN, "wanted", lambda controllers: (gone, ""))
    seen = shell("true", limits=Limits(memory_bytes=1 << 30))
    assert (seen.last.purpose, seen.last.whose) == (
        "open the directory of control groups",
        "host",
    )


def test_the_groups_of_whoever_was_killed_are_swept_away_and_of_nobody_else(one: Offer) -> None:
    def start() -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", OWNER, one.directory]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    (alive, kept), (killed, left) = start(), start()
    with alive, killed:
        try:
            killed.kill()
            killed.wait()
            assert os.path.isdir(f"{left}/job") and os.path.basename(left).startswith(OURS)
            sweep(one.directory)
            assert not os.path.exists(left)
            assert os.path.isdir(f"{kept}/job")
        finally:
            alive.send_signal(signal.SIGKILL)
            killed.kill()
    sweep(one.directory)
    assert not os.path.exists(kept)


def test_what_is_in_a_group_that_is_divided_moves_out_of_the_way_and_back(
    one: Offer, groups: Groups
) -> None:
    """As in a scope that was delegated; here one that this test makes."""
    scope = f"{groups.directory}/scope"
    os.mkdir(scope)
    with subprocess.Popen(["sleep", "1000"]) as resident:
        try:
            Path(scope, "cgroup.procs").write_text(str(resident.pid))
            groups.share_out(one.controllers)
            first = open_groups(Offer(scope, one.controllers, crowded=True))
            second = open_groups(Offer(scope, one.controllers, crowded=True))
            for opened in (first, second):
                opened.share_out(one.controllers)
                assert opened.controllers == one.controllers
            assert Path(scope, "cgroup.procs").read_text() == ""
            assert Path(scope, REST, "cgroup.procs").read_text() == f"{resident.pid}\n"
            close_groups(first)
            assert Path(scope, "cgroup.procs").read_text() == ""  # somebody still needs that
            close_groups(second)
            assert Path(scope, "cgroup.procs").read_text() == f"{resident.pid}\n"
            assert [entry for entry in os.scandir(scope) if entry.is_dir()] == []
        finally:
            resident.kill()
    os.rmdir(scope)
