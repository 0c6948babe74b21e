"""By what limits are kept, and what is made of how a job has ended."""

import signal
from typing import Any

import pytest

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.groups_plan import REST, Mounted, candidate, mounted, offer
from maelstrom_core.container.job_plan import job_steps
from maelstrom_core.container.limits_plan import (
    GROUP,
    HOST,
    NAMESPACE,
    PROCESS,
    Ending,
    Hit,
    degraded,
    group_files,
    hits,
    kept,
    wants_groups,
)
from maelstrom_core.container.plan import blueprint_of
from maelstrom_core.container.restrict_plan import Role
from maelstrom_core.model.container import Container, Limits, Proc, Root, Template

NEW_ROOT = SlotFacts("x86_64", 0, 0, pid_max_per_namespace=True)
NEW_USER = SlotFacts("x86_64", 1000, 1000, pid_max_per_namespace=True)
OLD_ROOT = SlotFacts("x86_64", 0, 0, pid_max_per_namespace=False)
OLD_USER = SlotFacts("x86_64", 1000, 1000, pid_max_per_namespace=False)
MIB = 1 << 20


def blueprint(*, groups: bool = False, writable: bool = False, **limits: Any) -> Blueprint:
    container = Container(limits=Limits(**limits), root=Root(writable=writable), mounts=(Proc(),))
    made = blueprint_of(container, lowers=["/layer"])
    fields = made.to_plain()
    if groups:
        fields |= {"groups": "/groups", "controllers": ("memory", "pids", "cpu")}
    return Blueprint.from_plain(fields)


def keepers(one: Blueprint, facts: SlotFacts) -> dict[str, tuple[float, str]]:
    return {limit.name: (limit.allowed, limit.by) for limit in kept(one, facts)}


def test_memory_is_kept_by_a_group_where_there_is_one() -> None:
    assert keepers(blueprint(memory_bytes=MIB), NEW_ROOT)["memory"] == (MIB, PROCESS)
    assert keepers(blueprint(memory_bytes=MIB, groups=True), NEW_ROOT)["memory"] == (MIB, GROUP)


@pytest.mark.parametrize(
    ("facts", "pids", "expected"),
    [
        (NEW_ROOT, 4096, (4096, NAMESPACE)),
        (NEW_ROOT, 20, (301, NAMESPACE)),
        (NEW_USER, 20, (20, PROCESS)),
        (OLD_USER, 4096, (4096, PROCESS)),
        (OLD_ROOT, 4096, (4096, "")),
    ],
)
def test_without_groups_pids_are_limited_by_what_there_is(
    facts: SlotFacts, pids: int, expected: tuple[int, str]
) -> None:
    assert keepers(blueprint(pids=pids), facts)["pids"] == expected
    assert keepers(blueprint(pids=pids, groups=True), facts)["pids"] == (pids, GROUP)


def test_groups_are_wanted_for_what_nothing_else_gives_and_for_no_other_job() -> None:
    assert not wants_groups(blueprint(), NEW_ROOT)
    assert not wants_groups(blueprint(cpu_seconds=1, open_files=9, file_bytes=9), OLD_USER)
    for limits in ({"memory_bytes": 1}, {"cpu": 0.5}, {"pids": 20}):
        assert wants_groups(blueprint(**limits), NEW_ROOT)
    assert wants_groups(blueprint(), OLD_ROOT)


def test_what_is_kept_less_well_than_it_is_meant_is_said_with_the_reason() -> None:
    one = blueprint(memory_bytes=MIB, cpu=1.5, pids=20)
    one = Blueprint.from_plain(one.to_plain() | {"no_groups": "none is delegated"})
    memory, pids, cpu = degraded(one, NEW_ROOT)
    assert "of each process by itself" in memory and "(none is delegated)" in memory
    assert "301 instead of 20" in pids
    assert cpu == "limit of cpu: not kept (none is delegated)"
    assert degraded(blueprint(memory_bytes=MIB, cpu=1.5, pids=20, groups=True), NEW_ROOT) == ()
    assert degraded(blueprint(), NEW_ROOT) == ()


def test_limits_that_we_have_ourselves_are_not_raised() -> None:
    """The kernel would refuse that, and the job would not start."""
    facts = OLD_USER._replace(hard=(("open_files", 512), ("pids", 1000)))
    one = blueprint(open_files=4096, pids=4096)
    assert keepers(one, facts)["open_files"] == (512, PROCESS)
    assert degraded(one, facts) == (
        "limit of pids: 1000, which is that of this host",
        "limit of open_files: 512, which is that of this host",
    )
    assert degraded(blueprint(open_files=512, pids=900), facts) == ()
    template = [step.purpose for step in job_steps(one, facts, {}, role=Role.TEMPLATE)]
    assert "limit the number of pids" not in template


def test_a_groups_files_say_what_is_limited_and_nothing_else() -> None:
    files = group_files(blueprint(memory_bytes=MIB, cpu=1.5, pids=20, groups=True))
    assert files == (
        ("memory.max", "1048576"),
        ("memory.swap.max", "0"),
        ("pids.max", "20"),
        ("cpu.max", "150000 100000"),
    )
    assert group_files(blueprint(pids=None, groups=True)) == ()


def test_a_templates_forks_do_not_take_pids_from_one_another() -> None:
    """They lie in its namespaces, and count there too; and its own CPU time is not theirs."""
    container = Container(limits=Limits(pids=400, cpu_seconds=1), template=Template(program="x"))
    one = blueprint_of(container, lowers=["/layer"])
    written = {
        role: [
            step.arguments[1]
            for step in job_steps(one, NEW_ROOT, {}, role=role)
            if step.call == "write"
        ]
        for role in (Role.JOB, Role.TEMPLATE)
    }
    assert "400" in written[Role.JOB] and "400" not in written[Role.TEMPLATE]
    assert "6400" in written[Role.TEMPLATE]
    calls = [step.purpose for step in job_steps(one, NEW_ROOT, {}, role=Role.TEMPLATE)]
    assert "limit CPU time" not in calls


def test_only_a_job_in_a_group_makes_that_the_root_of_what_it_sees() -> None:
    purposes = {
        groups: [step.purpose for step in job_steps(blueprint(groups=groups), NEW_ROOT, {})]
        for groups in (False, True)
    }
    assert "see no control group but its own" in purposes[True]
    assert set(purposes[True]) - set(purposes[False]) == {"see no control group but its own"}


def found(one: Blueprint, facts: SlotFacts = NEW_ROOT, **ending: Any) -> list[Hit]:
    return list(hits(kept(one, facts), Ending(**ending)))


def test_a_job_that_the_kernel_killed_for_its_memory_is_over_its_limit() -> None:
    one = blueprint(memory_bytes=MIB, groups=True)
    (hit,) = found(one, status=signal.SIGKILL, oom_kills=1)
    assert (hit.name, hit.by, hit.ended, hit.certain) == ("memory", GROUP, True, True)
    # A process of it was killed, and it has lived with that.
    (hit,) = found(one, status=0, oom_kills=1)
    assert not hit.ended and hit.certain
    assert found(one, status=signal.SIGKILL) == []


def test_what_a_process_is_refused_by_its_own_limit_is_only_guessed() -> None:
    one = blueprint(memory_bytes=100 * MIB)
    (hit,) = found(one, status=256, peak_bytes=60 * MIB)
    assert (hit.name, hit.ended, hit.certain) == ("memory", False, False)
    assert found(one, status=256, peak_bytes=20 * MIB) == []
    assert found(one, status=0, peak_bytes=99 * MIB) == []
    (hit,) = found(blueprint(pids=400), status=256, started=399)
    assert (hit.name, hit.ended, hit.certain) == ("pids", False, False)
    assert found(blueprint(pids=400), status=256, started=300) == []


def test_who_was_killed_while_the_host_had_no_memory_is_perhaps_told_why() -> None:
    (hit,) = found(blueprint(), status=9, host_kills=1)
    assert (hit.name, hit.by, hit.ended, hit.certain) == ("memory", HOST, False, False)
    assert found(blueprint(), status=256, host_kills=1) == []
    (hit,) = found(blueprint(memory_bytes=MIB, groups=True), status=9, oom_kills=1, host_kills=1)
    assert hit.by == GROUP


@pytest.mark.parametrize(
    ("limits", "name", "number"),
    [({"cpu_seconds": 1}, "cpu_seconds", 24), ({"file_bytes": 1}, "file_size", 25)],
)
def test_signals_of_limits_are_theirs_only_where_there_is_such_a_limit(
    limits: dict[str, int], name: str, number: int
) -> None:
    (hit,) = found(blueprint(**limits), status=number)
    assert (hit.name, hit.ended, hit.certain) == (name, True, True)
    assert found(blueprint(), status=number) == []


def test_what_ended_it_comes_first() -> None:
    one = blueprint(output_bytes=10, writable=True)
    first, second = found(one, status=9, flooded=True, full=("/",))
    assert (first.name, first.ended) == ("output", True)
    assert (second.name, second.where, second.ended) == ("disk", "/", False)


MOUNTS = """\
24 1 0:22 / /sys rw - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
"""
HYBRID = """\
31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_our_group_is_found_where_it_is_mounted() -> None:
    scope = "0::/user.slice/run-1.scope\n"
    at = "/sys/fs/cgroup"
    assert mounted(MOUNTS, scope) == Mounted(at, f"{at}/user.slice/run-1.scope")
    assert mounted(MOUNTS, "0::/\n") == Mounted(at, at)
    assert mounted(HYBRID, "4:memory:/a\n0::/b\n") == Mounted(f"{at}/unified", f"{at}/unified/b")
    assert mounted(MOUNTS.replace("0:26 /", "0:26 /docker/1"), "0::/docker/1\n") == Mounted(at, at)
    assert mounted(MOUNTS, "4:memory:/a\n") is None
    assert mounted("", scope) is None
    assert mounted(MOUNTS.replace("0:26 /", "0:26 /other"), scope) is None


def test_root_divides_the_root_of_all_groups_and_others_their_own() -> None:
    where = Mounted("/at", "/at/user/scope")
    assert candidate(where, euid=0, whole=True) == "/at"
    assert candidate(where, euid=0, whole=False) == "/at/user/scope"
    assert candidate(where, euid=1000, whole=True) == "/at/user/scope"
    # Whoever was moved out of the way by another one's run divides what that has divided.
    assert candidate(Mounted("/at", f"/at/scope/{REST}"), euid=1000, whole=True) == "/at/scope"


def test_an_offer_says_why_there_is_none_and_what_to_do() -> None:
    all_of_them = ["cpuset", "cpu", "io", "memory", "pids"]
    one = offer("/at/x", writable=True, controllers=all_of_them, is_root=False, euid=1000)
    assert (one.controllers, one.crowded, one.why) == (("memory", "pids", "cpu"), True, "")
    assert not offer("/at", writable=True, controllers=all_of_them, is_root=True, euid=0).crowded
    refused = offer("/at/x", writable=False, controllers=all_of_them, is_root=False, euid=1000)
    assert not refused.directory and "Delegate=yes" in refused.remedy
    hybrid = offer("/at", writable=True, controllers=["hugetlb"], is_root=True, euid=0)
    assert "version 1" in hybrid.why and "unified_cgroup_hierarchy" in hybrid.remedy
