"""The order of a container's steps, which is what its safety rests on."""

from typing import Any

import pytest

from maelstrom_core.container.blueprint import Blueprint
from maelstrom_core.container.facts import SlotFacts
from maelstrom_core.container.job_plan import job_steps
from maelstrom_core.container.plan import blueprint_of, candidate_paths
from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Bind, Container, Devices, Limits, Root, Tmp

FACTS = SlotFacts(machine="x86_64", euid=0, egid=0, pid_max_per_namespace=True)


def calls(**fields: object) -> list[str]:
    blueprint = blueprint_of(Container(**fields), lowers=["/layer"])
    return [step.call for step in job_steps(blueprint, FACTS, {})]


@pytest.mark.parametrize("root", [Root(), Root(writable=True)])
def test_privileges_go_after_the_last_mount(root: Root) -> None:
    order = calls(root=root)
    last_mount = len(order) - 1 - order[::-1].index("mount")
    assert last_mount < order.index("capset")
    assert order[-2:] == ["close_range", "execveat"]


def test_every_mount_comes_before_the_pivot() -> None:
    order = calls(root=Root(writable=True))
    assert len(order) - 1 - order[::-1].index("mount") < order.index("pivot_root")


def test_setgroups_is_denied_before_groups_are_mapped() -> None:
    blueprint = blueprint_of(Container(), lowers=["/layer"])
    purposes = [step.purpose for step in job_steps(blueprint, FACTS, {})]
    give_up = next(i for i, purpose in enumerate(purposes) if "setgroups" in purpose)
    assert give_up < purposes.index("map the group id")


def test_a_blueprint_survives_its_way_to_the_slot() -> None:
    blueprint = blueprint_of(Container(mounts=(Tmp(target="/tmp"),)), lowers=["/a", "/b"])
    assert Blueprint.from_plain(blueprint.to_plain()) == blueprint


def test_all_faults_of_a_container_are_told_together() -> None:
    mounts = (Bind(source="relative", target="/ok"), Tmp(target="/a/../b"), Tmp(target="/"))
    with pytest.raises(InputError) as bad:
        blueprint_of(Container(mounts=mounts, capabilities=("CAP_NONE",)), lowers=[])
    assert len(bad.value.faults) == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"root": Root(writable=True, size_bytes=0)},
        {"root": Root(writable=True, max_files=0)},
        {"mounts": (Tmp(target="/tmp", size_bytes=0),)},
        {"mounts": (Devices(shm_bytes=0),)},
    ],
    ids=["root", "files", "tmp", "shm"],
)
def test_a_size_of_0_which_the_kernel_takes_for_no_limit_is_refused(
    fields: dict[str, Any],
) -> None:
    with pytest.raises(InputError, match="0 is no size"):
        blueprint_of(Container(**fields), lowers=[])


def test_a_limit_of_nothing_is_refused() -> None:
    limits = Limits(memory_bytes=0, pids=0, cpu=0.001, cpu_seconds=0, output_bytes=0)
    with pytest.raises(InputError) as bad:
        blueprint_of(Container(limits=limits), lowers=[])
    assert [fault.split(":")[1].strip() for fault in bad.value.faults] == [
        "memory",
        "pids",
        "cpu",
        "cpu_seconds",
        "output",
    ]


def test_programs_are_looked_up_in_the_jobs_own_path() -> None:
    environment = (("PATH", "/a::/b"),)
    assert candidate_paths("x", environment) == ("/a/x", "/b/x")
    assert candidate_paths("./x", environment) == ("./x",)
