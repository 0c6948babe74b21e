"""What Cargo says of packages, and of what it has built. Pure.

Sources: "cargo metadata" and "External tools" (JSON messages) of the Cargo Book.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

LIBRARY, BINARY, TEST, BENCHMARK, EXAMPLE, DOCTESTS = (
    "lib",
    "bin",
    "test",
    "bench",
    "example",
    "doc",
)
_KINDS = (BINARY, TEST, BENCHMARK, EXAMPLE)
_TABLES = {BINARY: "bin", TEST: "test", BENCHMARK: "bench", EXAMPLE: "example"}


@attrs.frozen(kw_only=True)
class Workspace:
    """What ``cargo metadata`` says.

    :param root: directory of the workspace
    :param kept: directories in which Cargo keeps what it has built
    :param members: directories of its packages
    """

    root: str
    kept: tuple[str, ...]
    members: tuple[str, ...]

    @classmethod
    def read(cls, text: str, kept_in: str = "") -> "Workspace":
        """Out of what it has printed.

        :param kept_in: a directory that a command line names in place of the usual one
        :raises ValueError: if it is something else
        """
        found = json.loads(text)
        # What is between may be kept elsewhere (``build.build-dir``).
        kept = [kept_in or found["target_directory"], found.get("build_directory") or ""]
        manifests = [package["manifest_path"] for package in found["packages"]]
        return cls(
            root=found["workspace_root"],
            kept=tuple(dict.fromkeys(path for path in kept if path)),
            members=tuple(path.rpartition("/")[0] for path in manifests),
        )


@attrs.frozen(kw_only=True)
class Artifact:
    """A program that Cargo has built.

    :param path: absolute
    :param kind: one of `LIBRARY`, `BINARY`, `TEST`, `BENCHMARK`, `EXAMPLE`: of which target it is
    :param name: of the target
    :param manifest: path of the package's Cargo.toml
    :param source: path of the target's main file
    :param is_test: whether it holds tests, and is not the program itself
    """

    path: str
    kind: str
    name: str
    manifest: str
    source: str
    is_test: bool


def artifacts(lines: Iterable[str]) -> list[Artifact]:
    """Programs of which messages tell, build scripts left out; lines that are none are left out."""
    found = []
    for message in _of_artifacts(lines):
        target = message["target"]
        if message.get("executable") and "custom-build" not in target["kind"]:
            artifact = Artifact(
                path=message["executable"],
                kind=kind_of(target["kind"]),
                name=target["name"],
                manifest=message["manifest_path"],
                source=target["src_path"],
                is_test=message["profile"]["test"],
            )
            found.append(artifact)
    return found


def macros(lines: Iterable[str]) -> frozenset[str]:
    """Names of shared libraries with procedural macros: the compiler loads them, and nobody else."""
    return frozenset(
        path.rpartition("/")[2]
        for message in _of_artifacts(lines)
        if "proc-macro" in message["target"]["kind"] and not message.get("executable")
        for path in message.get("filenames", ())
    )


def _of_artifacts(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("reason") == "compiler-artifact":
            yield message


def kind_of(kinds: Iterable[str]) -> str:
    """The kind of a target; all kinds of libraries (``rlib``, ``proc-macro``) are one."""
    return next((kind for kind in kinds if kind in _KINDS), LIBRARY)


def has_harness(manifest: Mapping[str, Any], kind: str, name: str) -> bool:
    """Whether a target's tests are run by Rust's own harness, as a Cargo.toml says."""
    if kind == LIBRARY:
        tables = [manifest.get("lib", {})]
    else:
        tables = [one for one in manifest.get(_TABLES[kind], ()) if one.get("name") == name]
    return all(table.get("harness", True) for table in tables)
