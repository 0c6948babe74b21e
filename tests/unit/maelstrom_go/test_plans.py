"""Packages, coverage, and which tests a pattern of Go's means."""

import json
from pathlib import Path

import pytest
from maelstrom_go.begun import Begun
from maelstrom_go.coverage_plan import Merged
from maelstrom_go.packages_plan import Package, directories_needed, packages
from maelstrom_go.request import GoRun
from maelstrom_go.toolchain import Toolchain


def go_run(**fields: object) -> GoRun:
    toolchain = Toolchain(program="go", directory=Path("/"), variables={})
    begun = Begun(toolchain=toolchain, patterns=("./...",), binaries=Path("/b"), at_once=1)
    return GoRun(begun=begun, **fields)  # type: ignore[arg-type]


def test_packages_come_one_after_the_other() -> None:
    listed = [
        {"ImportPath": "a", "Dir": "/a", "Name": "a", "TestGoFiles": ["a_test.go"]},
        {"ImportPath": "b", "Dir": "/b", "Error": {"Pos": "b.go:1", "Err": "expected 'package'\n"}},
    ]

    found = list(packages("\n".join(json.dumps(one, indent=1) for one in listed) + "\n"))

    assert found == [
        Package(path="a", directory="/a", name="a", has_tests=True),
        Package(
            path="b",
            directory="/b",
            name="",
            has_tests=False,
            faults=("b.go:1: expected 'package'",),
        ),
    ]


@pytest.mark.parametrize(
    ("mode", "counts"), [("set", [1, 0, 1]), ("count", [5, 0, 1]), ("atomic", [5, 0, 1])]
)
def test_profiles_are_merged(mode: str, counts: list[int]) -> None:
    merged = Merged()
    first = 1 if mode == "set" else 2
    second = 1 if mode == "set" else 3
    merged.add(f"mode: {mode}\np/b.go:9.1,10.2 1 {first}\np/a.go:12.1,13.2 2 0\n")
    merged.add(f"mode: {mode}\np/b.go:9.1,10.2 1 {second}\np/b.go:100.1,101.2 1 1\nnot one\n")

    assert list(merged.lines()) == [
        f"mode: {mode}",
        f"p/a.go:12.1,13.2 2 {counts[1]}",
        f"p/b.go:9.1,10.2 1 {counts[0]}",
        f"p/b.go:100.1,101.2 1 {counts[2]}",
    ]
    assert merged.share() == 0.5


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("", "TestParse", True),
        ("Parse", "TestParse", True),
        ("^Parse", "TestParse", False),
        ("TestParse/empty", "TestParse", True),
        ("Test[/a]x", "Test/x", True),
        ("Never/x|Parse/y", "TestParse", True),
        ("Never/(x|TestParse)", "TestParse", False),
        ("", "BenchmarkParse", False),
    ],
)
def test_the_first_part_of_a_pattern_is_the_test_s(pattern: str, name: str, wanted: bool) -> None:
    assert go_run(run=pattern).wants(name) == wanted


def test_the_rest_of_a_pattern_is_left_to_the_binary() -> None:
    run = go_run(run="Parse/empty/[/]x", skip="Never", bench="Quick/small")

    assert "-test.run=^TestParse$/empty/[/]x" in run.arguments_of("TestParse")
    either = go_run(run="Parse/empty|Never/x|^TestParse/full")
    assert "-test.run=^TestParse$/empty|^TestParse$/full" in either.arguments_of("TestParse")
    assert "-test.run=^TestParse$" in go_run(run="Parse/empty|Parse").arguments_of("TestParse")
    benchmark = run.arguments_of("BenchmarkQuick")
    assert "-test.run=^$" in benchmark
    assert "-test.bench=^BenchmarkQuick$/small" in benchmark
    assert not run.wants("TestNeverParse")
    assert run.wants("BenchmarkQuick")


def test_a_package_needs_what_its_files_and_those_of_tests_import() -> None:
    found = [
        Package(path="m/a", directory="/a", name="a", has_tests=True, imports=frozenset({"fmt"})),
        Package(path="m/b", directory="/b", name="b", has_tests=True, imports=frozenset({"m/a"})),
        Package(
            path="m/c", directory="/c", name="c", has_tests=True, imports=frozenset({"m/b", "m/d"})
        ),
        Package(path="m/d", directory="/d", name="d", has_tests=True, imports=frozenset({"m/c"})),
    ]
    assert directories_needed(found) == {
        "m/a": {"/a"},
        "m/b": {"/a", "/b"},
        "m/c": {"/a", "/b", "/c", "/d"},
        "m/d": {"/a", "/b", "/c", "/d"},
    }
