"""``<name>`` in the paths of layers."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.errors import InputError
from maelstrom_core.filters import Selectors
from maelstrom_core.layers.patterns import compiled, expand_braces
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.layers import (
    CommandLayer,
    GlobLayer,
    HostTreeLayer,
    LayerSpec,
    PathsLayer,
    Prefix,
    SharedLibrariesLayer,
    StubsLayer,
    Symlink,
    SymlinksLayer,
    TarLayer,
)
from maelstrom_core.spec.jobs_plan import JobPlanner
from maelstrom_core.spec.layers import layer
from maelstrom_core.spec.reading import Place, text_of
from maelstrom_core.spec.templates import path, templates
from maelstrom_core.testrun.directives import read_directives

KNOWN = {"build-dir": "/b/debug", "odd": "/a{b,c}[d]"}


def read(reader: Any, value: object, known: dict[str, str] = KNOWN) -> tuple[Any, list[str]]:
    place = Place("it", [], known)
    return place.read(reader, value), place.faults


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("<build-dir>/x", "/b/debug/x"),
        ("a/<build-dir><build-dir>", "a//b/debug/b/debug"),
        ("<<build-dir>/x", "<build-dir>/x"),
        ("<<<build-dir>", "</b/debug"),
        ("<<<<build-dir>", "<<build-dir>"),
        ("<<unknown>", "<unknown>"),
        ("a < b > c", "a < b > c"),
        ("<<", "<<"),
        ("<1st>", "<1st>"),
        ("<build_dir>", "<build_dir>"),
        ("<>", "<>"),
    ],
)
def test_a_name_is_filled_in_and_all_else_is_text(written: str, meant: str) -> None:
    assert read(path(text_of), written) == (meant, [])


def test_a_name_that_is_unknown_is_told_with_the_nearest() -> None:
    _, faults = read(path(text_of), "<biuld-dir>/<biuld-dir>/<x>")
    assert faults == [
        "it: <biuld-dir>: unknown; did you mean build-dir?; <<biuld-dir> is the text itself",
        "it: <x>: unknown; known: build-dir, odd; <<x> is the text itself",
    ]


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    assert read(path(text_of), "<a>", {"a": "<b>", "b": "c"}) == ("<b>", [])


@given(st.text(alphabet="<>ab-1", min_size=1))
def test_any_text_can_be_written(meant: str) -> None:
    doubled = re.sub(r"<+(?=[a-zA-Z-][a-zA-Z0-9-]*>)", lambda found: found[0] * 2, meant)
    assert read(path(text_of), doubled) == (meant, [])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"tar": "<build-dir>/a.tar"}, TarLayer(tar="/b/debug/a.tar")),
        (
            {
                "glob": "*.so",
                "root": "<build-dir>",
                "strip_prefix": "<build-dir>",
                "prepend_prefix": "/in<build-dir>",
            },
            GlobLayer(
                globs=("*.so",),
                root="/b/debug",
                prefix=Prefix(strip="/b/debug", prepend="/in/b/debug"),
            ),
        ),
        ({"paths": ["<build-dir>/x"]}, PathsLayer(paths=("/b/debug/x",))),
        ({"stubs": ["<build-dir>/{x,y}/"]}, StubsLayer(stubs=("/b/debug/{x,y}/",))),
        (
            {"symlinks": [{"link": "<build-dir>/l", "target": "<build-dir>"}]},
            SymlinksLayer(symlinks=(Symlink("/b/debug/l", "/b/debug"),)),
        ),
        (
            {"shared_library_dependencies": ["<build-dir>/x"]},
            SharedLibrariesLayer(binaries=("/b/debug/x",)),
        ),
        (
            {"host_tree": "<build-dir>", "target": "/t<build-dir>"},
            HostTreeLayer(path="/b/debug", target="/t/b/debug"),
        ),
    ],
)
def test_every_path_of_a_layer_may_have_some(written: object, meant: LayerSpec) -> None:
    assert read(layer, written) == (meant, [])


def test_in_patterns_and_stubs_a_value_stands_for_itself_alone() -> None:
    found, _ = read(layer, {"glob": ["x<odd>/*"], "exclude": "x<odd>"})
    assert compiled(found.globs).fullmatch("x/a{b,c}[d]/y")
    assert compiled(found.exclude).fullmatch("x/a{b,c}[d]")
    assert not compiled(found.exclude).fullmatch("x/abd")
    found, _ = read(layer, {"stubs": ["<odd>/{x,y}"]})
    assert expand_braces(*found.stubs) == ["/a{b,c}[d]/x", "/a{b,c}[d]/y"]


def test_a_pattern_that_fits_nothing_is_a_fault() -> None:
    for written in ("<build-dir>/*.so", "/etc/*"):
        _, (told,) = read(layer, {"glob": written})
        assert told.startswith("it.glob: a pattern is relative to root, so this one fits nothing")


def test_jobs_know_the_project_directory_and_words_of_commands_are_left_alone() -> None:
    planner = JobPlanner(default=ContainerSpec(), client={}, project="/my/project")
    layers = [{"stubs": ["<project-dir>/here/"]}, {"command": ["sh", "-c", "cat <in>out"]}]
    (planned,) = planner.take({"program": "x", "layers": layers}, what="it")
    stubs, command = planned.job.container.layers
    assert stubs == StubsLayer(stubs=("/my/project/here/",))
    assert isinstance(command, CommandLayer)
    assert command.command == ("sh", "-c", "cat <in>out")


def test_directives_know_what_their_runner_does() -> None:
    data = {
        "containers": {"one": {"layers": [{"paths": ["<build-dir>/x"]}]}},
        "directives": [{"added_layers": [{"paths": ["<project-dir>/y", "<project>/z"]}]}],
    }
    with pytest.raises(InputError) as raised:
        read_directives(data, Selectors([]), file="it", cannot={}, templates=templates("/p", KNOWN))
    assert raised.value.faults == (
        "directives[0].added_layers[0].paths[1]: <project>: unknown; did you mean project-dir?; "
        "<<project> is the text itself",
    )
