"""What Cargo says of packages and artifacts."""

import json

import pytest
from maelstrom_cargo.messages_plan import Workspace, artifacts, has_harness, kind_of, macros


def test_programs_are_found_among_messages() -> None:
    def artifact(kind: str, executable: str | None, *, is_test: bool) -> str:
        target = {"kind": [kind], "name": "n", "src_path": "/p/src/lib.rs"}
        return json.dumps(
            {
                "reason": "compiler-artifact",
                "manifest_path": "/p/Cargo.toml",
                "target": target,
                "executable": executable,
                "profile": {"test": is_test},
            }
        )

    lines = [
        "printed by somebody",
        "[1]",
        artifact("custom-build", "/t/build", is_test=False),
        artifact("lib", None, is_test=False),
        artifact("proc-macro", "/t/lib-1", is_test=True),
        artifact("bin", "/t/bin", is_test=False),
        '{"reason": "build-finished", "success": true}',
    ]

    found = artifacts(lines)

    assert [(one.path, one.kind, one.is_test) for one in found] == [
        ("/t/lib-1", "lib", True),
        ("/t/bin", "bin", False),
    ]
    assert kind_of(["cdylib", "rlib"]) == "lib"


def test_macros_are_libraries_that_no_program_needs() -> None:
    def library(kind: str, file: str, executable: str | None = None) -> str:
        message = {"reason": "compiler-artifact", "target": {"kind": [kind]}, "filenames": [file]}
        return json.dumps({**message, "executable": executable})

    lines = [
        "printed by somebody",
        library("proc-macro", "/t/deps/libm-1.so"),
        library("dylib", "/t/deps/libd-1.so"),
        library("proc-macro", "/t/deps/m-2", "/t/deps/m-2"),
    ]

    assert macros(lines) == {"libm-1.so"}


def test_what_is_kept_elsewhere_is_known() -> None:
    said = {
        "workspace_root": "/p",
        "target_directory": "/p/target",
        "build_directory": "/b",
        "packages": [{"manifest_path": "/p/a/Cargo.toml"}],
    }

    usual = Workspace.read(json.dumps(said))
    own = Workspace.read(json.dumps({**said, "build_directory": "/own"}), "/own")

    assert usual == Workspace(root="/p", kept=("/p/target", "/b"), members=("/p/a",))
    assert own.kept == ("/own",)


@pytest.mark.parametrize(
    ("kind", "name", "has"),
    [
        ("lib", "x", False),
        ("test", "own", False),
        ("test", "other", True),
        ("test", "found by Cargo", True),
        ("bench", "own", True),
    ],
)
def test_harness_is_what_the_manifest_says(kind: str, name: str, has: bool) -> None:
    manifest = {
        "lib": {"harness": False},
        "test": [{"name": "own", "harness": False}, {"name": "other"}],
    }

    assert has_harness(manifest, kind, name) is has
