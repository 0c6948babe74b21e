"""Calls ``go``: what it is, which packages there are, their test binaries."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from maelstrom_core.errors import HostError, UsageError
from maelstrom_core.model.digest import Digest
from maelstrom_go.packages_plan import FIELDS, Package, packages

_TIME_NS = 1_700_000_000 * 10**9
"""Of test binaries; Go knows by what is in them whether they are still right."""
_VARIABLES = ("GOMOD", "GOWORK", "GOROOT", "GOMODCACHE", "GOCACHE", "GOVERSION")


@attrs.frozen(kw_only=True)
class Toolchain:
    """The ``go`` of this machine, in one directory.

    :param program: path of ``go``
    :param directory: where it is called, absolute
    :param variables: what ``go env`` says of `_VARIABLES`
    :param flags: of building, as the user wrote them (``-race``, ``-tags=…``)
    """

    program: str
    directory: Path
    variables: dict[str, str]
    flags: tuple[str, ...] = ()

    @classmethod
    def found(cls, directory: Path, flags: Sequence[str] = ()) -> "Toolchain":
        """Find it.

        :raises HostError: if there is none
        :raises UsageError: if this directory is in no module
        """
        program = shutil.which("go")
        if program is None:
            raise HostError(
                "there is no go in the PATH",
                remedy="install Go (https://go.dev/doc/install), or add its bin to the PATH",
            )
        said = subprocess.run(
            [program, "env", "-json", *_VARIABLES],
            cwd=directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if said.returncode:
            raise UsageError(f"go env failed:\n{said.stderr.strip()}")
        variables: dict[str, str] = json.loads(said.stdout)
        if variables["GOMOD"] in ("", os.devnull) and not variables["GOWORK"]:
            raise UsageError(
                f"{directory} is in no Go module",
                remedy="go where a go.mod or go.work is, or make one: go mod init",
            )
        return cls(program=program, directory=directory, variables=variables, flags=tuple(flags))

    @property
    def root(self) -> Path:
        """Directory of the workspace, or of the module."""
        return Path(self.variables["GOWORK"] or self.variables["GOMOD"]).parent

    def packages(self, patterns: Sequence[str]) -> list[Package]:
        """Packages that patterns name.

        :param patterns: as ``go test`` takes them (``./...``); without any, all packages below this
            directory, or those of all modules of a workspace that is no module itself
        :raises UsageError: with what ``go list`` says
        """
        if not patterns:
            patterns = ["./..."] if self._is_module else self._modules()
        fields = f"-json={','.join(FIELDS)}"
        return list(packages(self._list("-e", fields, *self._list_flags(), *patterns)))

    @property
    def _is_module(self) -> bool:
        return self.variables.get("GOMOD", "") not in ("", os.devnull)

    def _modules(self) -> list[str]:
        """A pattern for each module of the workspace: ``./...`` fits none of them."""
        directories = self._list("-m", "-f", "{{.Dir}}").splitlines()
        return [f"{directory}/..." for directory in directories]

    def _list(self, *arguments: str) -> str:
        said = subprocess.run(
            [self.program, "list", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if said.returncode:
            raise UsageError(f"the packages cannot be listed:\n{said.stderr.strip()}")
        return said.stdout

    def _list_flags(self) -> list[str]:
        # The only ones of building that choose files.
        choosing = ("-tags", "-mod", "-race", "-msan", "-asan", "-overlay")
        return [flag for flag in self.flags if flag.startswith(choosing)]

    def build_command(self, package: Package, binary: Path) -> list[str]:
        """What makes the test binary of a package."""
        return [self.program, "test", "-c", "-o", str(binary), *self.flags, package.path]


@attrs.frozen(kw_only=True)
class Built:
    """One package, built or not.

    :param binary: ``None`` if it has no tests, or could not be built
    :param said: what ``go`` printed, warnings or errors
    :param failed: whether it could not be built
    """

    package: Package
    binary: Path | None
    said: str
    failed: bool


class Builder:
    """Builds packages in threads, as many at once as are allowed; `close` ends what still runs.

    :param directory: where binaries are kept: Go itself sees which of them are still right
    :param at_once: Go builds with all CPUs by itself, so a few are enough to keep them busy
    """

    def __init__(self, toolchain: Toolchain, directory: Path, *, at_once: int) -> None:
        self._toolchain = toolchain
        self._directory = directory
        self._at_once = at_once
        self._waiting: queue.SimpleQueue[Package | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Built] = queue.SimpleQueue()
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def start(self, wanted: Iterable[Package]) -> None:
        """Begin."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for package in wanted:
            self._waiting.put(package)
        for _ in range(self._at_once):
            self._waiting.put(None)
            threading.Thread(target=self._work, daemon=True).start()

    def next(self) -> Built:
        """The next one that is done; waits for it."""
        return self._done.get()

    def close(self) -> None:
        """End builds that still run."""
        with self._lock:
            self._closed = True
            for process in self._running.values():
                process.terminate()

    def _work(self) -> None:
        while not self._closed and (package := self._waiting.get()) is not None:
            try:
                self._done.put(self._build(package))
            except OSError as error:
                said = f"go could not be started: {error.strerror}"
                self._done.put(Built(package=package, binary=None, said=said, failed=True))

    def _build(self, package: Package) -> Built:
        # Packages of one name have binaries of one name, and tests see it as their os.Args[0].
        key = Digest.of("\0".join((package.path, *self._toolchain.flags)).encode())
        directory = self._directory / key.hex[:16]
        directory.mkdir(exist_ok=True)
        binary = directory / f"{package.path.rpartition('/')[2]}.test"
        with self._lock:
            if self._closed:
                return Built(package=package, binary=None, said="", failed=True)
            process = subprocess.Popen(
                self._toolchain.build_command(package, binary),
                cwd=self._toolchain.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            self._running[process.pid] = process
        said, _ = process.communicate()
        with self._lock:
            del self._running[process.pid]
        if process.returncode:
            return Built(package=package, binary=None, said=said, failed=True)
        found = binary if binary.exists() and "[no test files]" not in said else None
        if found is not None:
            # Go touches one that is still right: it would be another layer in every run, and a copy.
            os.utime(found, ns=(_TIME_NS, _TIME_NS))
        return Built(package=package, binary=found, said=said, failed=False)
