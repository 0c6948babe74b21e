"""Formats of the Rust Maelstrom, row by row: accepted with their meaning, or refused in words.

The rows are in ``formats.toml`` (jobs, containers, layers, mounts, variables) and
``formats_of_runners.toml`` (files of directives, filters, names of images).
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from maelstrom_go.selectors import SELECTORS as GO

from maelstrom_core.errors import InputError
from maelstrom_core.filters import (
    BadFilter,
    Kind,
    Selector,
    Selectors,
    evaluate,
    parse,
    print_filter,
)
from maelstrom_core.images.reference import BadReference
from maelstrom_core.images.reference import parse as parse_image
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec, Mount, Network, Proc, Root
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import LayerSpec, TarLayer
from maelstrom_core.model.plain import to_plain
from maelstrom_core.settings.schema import BadValue
from maelstrom_core.spec.commands import SaidCommand
from maelstrom_core.spec.container import layer
from maelstrom_core.spec.environment import elements, evaluated
from maelstrom_core.spec.jobs_plan import ImageWanted, JobPlanner
from maelstrom_core.spec.mounts import mount
from maelstrom_core.spec.reading import Place
from maelstrom_core.testrun.directives import read_directives
from maelstrom_core.testrun.directives_plan import Planner
from pytest_maelstrom.selectors import SELECTORS as PYTEST

HERE = Path(__file__).parent
FILES = ("formats", "formats_of_runners")
CLIENT = {"WHO": "ann", "EMPTY": "", "BYTES": "\udcff"}
TEMPLATES = {"build-dir": "/b"}
PARENT = {
    "layers": [{"tar": "p.tar"}],
    "environment": {"A": "1"},
    "mounts": [{"type": "proc", "mount_point": "/proc"}],
    "network": "local",
    "enable_writable_file_system": True,
    "working_directory": "/w",
    "user": 7,
    "group": 8,
}
IMAGE = Image(
    name="docker://docker.io/library/i:latest",
    digest="sha256:0",
    layers=(),
    environment=(("I", "i"),),
    working_directory="/i",
)
CARGO = Selectors(
    [
        Selector(name="name", shortest="n", field="name", help="it"),
        Selector(name="package", shortest="p", field="package", help="it"),
        *(
            Selector(name=name, shortest=short, field=f"details.{name}", kind=kind, help="it")
            for name, short, kind in (
                ("library", "l", Kind.FLAG),
                ("binary", "bi", Kind.FLAG | Kind.TEXT),
                ("benchmark", "be", Kind.FLAG | Kind.TEXT),
                ("example", "e", Kind.FLAG | Kind.TEXT),
                ("test", "te", Kind.FLAG | Kind.TEXT),
            )
        ),
    ]
)
RUNNERS = {"cargo": CARGO, "go": GO, "pytest": PYTEST}

# What the formats have, each of which some row must be about.
KEYS_OF_JOBS = {
    *("program", "arguments", "timeout", "estimated_duration", "priority", "allocate_tty"),
    *("capture_file_system_changes", "image", "parent", "layers", "added_layers", "environment"),
    *("added_environment", "mounts", "added_mounts", "network", "enable_writable_file_system"),
    *("working_directory", "user", "group"),
}
KEYS_OF_LAYERS = {
    *("tar", "glob", "paths", "stubs", "symlinks", "shared_library_dependencies", "command"),
    *("strip_prefix", "prepend_prefix", "canonicalize", "follow_symlinks"),
}
TYPES_OF_MOUNTS = {"bind", "devices", "devpts", "mqueue", "proc", "sys", "tmp"}
KEYS_OF_DIRECTIVES = {"filter", "include_shared_libraries", "timeout", "ignore"}

Row = dict[str, Any]


def rows(kind: str) -> list[Any]:
    files = [tomllib.loads((HERE / f"{name}.toml").read_text()) for name in FILES]
    found = [row for file in files for row in file.get(kind, ())]
    return [pytest.param(row, id=f"{row['of']} {at}") for at, row in enumerate(found)]


def texts(kind: str) -> list[str]:
    return [parameter.values[0]["text"] for parameter in rows(kind)]


def inline(text: str) -> Any:
    return tomllib.loads(f"it = {text}")["it"]


def check(row: Row, gives: Any, faults: list[str]) -> None:
    """That a row comes to what it says."""
    if "refused" in row:
        assert faults == [row["refused"]]
    else:
        assert (gives, faults) == (row["gives"], [])


def plain(value: Any, union: Any = None) -> Any:
    """As TOML has it."""
    return json.loads(json.dumps(to_plain(value, union=union), ensure_ascii=False))


@pytest.mark.parametrize("row", rows("job"))
def test_jobs(row: Row) -> None:
    planner = JobPlanner(default=ContainerSpec(), client=CLIENT, project="/p")
    planner.take({"containers": {"p": PARENT}}, what="it")
    planner.brought("docker://i", IMAGE)
    document, gives, faults = json.loads(row["text"]), {}, []
    try:
        taken = planner.take(document, what="it")
        gives = plain(taken[0].job)
        # What is left out has its default.
        gives = {name: gives.get(name, _DEFAULTS.get(name)) for name in row["gives"]}
    except InputError as error:
        faults = list(error.faults)
    except ImageWanted:
        pytest.fail("there is one image alone")
    check(row, gives, faults)


_DEFAULTS = {"environment": [], "working_directory": "/"}


@pytest.mark.parametrize("row", rows("environment"))
def test_variables(row: Row) -> None:
    place, gives = Place("environment", []), {}
    try:
        read = place.read(elements, json.loads(row["text"])) or ()
        if not place.faults:
            gives = evaluated(read, {"A": "1"}, CLIENT)
    except InputError as error:
        place.faults.extend(error.faults)
    expected = {**row, "gives": {k: _escaped(v) for k, v in row.get("gives", {}).items()}}
    if "refused" not in row:
        row = expected
    check(row, gives, place.faults)


def _escaped(text: str) -> str:
    """TOML has no way to write half of a surrogate pair."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


@pytest.mark.parametrize("row", rows("layer"))
def test_layers(row: Row) -> None:
    place = Place("", [], TEMPLATES)
    read = place.read(layer, inline(row["text"]))
    if isinstance(read, SaidCommand):
        check(row, {"command": list(read.command)}, place.faults)
    else:
        check(row, None if read is None else plain(read, LayerSpec), place.faults)


@pytest.mark.parametrize("row", rows("mount"))
def test_mounts(row: Row) -> None:
    place = Place("", [])
    read = place.read(mount, inline(row["text"]))
    check(row, None if read is None else plain(read, Mount), place.faults)


DEFAULT = ContainerSpec(
    layers=(TarLayer(tar="d.tar"),),
    environment=(("A", "1"),),
    mounts=(Proc(),),
    root=Root(writable=True),
    network=Network.LOOPBACK,
    user=5,
)


@pytest.mark.parametrize("row", rows("directives"))
def test_files_of_directives(row: Row) -> None:
    faults, gives = [], {}
    try:
        directives = read_directives(
            tomllib.loads(row["text"]),
            RUNNERS[row["runner"]],
            file="it",
            cannot={"include_shared_libraries": "is for others"}
            if row["runner"] != "cargo"
            else {},
            templates=TEMPLATES,
        )
        planner = Planner(
            directives,
            RUNNERS[row["runner"]],
            default=DEFAULT,
            client=CLIENT,
            project="/p",
            images={"docker://i": IMAGE},
        )
        case = Case(id=CaseId("it"), name="it", details={"node id": "it"}, markers=("m",))
        plan = plain(planner.for_case(case))
        gives = {name: plan.get(name) for name in row.get("gives", ())}
    except InputError as error:
        faults = list(error.faults)
    check(row, gives, faults)


@pytest.mark.parametrize("row", rows("filter"))
def test_filters(row: Row) -> None:
    gives, faults = None, []
    try:
        tree = parse(row["text"], RUNNERS[row["runner"]])
        gives = print_filter(tree)
        if "facts" in row:
            # Not said: not known yet.
            assert evaluate(tree, row["facts"]) is row.get("fits")
    except BadFilter as bad:
        faults = [bad.reason]
    check(row, gives, faults)


@pytest.mark.parametrize("row", rows("image"))
def test_names_of_images(row: Row) -> None:
    gives, faults = None, []
    try:
        gives = str(parse_image(row["text"]))
    except (BadReference, BadValue) as bad:
        faults = [str(bad)]
    check(row, gives, faults)


def test_no_part_of_the_formats_is_left_out() -> None:
    in_jobs = {key for text in texts("job") for key in json.loads(text)}
    if texts("environment"):
        in_jobs.add("environment")
    assert in_jobs >= KEYS_OF_JOBS
    layers = {key for text in texts("layer") for key in inline(text)}
    assert layers >= KEYS_OF_LAYERS
    mounts = {inline(text)["type"] for text in texts("mount")}
    assert mounts >= TYPES_OF_MOUNTS
    directives = {
        key
        for text in texts("directives")
        for one in tomllib.loads(text).get("directives", ())
        for key in one
    }
    assert directives >= KEYS_OF_DIRECTIVES
    for runner, selectors in RUNNERS.items():
        written = " ".join(
            parameter.values[0]["text"]
            for parameter in rows("filter")
            if parameter.values[0]["runner"] == runner
        )
        ours = {"own_markers", "kinds"}
        if runner == "go":
            ours.add("package")
        assert {one.name for one in selectors if one.name not in ours} <= set(
            re.findall(r"\w+", written)
        )
