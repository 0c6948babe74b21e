"""Calls ``cargo``: which there is, of which workspace this directory is."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from maelstrom_cargo.messages_plan import Workspace
from maelstrom_cargo.records_plan import runner_variable
from maelstrom_core.errors import HostError, UsageError
from maelstrom_core.settings.toml_file import read_toml

_DIRECTORIES = {"": "debug", "dev": "debug", "test": "debug", "bench": "release"}
"""Of profiles, where they have other names (the Cargo Book, "Build cache")."""
_INSTALL = "install Rust (https://rustup.rs), or add its bin to the PATH"


@attrs.frozen(kw_only=True)
class Toolchain:
    """The Rust of this machine, in one directory.

    :param cargo: path of ``cargo``
    :param directory: where it is called, absolute
    :param sysroot: directory of compiler and standard library
    :param triples: platforms for which it may build
    :param runners: programs that run what was built, by platform, where there are any
    :param workspace: what is tested
    :param options: of ``cargo test``, as the user wrote them
    :param is_for_named: whether somebody has said for which platform is built, be it this one
    """

    cargo: str
    directory: Path
    sysroot: str
    triples: tuple[str, ...]
    runners: Mapping[str, tuple[str, ...]]
    workspace: Workspace
    options: tuple[str, ...] = ()
    is_for_named: bool = False

    @classmethod
    def found(
        cls,
        directory: Path,
        *,
        manifest: Sequence[str] = (),
        target: str = "",
        kept: str = "",
        options: Sequence[str] = (),
    ) -> "Toolchain":
        """Find it.

        :param manifest: options that say which workspace it is and how it is resolved
        :param target: the platform for which is built, if that was said
        :param kept: where what is built is kept, if that was said
        :raises HostError: if there is none
        :raises UsageError: if this directory is in no package, or its Cargo.toml is bad
        """
        # Cargo says so of itself when it is called as `cargo maelstrom`.
        cargo = os.environ.get("CARGO") or shutil.which("cargo")
        rustc = os.environ.get("RUSTC") or shutil.which("rustc")
        for name, program in (("cargo", cargo), ("rustc", rustc)):
            if program is None:
                raise HostError(f"there is no {name} in the PATH", remedy=_INSTALL)
        assert cargo is not None
        assert rustc is not None
        asked = [
            [cargo, "metadata", "--no-deps", "--format-version=1", *manifest],
            [rustc, "--print=sysroot"],
            [rustc, "-vV"],
        ]
        metadata, sysroot, version = _answers(asked, directory)
        host = next(line[6:] for line in version.splitlines() if line.startswith("host: "))
        files = list(_configuration(directory))
        triples = [target, os.environ.get("CARGO_BUILD_TARGET", ""), *_built_for(files), host]
        triples = [Path(triple).stem if "/" in triple else triple for triple in triples if triple]
        runners = {triple: _runner(triple, files) for triple in triples}
        return cls(
            cargo=cargo,
            directory=directory,
            sysroot=sysroot.strip(),
            triples=tuple(dict.fromkeys(triples)),
            runners={triple: words for triple, words in runners.items() if words},
            workspace=Workspace.read(metadata, os.path.join(directory, kept) if kept else ""),
            options=tuple(options),
            is_for_named=len(triples) > 1,
        )

    @property
    def root(self) -> Path:
        """Directory of the workspace."""
        return Path(self.workspace.root)

    def built_in(self, profile: str) -> str:
        """The directory in which Cargo puts programs that it builds.

        :param profile: as ``--profile`` has it; empty for that of tests
        """
        own = self.triples[:1] if self.is_for_named else ()
        directory = _DIRECTORIES.get(profile, profile)
        return os.path.join(self.workspace.kept[0], *own, directory)

    @property
    def rustdoc(self) -> str:
        """Path of what compiles and runs doctests."""
        own = f"{self.sysroot}/bin/rustdoc"
        given = os.environ.get("RUSTDOC", "")
        return given or (own if os.path.exists(own) else shutil.which("rustdoc") or own)


def cargo_home() -> str:
    """Where Cargo keeps what it has fetched."""
    return os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")


def _answers(commands: Sequence[Sequence[str]], directory: Path) -> list[str]:
    """What several programs print, asked at the same time: rustup makes each of them slow."""
    started = []
    try:
        for command in commands:
            started.append(
                subprocess.Popen(
                    command,
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
    except OSError as error:
        raise HostError(f"{command[0]} cannot be started: {error.strerror}") from None
    finally:
        said = [process.communicate() for process in started]
    for process, command, (_, err) in zip(started, commands, said, strict=True):
        if process.returncode:
            raise UsageError(f"{' '.join(command[:2])} failed:\n{err.strip()}")
    return [out for out, _ in said]


def _configuration(directory: Path) -> Iterator[dict[str, Any]]:
    """Cargo's files of settings, nearest first ("Hierarchical structure" of the Cargo Book)."""
    places = [one / ".cargo" for one in (directory, *directory.parents)]
    for place in dict.fromkeys([*places, Path(cargo_home())]):
        for name in ("config", "config.toml"):
            found = read_toml(place / name)
            if found is not None:
                yield found
                break


def _built_for(files: Sequence[Mapping[str, Any]]) -> list[str]:
    for file in files:
        target = file.get("build", {}).get("target")
        if target:
            return [target] if isinstance(target, str) else list(target)
    return []


def _runner(triple: str, files: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The runner that a user has for a platform; those of ``cfg(…)`` are not looked at."""
    given: Any = os.environ.get(runner_variable(triple))
    for file in files:
        given = given or file.get("target", {}).get(triple, {}).get("runner")
    if not given:
        return ()
    return tuple(given.split()) if isinstance(given, str) else tuple(given)
