"""A file of directives: all its faults, and what it comes to for a case."""

import tomllib
from typing import Any

import attrs
import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import (
    Bind,
    ContainerSpec,
    Limits,
    Network,
    Proc,
    Root,
    Sys,
    Tmp,
)
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.layers import HostTreeLayer, PathsLayer, TarLayer
from maelstrom_core.testrun.directives import Directives, read_directives
from maelstrom_core.testrun.directives_plan import CasePlan, Planner
from pytest_maelstrom.selectors import SELECTORS

OURS = HostTreeLayer(path="/ours", target="/.maelstrom")
BASE = TarLayer(tar="base.tar")
DEFAULT = ContainerSpec(
    layers=(BASE, OURS),
    mounts=(Proc(), Sys(), Tmp(target="/tmp")),
    root=Root(writable=True, size_bytes=5),
    network=Network.LOOPBACK,
    environment=(("A", "1"), ("B", "2")),
    working_directory="/project",
    user=7,
    group=8,
)


def read(text: str, **cannot: str) -> Directives:
    return read_directives(tomllib.loads(text), SELECTORS, file="f.toml", cannot=cannot)


def faults(text: str, **cannot: str) -> list[str]:
    with pytest.raises(InputError) as raised:
        read(text, **cannot)
    assert str(raised.value).startswith("f.toml cannot be used:")
    return list(raised.value.faults)


def planner(text: str, **how: Any) -> Planner:
    settings: dict[str, Any] = {"client": {"WHO": "ann"}, "project": "/project", "timeout": 9.0}
    return Planner(read(text), SELECTORS, default=DEFAULT, always=(OURS,), **(settings | how))


def plan(text: str, *markers: str, name: str = "test_it", **how: Any) -> CasePlan:
    case = Case(id=CaseId(name), name=name, markers=markers, details={"node id": name})
    return planner(text, **how).for_case(case)


def container(text: str, *markers: str, **how: Any) -> ContainerSpec:
    return plan(text, *markers, **how).container


def changed(**fields: Any) -> ContainerSpec:
    return attrs.evolve(DEFAULT, **fields)


def test_without_directives_there_is_the_default_container() -> None:
    assert plan("").container is DEFAULT
    assert plan("").timeout == 9.0
    assert plan('[[directives]]\nfilter = "none"\nuser = 1').container is DEFAULT


def test_what_is_the_same_for_several_cases_is_the_same_object() -> None:
    one = planner('[[directives]]\nfilter = "name.contains(a)"\nuser = 1')

    def of(name: str) -> ContainerSpec:
        case = Case(id=CaseId(name), name=name, details={"node id": name})
        return one.for_case(case).container

    assert of("a") is of("ba")
    assert of("a").user == 1
    assert of("b") is DEFAULT


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ('network = "local"', {"network": Network.LOCAL}),
        ("user = 0\ngroup = 3", {"user": 0, "group": 3}),
        ('working_directory = "/x"', {"working_directory": "/x"}),
        ("enable_writable_file_system = false", {"root": Root(writable=False, size_bytes=5)}),
        ('root_size = "1MiB"', {"root": Root(writable=True, size_bytes=1 << 20)}),
        (
            'hostname = "h"\nseccomp = false\ninit = false',
            {"hostname": "h", "seccomp": False, "init": False},
        ),
        ('capabilities = ["CAP_NET_ADMIN"]', {"capabilities": ("CAP_NET_ADMIN",)}),
        ('limits = { pids = 5, memory = "1GB" }', {"limits": Limits(pids=5, memory_bytes=10**9)}),
        ('environment = { B = "3" }', {"environment": (("A", "1"), ("B", "3"))}),
        (
            'added_environment = { C = "$env{WHO}" }',
            {"environment": (("A", "1"), ("B", "2"), ("C", "ann"))},
        ),
        ("environment = [{ vars = {}, extend = false }]", {"environment": ()}),
        ('added_layers = [{ tar = "x" }]', {"layers": (BASE, OURS, TarLayer(tar="x"))}),
        ('layers = [{ tar = "x" }]', {"layers": (BASE, OURS, TarLayer(tar="x"))}),
    ],
)
def test_a_directive_changes_the_default_container(said: str, fields: Any) -> None:
    assert container(f"[[directives]]\n{said}") == changed(**fields)


def test_binds_are_relative_to_the_project_and_a_mount_takes_the_place_of_another() -> None:
    got = container(
        """
        [[directives]]
        added_mounts = [
            { type = "bind", mount_point = "/data", local_path = "../data" },
            { type = "tmp", mount_point = "/tmp", size = 7 },
        ]
        """
    )

    assert got.mounts == (
        Proc(),
        Sys(),
        Bind(source="/data", target="/data", read_only=False),
        Tmp(target="/tmp", size_bytes=7),
    )


def test_all_that_fit_are_taken_in_order() -> None:
    text = """
        [[directives]]
        added_layers = [{ tar = "one" }]
        environment = { A = "$prev{A}1" }
        limits = { pids = 5 }
        [[directives]]
        filter = "markers.contains(m)"
        added_layers = [{ tar = "two" }]
        added_environment = { A = "$prev{A}2" }
        limits = { open_files = 6 }
        user = 1
        [[directives]]
        filter = "markers.contains(n)"
        layers = [{ tar = "three" }]
        user = 2
    """
    one, two, three = (TarLayer(tar=name) for name in ("one", "two", "three"))

    assert container(text).layers == (BASE, OURS, one)
    assert container(text, "m").layers == (BASE, OURS, one, two)
    assert dict(container(text, "m").environment)["A"] == "112"
    assert container(text, "m").limits == Limits(pids=5, open_files=6)
    # What is not added takes the place of what directives before it have said.
    assert container(text, "m", "n").layers == (BASE, OURS, three)
    assert container(text, "m", "n").user == 2


NAMED = """
    [containers.empty]
    layers = [{ paths = ["/bin/sh"] }]
    mounts = [{ type = "proc", mount_point = "/proc" }]
    [containers.child]
    parent = "empty"
    added_layers = [{ tar = "child" }]
    environment = { C = "3" }
    network = "local"
    [containers.grandchild]
    parent = { name = "child", use = ["layers", "environment"] }
    added_layers = [{ tar = "grandchild" }]
    added_environment = { D = "$prev{C}4" }
    [containers.instead]
    parent = "child"
    layers = [{ tar = "instead" }]
    [[directives]]
    user = 1
    timeout = 3
    [[directives]]
    filter = "markers.contains(empty)"
    parent = "empty"
    [[directives]]
    filter = "markers.contains(grandchild)"
    parent = "grandchild"
    [[directives]]
    filter = "markers.contains(instead)"
    parent = "instead"
    added_mounts = [{ type = "sys", mount_point = "/sys" }]
    [[directives]]
    filter = "markers.contains(anew)"
    parent = "default"
    [[directives]]
    filter = "markers.contains(bare)"
    parent = { name = "default", use = ["layers"] }
    group = 4
"""


def test_a_directive_with_a_parent_begins_anew_and_keeps_what_is_no_container_s() -> None:
    paths = PathsLayer(paths=("/bin/sh",))

    assert plan(NAMED, "empty") == CasePlan(
        # The runner's own layers are there whatever is written.
        container=ContainerSpec(layers=(paths, OURS), mounts=(Proc(),)),
        timeout=3.0,
    )
    assert container(NAMED, "anew") == DEFAULT


def test_parents_parts_lie_below_and_use_says_which() -> None:
    paths = PathsLayer(paths=("/bin/sh",))
    child, grandchild, instead = (TarLayer(tar=n) for n in ("child", "grandchild", "instead"))

    assert container(NAMED, "grandchild") == ContainerSpec(
        layers=(paths, child, grandchild, OURS),
        mounts=(),
        environment=(("C", "3"), ("D", "34")),
    )
    assert container(NAMED, "instead") == ContainerSpec(
        layers=(instead, OURS),
        mounts=(Proc(), Sys()),
        environment=(("C", "3"),),
        network=Network.LOCAL,
    )
    assert container(NAMED, "bare") == ContainerSpec(layers=DEFAULT.layers, mounts=(), group=4)


def test_timeouts_are_the_last_one_s_unless_the_command_line_says_so() -> None:
    text = '[[directives]]\ntimeout = "2m"\n[[directives]]\nfilter = "markers.contains(m)"\ntimeout = 0'

    assert plan(text).timeout == 120.0
    assert plan(text, "m").timeout is None
    assert plan(text, "m", timeout_is_final=True).timeout == 9.0


def test_what_is_ignored_says_by_which_directive() -> None:
    text = """
        [[directives]]
        filter = "markers.contains(m)"
        ignore = true
        [[directives]]
        filter = "name.equals(test_that)"
        ignore = false
    """

    assert plan(text).ignored_by == ""
    assert plan(text, "m").ignored_by == "directives[0]"
    assert plan(text, "m", name="test_that").ignored_by == ""


def test_isolation_and_groups_are_planned() -> None:
    got = plan('[[directives]]\nisolation = "fresh"\ngroup_by = "module"')
    assert (got.isolation, got.group_by) == ("fresh", "module")


def test_cases_are_collected_with_what_holds_for_all() -> None:
    one = planner(
        """
        [[directives]]
        user = 1
        [[directives]]
        filter = "package.equals(default)"
        group = 2
        [[directives]]
        filter = "not name.equals(x)"
        hostname = "h"
        """
    )

    assert one.for_collecting({"package": "default"}).container == changed(user=1, group=2)


def test_what_is_not_set_is_a_fault_of_the_cases_that_ask_for_it() -> None:
    text = '[[directives]]\nfilter = "markers.contains(m)"\nenvironment = { X = "$env{NOPE}" }'

    assert container(text) is DEFAULT
    with pytest.raises(
        InputError, match=r"directives\[0\].environment.X: \$env\{NOPE\} is not set"
    ):
        container(text, "m")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("directive = 1", "directive: unknown; did you mean directives?"),
        ("directives = 1", "directives: expected a list, not 1"),
        ("containers = []", "containers: expected a table of containers, not []"),
        ("[containers.a]\nuesr = 1", "containers.a.uesr: unknown; did you mean user?"),
        ("[containers.'a b']\nuser = true", "containers.'a b'.user: expected a whole number"),
        ("[containers.a]\ntimeout = 1", "containers.a.timeout: unknown"),
        ("[containers.default]", "containers.default: default is there already"),
        ("[containers.a]\nparent = 'b'", "containers.a.parent: no container b; known: a, default"),
        ("[containers.a]\nparent = 'defalt'", "containers.a.parent: no container defalt; did you"),
        ("[containers.a]\nparent = 'a'", "containers.a.parent: goes round in a circle: a → a"),
        ("[containers.a]\nparent = { use = [] }", "containers.a.parent: name is missing"),
        ("[containers.a]\nparent = 3", "containers.a.parent: expected the name of a container, or"),
        ("[containers.a]\nimage = 'x'", "containers.a.image: expected docker://NAME, oci:PATH,"),
        ("[containers.a]\nimage = 3", "containers.a.image: expected the name of an image, or a"),
        ("[containers.a]\nimage = {use = []}", "containers.a.image: name is missing"),
        ("[containers.a]\nimage = 'oci:x'\nparent = 'default'", "containers.a.image: either image"),
        (
            "[containers.a]\nimage = { name = 'oci:x', use = ['mounts'] }",
            "containers.a.image.use[0]: unknown 'mounts'; known: layers, environment, working_dir",
        ),
        (
            "[containers.a]\nimage = { name = 'oci:x', use = ['layers'] }\nlayers = []",
            "containers.a.layers: image.use names layers as well: write added_layers",
        ),
        (
            "[containers.a]\nimage = { name = 'oci:x', use = ['layers'] }\nadded_environment = {}",
            "containers.a.added_environment: image.use does not name environment",
        ),
        ("[containers.a]\nadded_layers = []", "containers.a.added_layers: there is no parent"),
        ("[[directives]]\nparent = 'x'", "directives[0].parent: no container x; known: default"),
        ("[[directives]]\nlayers = []\nadded_layers = []", "directives[0].added_layers: either"),
        ("[[directives]]\nfilter = 3", "directives[0].filter: expected a filter, as a text, not 3"),
        ("[[directives]]\ntimeout = -1", "directives[0].timeout: expected a number of seconds"),
        ("[[directives]]\nignore = 'yes'", "directives[0].ignore: expected true or false"),
        ("[[directives]]\nworking_directory = 'x'", "directives[0].working_directory: expected an"),
        (
            "[[directives]]\nparent = { name = 'default', use = ['user'] }\nuser = 1",
            "directives[0].user: parent.use names user as well",
        ),
        (
            "[[directives]]\nparent = { name = 'default', use = ['layer'] }",
            "directives[0].parent.use[0]: unknown 'layer'; did you mean layers?",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, fault: str) -> None:
    (told,) = faults(text)
    assert told.startswith(fault)


def test_all_faults_are_told_together_and_circles_once() -> None:
    told = faults(
        """
        [containers.a]
        parent = "b"
        [containers.b]
        parent = "c"
        [containers.c]
        parent = "b"
        [[directives]]
        filter = "all and nome.equals(x)"
        usr = 1
        [[directives]]
        mounts = [{ type = "proc" }, { type = "temp" }]
        """
    )

    assert [fault.partition(": ")[0] for fault in told] == [
        "directives[0].usr",
        "directives[0].filter",
        "directives[1].mounts[0]",
        "directives[1].mounts[1].type",
        "containers.b.parent",
    ]
    assert told[1].splitlines()[1:] == ["      all and nome.equals(x)", "              ^"]
    assert told[-1].endswith("b → c → b")


def test_what_a_runner_cannot_do_is_said() -> None:
    text = '[[directives]]\ngroup_by = "module"\nisolation = "template"'

    assert faults(text, **{"group_by": "not so", "isolation = template": "nor so"}) == [
        "directives[0].isolation: nor so",
        "directives[0].group_by: not so",
    ]
    assert (
        read(text, **{"isolation = fresh": "no"}).directives[0].settings["isolation"] == "template"
    )
