"""The schemas for editors: as published, complete, and of one mind with the readers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from maelstrom_core.cli import main
from maelstrom_core.errors import InputError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.spec.jobs_plan import JobPlanner

REFERENCE = Path(__file__).parents[4] / "docs" / "reference"
NAMES = ("maelstrom-run", "maelstrom-pytest")


def published(name: str) -> dict[str, Any]:
    return json.loads((REFERENCE / f"{name}.schema.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_published_is_what_the_program_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", name]) == 0
    assert (REFERENCE / f"{name}.schema.json").read_text() == capsys.readouterr().out, (
        f"run: maelstrom schema {name} > docs/reference/{name}.schema.json"
    )


def without_a_shape(shape: Any, path: str) -> Iterator[str]:
    match shape:
        case dict():
            for key, value in shape.items():
                if value is True and path.endswith(("properties", "items", "anyOf", "oneOf")):
                    yield f"{path}.{key}"
                yield from without_a_shape(value, f"{path}.{key}")
        case list():
            for index, value in enumerate(shape):
                yield from without_a_shape(value, f"{path}[{index}]")


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_says_what_it_takes(name: str) -> None:
    schema = published(name)

    jsonschema.Draft202012Validator.check_schema(schema)
    missing = list(without_a_shape(schema, name))
    assert not missing, f"mark their readers with shaped(…) of spec/reading.py: {missing}"


def test_one_that_does_not_is_found() -> None:
    assert list(without_a_shape({"properties": {"a": True, "b": False}}, "x")) == ["x.properties.a"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_container_a_job_and_a_directive_has_words(name: str) -> None:
    """What is refused has none, and what has none of its own may have it of its kind."""

    def silent(shape: Any) -> Iterator[str]:
        if isinstance(shape, dict):
            keys = shape.get("properties", {})
            if {"containers", "layers"} & set(keys):
                yield from (
                    key
                    for key, value in keys.items()
                    if isinstance(value, dict) and "description" not in value
                )
            for value in shape.values():
                yield from silent(value)

    assert set(silent(published(name))) <= {"group_by", "include_shared_libraries"}


GOOD: list[dict[str, Any]] = [
    {"program": "x"},
    {"jobs": [{"image": "docker://x"}, {"image": "oci:x", "arguments": ["y"]}]},
    {"containers": {}},
    {"jobs": []},
    {"program": "x", "arguments": ["", "a"], "label": "l", "timeout": 0, "priority": -128},
    {"program": "x", "timeout": "2m", "expected_duration": 0.5, "slots": 2},
    {"program": "x", "stdin": "", "outputs": "*.txt", "outputs_size": "1 GB"},
    {"program": "x", "outputs": ["a", "b/**"], "outputs_size": 12, "estimated_duration": "1h"},
    {"program": "x", "environment": {"A": "$env{B:-c}"}},
    {"program": "x", "environment": [{"vars": {"A": "b"}, "extend": False}]},
    {"program": "x", "layers": [{"paths": ["a"], "strip_prefix": "b"}, {"tar": "c.tar"}]},
    {"program": "x", "layers": [{"glob": "**.py"}, {"glob": ["a", "b"], "exclude": "c"}]},
    {"program": "x", "layers": [{"symlinks": [{"link": "/a", "target": "b"}]}]},
    {"program": "x", "mounts": [{"type": "tmp", "mount_point": "/a", "size": "64MiB"}]},
    {"program": "x", "mounts": [{"type": "devices", "devices": ["null", "shm"]}]},
    {"program": "x", "network": "local", "user": 0, "group": 1, "hostname": "h"},
    {"program": "x", "limits": {"memory": "1GiB", "pids": 5}, "capabilities": ["CAP_NET_ADMIN"]},
    {"program": "x", "limits": {"cpu": 1.5, "output": "10MiB", "cpu_seconds": 1}},
    {"containers": {"a": {"layers": []}}, "program": "x", "parent": "a"},
    {
        "containers": {"a": {"layers": []}},
        "jobs": [{"program": "x", "parent": {"name": "a", "use": ["layers"]}}],
    },
]
BAD: list[dict[str, Any]] = [
    {"programm": "x"},
    {"program": ""},
    {"program": 3},
    {"program": "x", "arguments": "a"},
    {"program": "x", "arguments": [1]},
    {"program": "x", "timeout": "soon"},
    {"program": "x", "timeout": -1},
    {"program": "x", "priority": 128},
    {"program": "x", "priority": 1.5},
    {"program": "x", "slots": 0},
    {"program": "x", "stdin": {"path": "x"}},
    {"program": "x", "outputs": [1]},
    {"program": "x", "outputs_size": "much"},
    {"program": "x", "environment": {"A": 1}},
    {"program": "x", "environment": {"A=B": "c"}},
    {"program": "x", "layers": [{"path": ["a"]}]},
    {"program": "x", "layers": [{"paths": ["a"], "tar": "b"}]},
    {"program": "x", "mounts": [{"type": "tmpfs", "mount_point": "/a"}]},
    {"program": "x", "mounts": [{"type": "tmp", "mount_point": "/"}]},
    {"program": "x", "mounts": [{"type": "tmp"}]},
    {"program": "x", "network": "host"},
    {"program": "x", "user": -1},
    {"program": "x", "limits": {"memori": 1}},
    {"program": "x", "allocate_tty": 1},
    {"program": "x", "limits": {"cpu": 0}},
    {"program": "x", "limits": {"cpu": "two"}},
    {"program": "x", "limits": {"pids": 0}},
    {"program": "x", "parent": {"use": ["layers"]}},
    {"program": "x", "parent": {"name": "default", "use": ["layer"]}},
    {"program": "x", "jobs": []},
    {"jobs": [{"arguments": ["a"]}]},
    {"jobs": [{"program": "x", "containers": {}}]},
    {"containers": {"a": {"program": "x"}}},
]


def reader_takes(document: dict[str, Any]) -> bool:
    planner = JobPlanner(default=ContainerSpec(), client={}, project="/p")
    try:
        planner.take(document, what="it")
    except InputError:
        return False
    return True


@pytest.mark.parametrize("document", GOOD, ids=str)
def test_what_the_reader_takes_is_right_by_the_schema(document: dict[str, Any]) -> None:
    assert reader_takes(document)
    jsonschema.Draft202012Validator(published("maelstrom-run")).validate(document)


@pytest.mark.parametrize("document", BAD, ids=str)
def test_what_the_reader_refuses_is_wrong_by_the_schema(document: dict[str, Any]) -> None:
    assert not reader_takes(document)
    assert not jsonschema.Draft202012Validator(published("maelstrom-run")).is_valid(document)
