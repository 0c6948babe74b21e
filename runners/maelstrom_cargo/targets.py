"""What there is to be tested: test binaries and libraries' doctests, and what each of them needs."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import attrs

from maelstrom_cargo.building import Built
from maelstrom_cargo.doctests_plan import Call
from maelstrom_cargo.libtest_plan import Arguments
from maelstrom_cargo.messages_plan import (
    DOCTESTS,
    LIBRARY,
    TEST,
    Artifact,
    has_harness,
)
from maelstrom_cargo.records_plan import Record
from maelstrom_cargo.toolchain import Toolchain
from maelstrom_core.errors import InternalError
from maelstrom_core.settings.toml_file import read_toml

LIBRARIES = "LD_LIBRARY_PATH"


@attrs.frozen(kw_only=True)
class Target:
    """One test binary, or the doctests of one library.

    :param id: as nextest calls it: ``semver``, ``semver::test_version``, ``tool::bin/tool``
    :param package: name of its package
    :param kind: of its target (`maelstrom_cargo.messages_plan`)
    :param name: of its target
    :param source: path of its main file; empty for doctests
    :param program: path of what runs the tests
    :param binary: path of the test binary, which is that program or is run by it; empty for doctests
    :param arguments: that the program has in any case
    :param harness: those of the harness; of a program that has none, all it is given
    :param has_harness: whether Rust's own harness runs the tests
    :param directory: where it runs
    :param run_in: where doctests run
    :param environment: its variables that are Cargo's
    :param library_path: directories in which its loader looks for shared libraries
    :param uses_built: whether it needs some that Cargo has built
    :param trees: directories with what ``rustdoc`` needs of what was built
    :param out: directory of what the package's build script has made; empty if it has none
    """

    id: str
    package: str
    kind: str
    name: str
    source: str
    program: str
    binary: str = ""
    arguments: tuple[str, ...] = ()
    harness: Arguments
    has_harness: bool = True
    directory: str
    run_in: str = ""
    environment: Mapping[str, str]
    library_path: tuple[str, ...] = ()
    uses_built: bool = False
    trees: tuple[str, ...] = ()
    out: str = ""


def targets_of(toolchain: Toolchain, built: Built) -> list[Target]:
    """What `cargo test` would run, in its order.

    :raises maelstrom_core.errors.UsageError: if a Cargo.toml cannot be read any more
    :raises InternalError: if it is not understood what Cargo has said
    """
    known = {artifact.path: artifact for artifact in built.artifacts if artifact.is_test}
    found = []
    for record in built.records:
        if record.is_doctests:
            found.append(_doctests(toolchain, record))
            continue
        path = record.arguments[0]
        if path not in known:
            raise InternalError(
                f"cargo test would run {path}, and has not said of which target it is",
                remedy="please report it, with what `cargo -V` prints",
            )
        found.append(_binary(toolchain, record, known[path], built.macros))
    return found


def _binary(
    toolchain: Toolchain, record: Record, artifact: Artifact, macros: Collection[str]
) -> Target:
    package = record.environment["CARGO_PKG_NAME"]
    harness = has_harness(read_toml(Path(artifact.manifest)) or {}, artifact.kind, artifact.name)
    path, *given = record.arguments
    library_path = tuple(record.environment.get(LIBRARIES, "").split(":"))
    runner = toolchain.runners.get(toolchain.triples[0], ())
    program, *before = (*runner, path)
    return Target(
        id=_id(package, artifact),
        package=package,
        kind=artifact.kind,
        name=artifact.name,
        source=artifact.source,
        program=program,
        binary=path,
        arguments=(*before, *(() if harness else given)),
        harness=Arguments.read(given),
        has_harness=harness,
        directory=record.directory,
        environment=_own(record.environment),
        library_path=library_path,
        uses_built=_uses_built(path, library_path, toolchain.workspace.kept, macros),
        out=record.environment.get("OUT_DIR", ""),
    )


def _doctests(toolchain: Toolchain, record: Record) -> Target:
    call = Call.read(record.arguments)
    package = record.environment["CARGO_PKG_NAME"]
    directories = [os.path.realpath(path) for path in call.directories]
    directories += [os.path.dirname(os.path.realpath(path)) for path in call.files]
    return Target(
        id=f"{package}::doc",
        package=package,
        kind=DOCTESTS,
        name=package,
        source="",
        program=toolchain.rustdoc,
        arguments=call.arguments,
        run_in=os.path.join(record.directory, call.run_in),
        harness=Arguments.read(call.harness),
        directory=record.directory,
        environment=_own(record.environment),
        trees=tuple(path for path in dict.fromkeys(directories) if os.path.isdir(path)),
        out=record.environment.get("OUT_DIR", ""),
    )


def _id(package: str, artifact: Artifact) -> str:
    if artifact.kind == LIBRARY:
        return package
    kind = "" if artifact.kind == TEST else f"{artifact.kind}/"
    return f"{package}::{kind}{artifact.name}"


def _own(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that Cargo has set, or changed."""
    return {name: value for name, value in variables.items() if os.environ.get(name) != value}


def _uses_built(
    binary: str, library_path: Sequence[str], kept: Sequence[str], macros: Collection[str]
) -> bool:
    """Whether a binary needs a shared library that is in one of some directories.

    :param macros: names of those that it certainly does not need
    """
    built = [path for path in library_path if any(path.startswith(f"{one}/") for one in kept)]
    names = (name for path in built for name in _names(path))
    if not any(name.endswith(".so") and name not in macros for name in names):
        return False
    # Loads an ELF reader; most workspaces have no others than procedural macros.
    from maelstrom_core.layers.elf import needs_of

    needs = needs_of(binary)
    return needs is not None and any(
        os.path.exists(os.path.join(path, name)) for path in built for name in needs.names
    )


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def programs(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Paths of programs that tests may start: binaries and examples, once each."""
    return tuple(dict.fromkeys(artifact.path for artifact in artifacts if not artifact.is_test))
