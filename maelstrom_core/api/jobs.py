"""Jobs out of documents, with what must be read from this machine's disk, and images."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from maelstrom_core.api.system import system_container
from maelstrom_core.errors import InputError, MaelstromError
from maelstrom_core.model.images import Image
from maelstrom_core.model.job import DEFAULT_OUTPUT_BYTES, JobSpec
from maelstrom_core.spec.jobs_plan import ImageWanted, JobPlanner


class Bringing(Protocol):
    """Whoever brings images; see `maelstrom_core.images.bring.Bringer`."""

    def bring(self, names: Iterable[str]) -> Mapping[str, Image]:
        """Images by their names."""


class Jobs:
    """Makes jobs of documents, one after the other.

    :param project_directory: what relative paths are relative to
    :param client: what ``$env{…}`` looks up; this process's variables by default
    :param timeout: of jobs that say nothing of it
    :param output_bytes: how much of each of a job's streams is kept
    :param bringer: brings images; without one, jobs cannot name any
    """

    def __init__(
        self,
        project_directory: Path,
        *,
        client: Mapping[str, str] | None = None,
        timeout: float | None = None,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
        bringer: Bringing | None = None,
    ) -> None:
        self._bringer = bringer
        self._project_directory = project_directory
        self._planner = JobPlanner(
            default=system_container(),
            client=os.environ if client is None else client,
            project=os.fspath(project_directory),
            timeout=timeout,
            output_bytes=output_bytes,
        )

    def of(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """The jobs of a document: one, those of its list ``jobs``, or none.

        Waits for images that have to be brought; `without_images` does not.

        :param document: as in JSON or TOML; its containers can be parents from now on
        :param what: the document, in words, for errors
        :param command: program and arguments that take the place of those that are written
        :raises InputError: all its faults, each with its path; nothing of it is taken then
        """
        while True:
            try:
                return self.without_images(document, what=what, command=command)
            except ImageWanted as wanted:
                self.bring(wanted.name)

    def bring(self, name: str) -> None:
        """Bring an image, or note why it cannot be had; may take minutes."""
        try:
            if self._bringer is None:
                raise InputError("no image", [f"{name}: there is nobody here to bring it"])
            self._planner.brought(name, self._bringer.bring([name])[name])
        except InputError as error:
            self._planner.refused(name, "; ".join(error.faults))
        except MaelstromError as error:
            self._planner.refused(name, str(error).replace("\n  ", "; "))

    def without_images(
        self, document: Mapping[str, Any], *, what: str = "the job", command: tuple[str, ...] = ()
    ) -> list[JobSpec]:
        """As `of`, but an image that has to be brought is asked for.

        :raises ImageWanted: for one; nothing is taken then
        """
        found = []
        for planned in self._planner.take(document, what=what, command=command):
            job = planned.job
            if planned.stdin_file:
                path = self._project_directory / planned.stdin_file
                try:
                    job = attrs.evolve(job, stdin=path.read_bytes())
                except OSError as error:
                    fault = f"stdin.file: {path}: {error.strerror}"
                    raise InputError(f"{what} cannot be used", [fault]) from None
            found.append(job)
        return found
