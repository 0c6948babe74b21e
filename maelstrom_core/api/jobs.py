"""Jobs out of documents, with what must be read from this machine's disk, and images.

A document is *taken* at once; jobs of it whose images are still to be brought are *finished* then.
"""

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from maelstrom_core.api.system import system_container
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.images.stop import Stop
from maelstrom_core.model.images import Image
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES, JobSpec
from maelstrom_core.spec.jobs_plan import JobPlanner, PlannedJob


class Bringing(Protocol):
    """Whoever brings images; see `maelstrom_core.images.bring.Bringer`."""

    def bring(self, names: Iterable[str], *, stop: Stop | None = None) -> Mapping[str, Image]:
        """Images by their names; ends soon when it is told to stop."""


class Jobs:
    """Makes jobs of documents, one after the other. Safe for any number of threads.

    :param project_directory: what relative paths are relative to
    :param client: what ``$env{…}`` looks up; this process's variables by default
    :param timeout: of jobs that say nothing of it
    :param output_bytes: how much of each of a job's streams is kept
    :param bringer: brings images; without one, jobs cannot name any
    :param captures: whether what jobs write to their roots comes back, whatever they say
    """

    def __init__(
        self,
        project_directory: Path,
        *,
        client: Mapping[str, str] | None = None,
        timeout: float | None = None,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
        bringer: Bringing | None = None,
        captures: bool = False,
    ) -> None:
        self._bringer = bringer
        self._project_directory = project_directory
        self._lock = threading.Lock()
        self._planner = JobPlanner(
            default=system_container(),
            client=os.environ if client is None else client,
            project=os.fspath(project_directory),
            timeout=timeout,
            output_bytes=output_bytes,
            captures=captures,
        )

    def of(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """The jobs of a document: one, those of its list ``jobs``, or none.

        Waits for images that have to be brought.

        :param document: as in JSON or TOML; its containers can be parents from now on
        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then. What only
            an image can tell to be a fault is told when it is there
        """
        found: list[JobSpec] = []
        faults: list[str] = []
        for planned in self.take(document, what=what, command=command):
            while image := self.wanted(planned):
                self.bring(image)
            try:
                found.append(self.finished(planned))
            except InputError as error:
                faults += error.faults
        if faults:
            raise InputError(f"{what} cannot be used", faults)
        return found

    def take(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[PlannedJob]:
        """As `of`, and waits for nothing: see `wanted` and `finished`.

        :raises InputError: all its faults, but for those that an image may have
        """
        with self._lock:
            jobs = self._planner.take(document, what=what, command=command)
        return [self._with_stdin(one, what) if one.stdin_file else one for one in jobs]

    def wanted(self, planned: PlannedJob) -> str:
        """Name of an image without which a job cannot be finished; empty for none."""
        if planned.wants is None:
            return ""
        image = planned.wants.image
        with self._lock:
            return image if self._planner.has_to_be_brought(image) else ""

    def bring(self, name: str, stop: Stop | None = None) -> None:
        """Bring an image, or note why it cannot be had; may take minutes.

        :param stop: set by whoever does not want it any more: it ends soon then, and nothing is noted
        """
        try:
            if self._bringer is None:
                raise InputError("no image", [f"{name}: there is nobody here to bring it"])
            image = self._bringer.bring([name], stop=stop)[name]
        except MaelstromError as error:
            if stop is not None and stop.is_set():
                return
            faults = error.faults if isinstance(error, InputError) else ()
            why = "; ".join(faults) or str(error).replace("\n  ", "; ")
            with self._lock:
                self._planner.refused(name, why)
        else:
            with self._lock:
                self._planner.brought(name, image)

    def finished(self, planned: PlannedJob) -> JobSpec:
        """A job of which all is known; of one that wants an image, when that was brought.

        :raises InputError: for what only the image can tell to be a fault
        """
        if planned.wants is None:
            return planned.job
        with self._lock:
            return self._planner.finished(planned)

    def _with_stdin(self, planned: PlannedJob, what: str) -> PlannedJob:
        path = self._project_directory / planned.stdin_file
        try:
            data = path.read_bytes()
        except OSError as error:
            fault = f"stdin.file: {path}: {error.strerror}"
            raise InputError(f"{what} cannot be used", [fault]) from None
        return attrs.evolve(planned, job=attrs.evolve(planned.job, stdin=data), stdin_file="")
