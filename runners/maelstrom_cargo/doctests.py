"""Compiles doctests, and knows afterwards how each of them is run."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from maelstrom_cargo.building import run_to_end, write_script
from maelstrom_cargo.doctests_plan import (
    KEEP_SCRIPT,
    NUMBER,
    NUMBER_SCRIPT,
    RUN_BY,
    Doctest,
    doctests_of,
    holders,
)
from maelstrom_cargo.report_plan import FAILED
from maelstrom_cargo.targets import Target
from maelstrom_core.errors import HostError
from maelstrom_core.model.container import ContainerSpec
from maelstrom_core.model.job import JobSpec
from maelstrom_core.model.views import RunJob

INSIDE = "/.maelstrom/doctests"
"""Where containers have what was compiled."""
NAMING_SECONDS = 60.0
_PREFIX = "maelstrom-doctests-"
_KEEP, _NUMBER = "keep", "number"
_REPLAY = 'printf %s "$1"; exit "$2"'


class Compiled:
    """Programs of all doctests of a run, in a directory that is removed when the process ends.

    :param kept: directory in which Cargo keeps what it has built
    """

    def __init__(self, kept: str) -> None:
        self._kept = kept
        self._directory = ""

    @property
    def directory(self) -> str:
        """Where they are; made when it is first asked for.

        :raises HostError: if it cannot be
        """
        if not self._directory:
            try:
                os.makedirs(self._kept, exist_ok=True)
                _sweep(self._kept)
                prefix = f"{_PREFIX}{os.getpid()}-"
                self._directory = tempfile.mkdtemp(prefix=prefix, dir=self._kept)
                write_script(self._directory, _KEEP, KEEP_SCRIPT)
                write_script(self._directory, _NUMBER, NUMBER_SCRIPT)
            except OSError as error:
                raise HostError(
                    f"doctests cannot be kept in {self._kept}: {error.strerror}"
                ) from None
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        return self._directory

    @property
    def program(self) -> str:
        """Path of one of them, if there is any: all need the same libraries."""
        return os.fspath(min(Path(self.directory).glob("*.kept"), default=""))

    def clear(self) -> None:
        """Remove programs of a run before this one (``--until-fail``)."""
        if self._directory:
            for path in Path(self._directory).glob("*.kept"):
                path.unlink(missing_ok=True)

    async def of(
        self, target: Target, container_of: Callable[[], ContainerSpec], run_job: RunJob
    ) -> list[Doctest] | None:
        """Compile a library's doctests, and run none; ``None`` if this ``rustdoc`` cannot do that.

        :param container_of: in which they will run, with `directory`; asked when they are compiled
        """
        command = [target.program, *target.arguments, "--test-runtool"]
        command.append(f"{self.directory}/{_KEEP}")
        harness = target.harness
        for argument in (*harness.mode, *harness.choosing, *harness.rest):
            command += ["--test-args", argument]
        environment = {**os.environ, **target.environment, "TMPDIR": self.directory}
        _, out, _ = await run_to_end(command, Path(target.directory), environment, lambda _: None)
        if "test result: " not in out and "maelstrom-kept" not in out:
            return None
        found = doctests_of(out)
        for program in holders(out):
            found += await self._held(program, target, container_of(), run_job)
        return found

    async def _held(
        self, program: str, target: Target, container: ContainerSpec, run_job: RunJob
    ) -> list[Doctest]:
        """Doctests that one program holds; asked in a container, for it is the user's own code."""
        job = JobSpec(
            container=container,
            program=f"{INSIDE}/{program}",
            environment=((RUN_BY, f"{INSIDE}/{_NUMBER}"),),
            working_directory=target.run_in,
            timeout=NAMING_SECONDS,
            label=f"list {target.id}",
        )
        result = await run_job(job)
        return doctests_of(result.stdout.text(), program)


def _sweep(kept: str) -> None:
    """Remove what processes have left that were killed."""
    for entry in os.scandir(kept):
        pid = entry.name.removeprefix(_PREFIX).partition("-")[0]
        is_ours = entry.name.startswith(_PREFIX) and pid.isdigit()
        if is_ours and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(entry.path, ignore_errors=True)


def job_of(doctest: Doctest, target: Target, container: ContainerSpec) -> JobSpec | None:
    """How a doctest is run that was compiled; ``None`` if ``rustdoc`` is to do it."""
    if doctest.program:
        number = ((NUMBER, doctest.number),) if doctest.number else ()
        return JobSpec(
            container=container,
            program=f"{INSIDE}/{doctest.program}",
            environment=number,
            working_directory=target.run_in,
        )
    if doctest.said:
        # Nothing of it is left to be run.
        code = str(FAILED if doctest.has_failed else 0)
        return JobSpec(
            container=container,
            program="/bin/sh",
            arguments=("-c", _REPLAY, "sh", doctest.said, code),
        )
    return None
