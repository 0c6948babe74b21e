"""Layers that programs make: in which containers, and all that is wrong with them."""

from typing import Any

import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Bind, ContainerSpec, Network, Proc, Root
from maelstrom_core.model.layers import CommandLayer, GlobLayer, StubsLayer
from maelstrom_core.model.plain import digest_of, from_plain, to_plain
from maelstrom_core.spec.jobs_plan import JobPlanner

DEFAULT = ContainerSpec(
    layers=(StubsLayer(stubs=("/default/",)),), mounts=(Proc(),), environment=(("A", "1"),)
)


def stubs(name: str) -> StubsLayer:
    return StubsLayer(stubs=(f"/{name}/",))


@pytest.fixture
def planner() -> JobPlanner:
    return JobPlanner(default=DEFAULT, client={}, project="/p")


def made(planner: JobPlanner, document: dict[str, Any]) -> CommandLayer:
    """The command layer of a document's one job."""
    (planned,) = planner.take({"program": "true", **document}, what="it")
    (layer,) = (one for one in planned.job.container.layers if isinstance(one, CommandLayer))
    return layer


def test_a_program_has_the_layers_below_it_and_all_else_of_its_container(
    planner: JobPlanner,
) -> None:
    layer = made(
        planner,
        {
            "added_layers": [
                {"stubs": ["/below/"]},
                {"command": ["make", "all"], "timeout": "2m", "root_size": 1000},
                {"stubs": ["/above/"]},
            ],
            "added_mounts": [{"type": "bind", "mount_point": "/b", "local_path": "b"}],
            "added_environment": {"B": "$prev{A}2"},
            "network": "loopback",
        },
    )

    assert (layer.command, layer.timeout) == (("make", "all"), 120.0)
    container = layer.container
    assert container.layers == (stubs("default"), stubs("below"))
    assert container.environment == (("A", "1"), ("B", "12"))
    assert container.network is Network.LOOPBACK
    assert container.root == Root(writable=True, captured=True, size_bytes=1000)
    # It is run once: what it did to this machine would not be done again.
    assert container.mounts == (Proc(), Bind(source="/p/b", target="/b", read_only=True))


def test_its_own_keys_say_what_is_otherwise(planner: JobPlanner) -> None:
    layer = made(
        planner,
        {
            "added_layers": [
                {
                    "command": "make",
                    "added_layers": [{"stubs": ["/seen/"]}],
                    "added_environment": {"A": "$prev{A}+"},
                    "network": "local",
                }
            ]
        },
    )
    assert layer.command == ("make",)
    assert layer.timeout == 3600
    assert layer.container.layers == (stubs("default"), stubs("seen"))
    assert layer.container.environment == (("A", "1+"),)
    assert layer.container.network is Network.LOCAL


def test_it_may_have_another_container_altogether(planner: JobPlanner) -> None:
    other = {"layers": [{"stubs": ["/other/"]}, {"command": "first"}]}
    layer = made(
        planner,
        {
            "containers": {"other": other},
            "layers": [{"stubs": ["/mine/"]}, {"command": ["x"], "parent": "other", "timeout": 0}],
        },
    )
    below, first = layer.container.layers
    assert (below, layer.timeout) == (stubs("other"), None)
    assert isinstance(first, CommandLayer)
    assert first.container.layers == (stubs("other"),)
    assert from_plain(ContainerSpec, to_plain(layer.container)) == layer.container
    assert digest_of(layer.container) != digest_of(first.container)


def test_it_may_do_without_the_project_wherever_that_comes_from(planner: JobPlanner) -> None:
    whole, part = {"glob": "**", "root": "/p"}, {"glob": "**", "root": "/p/sub"}
    command = {"command": "x", "project": False}
    container = {"layers": [part, whole, {"stubs": ["/below/"]}, command]}

    layer = made(planner, {"containers": {"c": container}, "parent": "c"})
    other = made(planner, {"layers": [{**command, "parent": "c", "project": True}]})
    without = made(planner, {"layers": [{**command, "parent": "c"}]})

    kept = (GlobLayer(globs=("**",), root="/p/sub"), stubs("below"))
    assert layer.container.layers == kept
    assert len(other.container.layers) == 4
    assert without.container.layers[:2] == kept
    assert len(without.container.layers) == 3


def test_a_dozen_faults_of_one_document_are_told_together(planner: JobPlanner) -> None:
    document = {
        "containers": {
            "one": {"layers": [{"stubs": ["/a"]}, {"command": "x", "parent": "two"}]},
            "two": {"parent": "one", "netwrk": "local"},
            "three": {"parent": "thre"},
        },
        "jobs": [
            {
                "program": "true",
                "layers": [
                    {"command": [], "timeout": "soon"},
                    {"command": "x", "glob": "*"},
                    {"comand": "x"},
                    {"command": "x", "parent": "tow"},
                    {"command": "x", "enable_writable_file_system": True},
                    {"command": "x", "layers": [{"command": 1}]},
                ],
                "mounts": [{"type": "tmpf", "mount_point": "/t"}],
                "network": "none",
                "user": -1,
                "timeout": "soon",
            },
            {"programm": "x", "environment": {"A": "$env{NOT_SET}"}},
        ],
    }
    with pytest.raises(InputError) as raised:
        planner.take(document, what="it")

    places = "\n".join(sorted(raised.value.faults))
    for told in (
        "containers.two.netwrk: unknown; did you mean network?",
        "containers.one.parent: goes round in a circle: one → two → one",
        "containers.three.parent: no container thre; did you mean three?",
        "jobs[0].layers[0].command: a program is missing",
        "jobs[0].layers[0].timeout: expected a number of seconds such as 30 or 2m, not 'soon'",
        "jobs[0].layers[1]: command and glob: a layer is of one kind",
        "jobs[0].layers[2]: no kind of layer: comand; did you mean command?",
        "jobs[0].layers[4].enable_writable_file_system: unknown",
        "jobs[0].layers[5].layers[0].command: expected a text, not 1",
        "jobs[0].mounts[0].type: expected one of bind, tmp,",
        "jobs[0].network: expected one of",
        "jobs[0].user: expected a whole number from 0 to 4294967294, not -1",
        "jobs[0].timeout: expected a number of seconds such as 30 or 2m, not 'soon'",
        "jobs[1].programm: unknown; did you mean program?",
        "jobs[1]: program is missing",
    ):
        assert told in places


def test_a_parent_of_a_command_that_is_not_there_is_told(planner: JobPlanner) -> None:
    with pytest.raises(InputError) as raised:
        planner.take({"program": "x", "layers": [{"command": "x", "parent": "defalt"}]}, what="it")
    told = "layers[0].parent: no container defalt; did you mean default?"
    assert raised.value.faults == (told,)
